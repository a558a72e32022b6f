"""Cards and their limits between the domain and what routes show: drivers' and companies' routes share it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from payments.domain.holders import Holder, shown_document
from payments.domain.limits import Limits, from_document, to_document
from payments.http_models import fuel_cards as models
from payments.use_cases.cards import OpenedCard
from servicekit.cursors import next_cursor


def limits_of(body: models.Limits) -> Limits:
    """The limits that somebody asks for; the plate comes apart."""
    return from_document(body.model_dump(exclude={"plate"}))


def shown_limits(limits: Limits, plate: str | None) -> models.Limits:
    """The limits as they are shown."""
    return models.Limits.model_validate(to_document(limits) | {"plate": plate})


def shown(opened: OpenedCard) -> models.Card:
    """A card as its driver sees it."""
    card = opened.card
    return models.Card(
        card_id=card.card_id, version=card.version, kind=card.kind, company_id=card.company_id, currency=card.currency,
        number=opened.number, status=card.status_at(opened.at), named=card.named, holder=_shown_holder(opened.holder),
        balance=models.Balance.model_validate(opened.balance) if opened.balance else None,
        limits=shown_limits(card.limits, opened.plate), used=shown_usage(opened.usage), time_zone=card.time_zone,
        opened_at=card.opened_at, expires_at=card.expires_at, closed_at=card.closed_at,
    )  # fmt: skip


def shown_usage(usage: Any) -> models.Usage:
    """What was bought in the running periods."""
    return models.Usage.model_validate({period: asdict(use) for period, use in usage.items()})


def _shown_holder(holder: Holder | None) -> models.HolderOut | None:
    return models.HolderOut(name=holder.name, document=shown_document(holder.document)) if holder else None


def transaction_page(currency: str, rows: Sequence[Any], limit: int) -> models.TransactionPage:
    """A page of an account's postings, of which one more than `limit` was asked for."""
    return models.TransactionPage(
        currency=currency,
        transactions=[
            models.Transaction(
                transaction_id=str(row["posting_id"]), kind=row["kind"], amount_minor=row["amount_minor"],
                order_id=row["order_id"], recharge_id=row["recharge_id"], at=row["made_at"],
            )
            for row in rows[:limit]
        ],
        next_cursor=next_cursor(rows, limit, lambda row: row["posting_id"]),
    )  # fmt: skip
