"""Queries about physical cards before they are anybody's, and about wrong tries to get one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class Stocked:
    """A physical card in stock."""

    stock_id: UUID
    sealed: bytes
    currency: str
    wrong_codes: int
    is_bound: bool
    """Whether an open card is this one."""


@dataclass(frozen=True, slots=True)
class NewStock:
    """A physical card to put into stock."""

    stock_id: UUID
    number_hash: bytes
    other_hashes: Sequence[bytes]
    """The number's hashes under all keys of the ring."""
    sealed: bytes
    currency: str


_BOUND = "EXISTS (SELECT FROM cards c WHERE c.card_id = card_stock.card_id AND c.closed_at IS NULL)"


async def add(tx: Connection, new: NewStock, at: datetime) -> str:
    """Puts a card into stock: `added`; `renewed`, a new activation code and no wrong tries; or `bound`: nothing."""
    bound = await tx.fetchval(
        f"SELECT {_BOUND} FROM card_stock WHERE number_hash = ANY($1) FOR UPDATE",  # noqa: S608 - our own words
        list(new.other_hashes),
    )
    if bound:
        return "bound"
    if bound is None:
        await tx.execute(
            "INSERT INTO card_stock (stock_id, number_hash, sealed, currency, imported_at) VALUES ($1, $2, $3, $4, $5)",
            new.stock_id, new.number_hash, new.sealed, new.currency, at,
        )  # fmt: skip
        return "added"
    await tx.execute(
        """UPDATE card_stock SET (stock_id, sealed, number_hash, currency, wrong_codes, card_id, imported_at)
               = ($2, $3, $4, $5, 0, NULL, $6) WHERE number_hash = ANY($1)""",
        list(new.other_hashes), new.stock_id, new.sealed, new.number_hash, new.currency, at,
    )  # fmt: skip
    return "renewed"


async def lock(tx: Connection, number_hashes: Sequence[bytes]) -> Stocked | None:
    """The card with this number, which nobody else can bind until the transaction ends."""
    row = await tx.fetchrow(
        f"""SELECT stock_id, sealed, currency, wrong_codes, {_BOUND} AS is_bound FROM card_stock
            WHERE number_hash = ANY($1) FOR UPDATE""",  # noqa: S608 - our own words
        list(number_hashes),
    )
    return Stocked(*row) if row else None


async def bind(tx: Connection, stock_id: UUID, card_id: UUID) -> None:
    """The physical card is this one now."""
    await tx.execute("UPDATE card_stock SET card_id = $2 WHERE stock_id = $1", stock_id, card_id)


async def count_wrong_code(tx: Connection, stock_id: UUID) -> None:
    """One more wrong activation code of a card."""
    await tx.execute("UPDATE card_stock SET wrong_codes = wrong_codes + 1 WHERE stock_id = $1", stock_id)


async def wrong_tries_of(tx: Connection, driver_id: str, since: datetime) -> int:
    """How often a driver was wrong since then."""
    query = "SELECT wrong FROM binding_tries WHERE driver_id = $1 AND since > $2"
    return await tx.fetchval(query, driver_id, since) or 0


async def count_wrong_try(tx: Connection, driver_id: str, at: datetime, forget_before: datetime) -> None:
    """One more wrong try of a driver; those of long ago are forgotten."""
    await tx.execute(
        """INSERT INTO binding_tries (driver_id, wrong, since) VALUES ($1, 1, $2)
           ON CONFLICT (driver_id) DO UPDATE SET
               wrong = CASE WHEN binding_tries.since > $3 THEN binding_tries.wrong + 1 ELSE 1 END,
               since = CASE WHEN binding_tries.since > $3 THEN binding_tries.since ELSE excluded.since END""",
        driver_id, at, forget_before,
    )  # fmt: skip


async def forget_tries(tx: Connection, driver_id: str) -> None:
    """Nobody need know any more how often this driver was wrong."""
    await tx.execute("DELETE FROM binding_tries WHERE driver_id = $1", driver_id)
