"""A recharge as whoever pays it sees it. Pure."""

from typing import Any

from payments.domain.attempts import Attempt, AttemptStatus
from payments.domain.recharges import Recharge, RechargeStatus


def recharge_view(recharge: Recharge, attempt: Attempt | None) -> dict[str, Any]:
    """How far it is; `client` is what the provider's app on the phone needs while it waits to be confirmed."""
    is_waiting = (
        recharge.status is RechargeStatus.WAITING and attempt is not None and attempt.status is AttemptStatus.WAITING
    )
    return {
        "recharge_id": recharge.recharge_id,
        "card_id": recharge.card_id,
        "company_id": recharge.company_id,
        "method": recharge.method,
        "amount_minor": recharge.amount_minor,
        "currency": recharge.currency,
        "status": recharge.status,
        "returned_minor": recharge.returned_minor,
        "created_at": recharge.created_at,
        "paid_at": recharge.paid_at,
        "client": dict(attempt.client) if is_waiting and attempt and attempt.client else None,
        "expires_at": attempt.expires_at if is_waiting and attempt else None,
    }
