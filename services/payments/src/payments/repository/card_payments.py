"""Paying with fuel cards in two round trips: one reads all that there is to decide on, one writes many charges."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.card_charges import Charge, Outcome
from payments.domain.cards import Card
from payments.domain.ledger import Balance, Transfer
from payments.domain.limits import Usage
from payments.domain.order_events import event_of
from payments.domain.orders import Order, Step
from payments.repository.cards import card_of, usage_from
from payments.repository.ledger import columns_of
from payments.repository.orders import notice_of, order_of
from servicekit.envelope import OutboxRecord, to_records
from servicekit.idempotency import IdempotentRequest, Reply
from servicekit.postgres import CONFLICT_RETRIES, CONFLICTS, Connection, PostgresStore

CHANGES = (
    "version", "status", "method", "card_id", "coupon_ids", "points", "discount_minor", "breakdown", "reservation_id",
    "gross_minor", "authorised_minor", "paid_minor", "waiting_since", "paid_at",
)  # fmt: skip
"""What a payment changes of an order; `charge_card` writes just these."""

_LOAD = """
    SELECT k.request_hash, k.status, k.reply, k.created_at, e.subject IS NOT NULL AS is_gone,
           o AS "order", c AS card, b.posted_minor, b.held_minor, u.*
    FROM (SELECT $1::text AS caller) AS asked
    LEFT JOIN idempotency_keys k ON (k.caller, k.route, k.key) = (asked.caller, $2, $3)
    LEFT JOIN erasures e ON e.subject = asked.caller
    LEFT JOIN orders o ON o.order_id = $4
    LEFT JOIN cards c ON c.card_id = $5
    LEFT JOIN balances b ON b.account_id = c.account_id
    CROSS JOIN LATERAL (
        SELECT date_trunc('day', $6, c.time_zone) AS day, date_trunc('week', $6, c.time_zone) AS week,
               date_trunc('month', $6, c.time_zone) AS month) AS began
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_minor) FILTER (WHERE used_at >= began.day), 0)::bigint AS day_amount,
               coalesce(sum(volume_ml) FILTER (WHERE used_at >= began.day), 0)::bigint AS day_volume,
               count(*) FILTER (WHERE used_at >= began.day) AS day_count,
               coalesce(sum(amount_minor) FILTER (WHERE used_at >= began.week), 0)::bigint AS week_amount,
               coalesce(sum(volume_ml) FILTER (WHERE used_at >= began.week), 0)::bigint AS week_volume,
               count(*) FILTER (WHERE used_at >= began.week) AS week_count,
               coalesce(sum(amount_minor) FILTER (WHERE used_at >= began.month), 0)::bigint AS month_amount,
               coalesce(sum(volume_ml) FILTER (WHERE used_at >= began.month), 0)::bigint AS month_volume,
               count(*) FILTER (WHERE used_at >= began.month) AS month_count
        FROM card_uses WHERE card_id = c.card_id AND used_at >= least(began.week, began.month)) AS u
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """All that there is to decide on, at one moment."""

    first_reply: Any
    """The row of the idempotency key; None where it is new. See servicekit.idempotency.replay."""
    is_gone: bool
    """The driver was erased or merged."""
    order: Order | None
    card: Card | None
    balance: Balance
    """Of the card's account, which may be a company's."""
    usage: Usage


@dataclass(frozen=True, slots=True)
class Entry:
    """A charge with the request that asked for it, and the reply that it gets if the charge is written."""

    charge: Charge
    request: IdempotentRequest
    reply: Reply
    records: Sequence[OutboxRecord]
    """The events of its steps."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of an entry; `first_reply` is the row of its key where that was known."""

    outcome: Outcome
    first_reply: Any


async def load(
    tx: Connection, request: IdempotentRequest, order_id: UUID, card_id: UUID, at: datetime
) -> Loaded:  # fmt: skip
    """Whatever is known of the request, the order and the card. One round trip."""
    (row,) = await tx.fetch(_LOAD, request.caller, request.route, request.key, order_id, card_id, at)
    return Loaded(
        first_reply=row if row["request_hash"] is not None else None,
        is_gone=row["is_gone"],
        order=order_of(row["order"]) if row["order"] else None,
        card=card_of(row["card"]) if row["card"] else None,
        balance=Balance(row["posted_minor"] or 0, row["held_minor"] or 0),
        usage=usage_from(row),
    )


def entry_of(charge: Charge, request: IdempotentRequest, reply: Reply) -> Entry:
    """The entry, in the trace of the request."""
    events = [event for step in charge.steps if (event := event_of(step))]
    return Entry(charge, request, reply, to_records(events))


async def write(store: PostgresStore, entries: Sequence[Entry]) -> list[Written]:
    """Writes charges in one transaction; each is written whole, or nothing of it. One round trip.

    Where it ran against another transaction it is done again.
    """
    documents = msgspec.json.encode([_document(entry) for entry in entries]).decode()
    try:
        return await _write(store, documents)
    except CONFLICTS:
        return await CONFLICT_RETRIES.copy()(_write, store, documents)


async def _write(store: PostgresStore, documents: str) -> list[Written]:
    async with store.connection() as connection:
        rows = await connection.fetch("SELECT * FROM charge_cards($1)", documents)
    return [Written(Outcome(row["outcome"]), row) for row in rows]


def _document(entry: Entry) -> dict[str, Any]:
    charge, request = entry.charge, entry.request
    card, order = charge.card, charge.order
    return {
        "driver_id": order.driver_id, "order_id": order.order_id, "order_version": charge.order_version,
        "card_id": card.card_id if card else None, "card_version": card.version if card else None,
        "account_id": card.account.id if card else None, "amount_minor": charge.amount_minor,
        "order": {name: getattr(order, name) for name in CHANGES},
        "steps": [_step(step) for step in charge.steps],
        "use": {
            "used_at": charge.purchase.at, "amount_minor": charge.purchase.amount_minor,
            "volume_ml": charge.purchase.volume_ml,
        },
        "ledger": _ledger(charge.transfer),
        "hold": _hold(charge),
        "events": [record._asdict() | {"payload": record.payload.decode()} for record in entry.records],
        "notices": [notice_of(step) for step in charge.steps],
        "request": {
            "caller": request.caller, "route": request.route, "key": request.key,
            "request_hash": request.digest.hex(), "status": entry.reply.status, "reply": entry.reply.body.decode(),
        },
    }  # fmt: skip


def _step(step: Step) -> dict[str, Any]:
    return {
        "version": step.order.version, "command": step.command, "before": step.before, "after": step.order.status,
        "actor": step.actor, "at": step.at, "details": step.details,
    }  # fmt: skip


_LEDGER_COLUMNS = (
    "a_id", "a_kind", "a_owner", "a_currency", "a_checked", "t_id", "t_kind", "t_key", "t_subject", "p_transfer",
    "p_account", "p_currency", "p_amount",
)  # fmt: skip
"""The type `ledger_columns`."""


def _ledger(transfer: Transfer | None) -> dict[str, Any] | None:
    return dict(zip(_LEDGER_COLUMNS, columns_of([transfer]), strict=True)) if transfer else None


def _hold(charge: Charge) -> dict[str, Any] | None:
    if (hold := charge.hold) is None:
        return None
    return {
        "hold_id": hold.id, "account_id": hold.account.id, "amount_minor": hold.amount_minor, "key": hold.key,
        "expires_at": hold.expires_at,
    }  # fmt: skip
