"""How far a payment is, as the payer sees it. Pure."""

from typing import Any

from payments.domain.attempts import Attempt, AttemptStatus
from payments.domain.charging import UNDER_WAY
from payments.domain.order_words import Status
from payments.domain.orders import Order


def payment_view(order: Order, attempt: Attempt | None = None) -> dict[str, Any]:
    """What the payer is to do: `client` is what the provider's app on the phone needs."""
    is_waiting = order.status is Status.PAYING and attempt is not None and attempt.status is AttemptStatus.WAITING
    return {
        "method": order.method,
        "status": "waiting" if is_waiting else _status(order),
        "client": dict(attempt.client) if is_waiting and attempt and attempt.client else None,
        "expires_at": attempt.expires_at if is_waiting and attempt else None,
    }


def _status(order: Order) -> str:
    if order.status in UNDER_WAY:
        return "unknown"
    if order.status is Status.AUTHORISED:
        return "authorised"
    return "paid" if order.paid_at is not None else "failed"
