"""Queries about fuel cards: what is sealed of them comes apart from what everybody may reckon with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.cards import Card, CardKind
from payments.domain.limits import Period, Usage, Use, from_document, period_starts, to_document
from servicekit.postgres import Connection
from servicekit.problems import Problem


@dataclass(frozen=True, slots=True)
class Sealed:
    """What only the driver's box opens."""

    number: bytes | None
    holder: bytes | None
    plate: bytes | None


StoredCard = tuple[Card, Sealed]

COLUMNS = (
    "card_id, version, driver_id, company_id, kind, currency, time_zone, named, frozen, blocked, limits, plate_hash, "
    "opened_at, expires_at, closed_at"
)
"""What `card_of` needs."""


async def insert(tx: Connection, card: Card, number: bytes, number_hash: bytes, holder: bytes | None) -> bool:
    """Stores a new card; False where an open card has the number."""
    return bool(await tx.fetchval(
        """INSERT INTO cards (card_id, version, driver_id, company_id, account_id, kind, currency, time_zone, named,
                              frozen, blocked, limits, opened_at, expires_at, number, number_hash, holder)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
           ON CONFLICT (number_hash) DO NOTHING RETURNING true""",
        card.card_id, card.version, card.driver_id, card.company_id, card.account.id, card.kind, card.currency,
        card.time_zone, card.named, card.frozen, card.blocked, _text(to_document(card.limits)), card.opened_at,
        card.expires_at, number, number_hash, holder,
    ))  # fmt: skip


async def save(tx: Connection, card: Card) -> None:
    """Writes a card as it is after a change. Compare-and-set: Problem 409 `card-changed` where it changed meanwhile.

    A closed card gives up its number's hash, so that the number can be bound again.
    """
    done = await tx.execute(
        """UPDATE cards SET (version, named, frozen, blocked, limits, expires_at, closed_at, number_hash)
               = ($2, $3, $4, $5, $6, $7, $8, CASE WHEN $8::timestamptz IS NULL THEN number_hash END)
           WHERE card_id = $1 AND version = $2 - 1""",
        card.card_id, card.version, card.named, card.frozen, card.blocked, _text(to_document(card.limits)),
        card.expires_at, card.closed_at,
    )  # fmt: skip
    if done != "UPDATE 1":
        raise changed_meanwhile()


def changed_meanwhile() -> Problem:
    """Somebody else changed the card first, or paid with it."""
    return Problem(409, "card-changed", "The card has just been used or changed; send the same request again.")


async def save_holder(tx: Connection, card_id: UUID, holder: bytes) -> None:
    """Who the card's holder is, sealed."""
    await tx.execute("UPDATE cards SET holder = $2 WHERE card_id = $1", card_id, holder)


async def save_plate(tx: Connection, card_id: UUID, plate: bytes | None, plate_hash: bytes | None) -> None:
    """The one plate that the card is for, sealed; None: any."""
    await tx.execute("UPDATE cards SET (plate, plate_hash) = ($2, $3) WHERE card_id = $1", card_id, plate, plate_hash)


async def find(tx: Connection, card_id: UUID) -> Card | None:
    """The card."""
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM cards WHERE card_id = $1", card_id)  # noqa: S608 - our own names
    return card_of(row) if row else None


async def lock(tx: Connection, card_id: UUID) -> Card | None:
    """The card, which nobody else can change until the transaction ends."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM cards WHERE card_id = $1 FOR UPDATE", card_id  # noqa: S608 - our own names
    )  # fmt: skip
    return card_of(row) if row else None


async def sealed_of(tx: Connection, card_ids: Sequence[UUID]) -> dict[UUID, Sealed]:
    """What is sealed of these cards."""
    rows = await tx.fetch("SELECT card_id, number, holder, plate FROM cards WHERE card_id = ANY($1)", list(card_ids))
    return {row["card_id"]: Sealed(row["number"], row["holder"], row["plate"]) for row in rows}


async def cards_of(tx: Connection, driver_id: str, *, closed: bool = False) -> list[Card]:
    """A driver's cards, the oldest first; the closed ones too where asked."""
    query = f"SELECT {COLUMNS} FROM cards WHERE driver_id = $1 AND (closed_at IS NULL OR $2) ORDER BY card_id"  # noqa: S608
    return [card_of(row) for row in await tx.fetch(query, driver_id, closed)]


async def transactions_of(tx: Connection, card: Card, before: int | None, limit: int) -> list[Any]:
    """A page of what moved on a card's account, the newest first; of a company's account the card's own orders."""
    return await transactions(tx, card.account.id, card.card_id if card.company_id else None, before, limit)


async def transactions(
    tx: Connection, account_id: UUID, card_id: UUID | None, before: int | None, limit: int
) -> list[Any]:
    """A page of an account's postings: (posting_id, kind, amount_minor, order_id, recharge_id, made_at)."""
    return await tx.fetch(
        """SELECT p.posting_id, t.kind, p.amount_minor, o.order_id, r.recharge_id, t.made_at
           FROM postings p JOIN transfers t USING (transfer_id)
           LEFT JOIN orders o ON o.order_id = t.subject LEFT JOIN recharges r ON r.recharge_id = t.subject
           WHERE p.account_id = $1 AND ($2::uuid IS NULL OR o.card_id = $2) AND ($3::bigint IS NULL OR posting_id < $3)
           ORDER BY posting_id DESC LIMIT $4""",
        account_id, card_id, before, limit,
    )  # fmt: skip


async def usage_of(tx: Connection, card: Card, at: datetime) -> Usage:
    """What was bought with a card in the running day, week and month, what is held included."""
    starts = period_starts(at, card.time_zone)
    row = await tx.fetchrow(USAGE, card.card_id, *(starts[period] for period in Period))
    return usage_from(row)


USAGE = """SELECT
    coalesce(sum(amount_minor) FILTER (WHERE used_at >= $2), 0)::bigint AS day_amount,
    coalesce(sum(volume_ml) FILTER (WHERE used_at >= $2), 0)::bigint AS day_volume,
    count(*) FILTER (WHERE used_at >= $2) AS day_count,
    coalesce(sum(amount_minor) FILTER (WHERE used_at >= $3), 0)::bigint AS week_amount,
    coalesce(sum(volume_ml) FILTER (WHERE used_at >= $3), 0)::bigint AS week_volume,
    count(*) FILTER (WHERE used_at >= $3) AS week_count,
    coalesce(sum(amount_minor) FILTER (WHERE used_at >= $4), 0)::bigint AS month_amount,
    coalesce(sum(volume_ml) FILTER (WHERE used_at >= $4), 0)::bigint AS month_volume,
    count(*) FILTER (WHERE used_at >= $4) AS month_count
    FROM card_uses WHERE card_id = $1 AND used_at >= least($3, $4)"""
"""A card's usage: $1 the card, $2-$4 when its day, week and month began."""


def usage_from(row: Any) -> Usage:
    """The usage of a row of USAGE."""
    return {period: Use(row[f"{period}_amount"], row[f"{period}_volume"], row[f"{period}_count"]) for period in Period}


async def record_use(
    tx: Connection, card_id: UUID, order_id: UUID, at: datetime, amount_minor: int, volume_ml: int
) -> None:  # fmt: skip
    """What an order used of a card's limits. Once more for the same order replaces it: what was held, then captured.

    Whoever calls it has compared-and-set the card's version after checking its limits, so that two purchases at once
    cannot both slip under one.
    """
    await tx.execute(
        """INSERT INTO card_uses (order_id, card_id, used_at, amount_minor, volume_ml) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (order_id) DO UPDATE SET (amount_minor, volume_ml) = (excluded.amount_minor, excluded.volume_ml)
           WHERE card_uses.card_id = excluded.card_id""",
        order_id, card_id, at, amount_minor, volume_ml,
    )  # fmt: skip


async def forget_use(tx: Connection, order_id: UUID) -> None:
    """The order bought nothing after all: a hold that was released whole."""
    await tx.execute("DELETE FROM card_uses WHERE order_id = $1", order_id)


async def lock_cards_of(tx: Connection, driver_id: str) -> list[Card]:
    """A driver's open cards, locked."""
    query = f"SELECT {COLUMNS} FROM cards WHERE driver_id = $1 AND closed_at IS NULL ORDER BY card_id FOR UPDATE"  # noqa: S608
    return [card_of(row) for row in await tx.fetch(query, driver_id)]


async def forget(tx: Connection, driver_id: str) -> int:
    """Takes out of a driver's cards, the closed ones too, all that says whose they were; how many there were."""
    rows = await tx.fetch(
        """UPDATE cards SET (number, number_hash, holder, plate, plate_hash) = (NULL, NULL, NULL, NULL, NULL)
           WHERE driver_id = $1 AND (number IS NOT NULL OR holder IS NOT NULL OR plate IS NOT NULL) RETURNING 1""",
        driver_id,
    )
    return len(rows)


async def move(tx: Connection, card_id: UUID, into: str, sealed: Sealed) -> None:
    """Gives a card to another account of its driver, with what is sealed in that one's box."""
    await tx.execute(
        """UPDATE cards SET (version, driver_id, number, holder, plate) = (version + 1, $2, $3, $4, $5)
           WHERE card_id = $1""",
        card_id, into, sealed.number, sealed.holder, sealed.plate,
    )  # fmt: skip


async def closed_with_money(tx: Connection, after: UUID, limit: int) -> list[tuple[UUID, str]]:
    """(owner, currency) of the next accounts of closed cards and companies on which something is free."""
    rows = await tx.fetch(
        """SELECT DISTINCT coalesce(c.company_id, c.card_id) AS owner, c.currency
           FROM cards c JOIN balances b USING (account_id) LEFT JOIN companies o ON o.company_id = c.company_id
           WHERE c.closed_at IS NOT NULL AND (c.company_id IS NULL OR o.closed_at IS NOT NULL)
             AND b.posted_minor > b.held_minor AND coalesce(c.company_id, c.card_id) > $1
           ORDER BY owner LIMIT $2""",
        after, limit,
    )  # fmt: skip
    return [tuple(row) for row in rows]


def card_of(row: Any) -> Card:
    """The card of a row with COLUMNS."""
    values = {name: row[name] for name in COLUMNS.split(", ")}
    limits = from_document(msgspec.json.decode(row["limits"]))
    return Card(**values | {"kind": CardKind(row["kind"]), "limits": limits})


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
