"""Queries of a key rotation: what is sealed with the key ring itself, and keyed hashes, a page at a time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from servicekit.keyring import KEY_ID_BYTES
from servicekit.postgres import Connection

FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column that the key ring seals; each text is sealed for `context` with the row's id in it."""

    kind: str
    """What a key's uses are counted as."""
    table: str
    key: str
    column: str
    context: str


SEALED = (
    SealedColumn("notes of refunds", "refunds", "refund_id", "note", "refunds.note|{}"),
    SealedColumn("notes of exceptions", "exceptions", "exception_id", "note", "exceptions.note|{}"),
    SealedColumn("buyers of invoices", "invoices", "invoice_id", "buyer", "invoices.buyer|{}"),
    SealedColumn("names of companies", "companies", "company_id", "name", "companies.name|{}"),
    SealedColumn("printed cards", "card_stock", "stock_id", "sealed", "card_stock.sealed|{}"),
)
_HASHES = (
    ("numbers of cards", "cards", "number_hash"),
    ("plates of cards", "cards", "plate_hash"),
    ("numbers of printed cards", "card_stock", "number_hash"),
)


async def lock_page(tx: Connection, column: SealedColumn, after: UUID, limit: int) -> list[tuple[UUID, bytes]]:
    """(id, sealed) of the next rows, locked."""
    rows = await tx.fetch(
        f"""SELECT {column.key}, {column.column} FROM {column.table}
            WHERE {column.key} > $1 AND {column.column} IS NOT NULL
            ORDER BY {column.key} LIMIT $2 FOR UPDATE""",  # noqa: S608 - names of our own tables
        after, limit,
    )  # fmt: skip
    return [(row[0], row[1]) for row in rows]


async def save(tx: Connection, column: SealedColumn, renewed: Sequence[tuple[UUID, bytes]]) -> None:
    """Writes rows anew that are locked."""
    await tx.executemany(
        f"UPDATE {column.table} SET {column.column} = $2 WHERE {column.key} = $1",  # noqa: S608 - as above
        renewed,
    )


async def lock_cards(tx: Connection, after: UUID, limit: int) -> list[Any]:
    """(card_id, driver_id, number, number_hash, plate, plate_hash) of the next cards, locked."""
    return await tx.fetch(
        """SELECT card_id, driver_id, number, number_hash, plate, plate_hash FROM cards WHERE card_id > $1
           ORDER BY card_id LIMIT $2 FOR UPDATE""",
        after, limit,
    )  # fmt: skip


async def save_card_hashes(tx: Connection, renewed: Sequence[tuple[UUID, bytes | None, bytes | None]]) -> None:
    """Writes (card_id, number_hash, plate_hash) anew."""
    await tx.executemany("UPDATE cards SET (number_hash, plate_hash) = ($2, $3) WHERE card_id = $1", renewed)


async def save_stock_hashes(tx: Connection, renewed: Sequence[tuple[UUID, bytes]]) -> None:
    """Writes (stock_id, number_hash) anew."""
    await tx.executemany("UPDATE card_stock SET number_hash = $2 WHERE stock_id = $1", renewed)


async def count_uses(tx: Connection) -> dict[str, dict[str, int]]:
    """By kind how much is under which key of the ring."""
    places = [(one.kind, one.table, one.column) for one in SEALED]
    return {kind: await _count(tx, table, column) for kind, table, column in [*places, *_HASHES]}


async def _count(tx: Connection, table: str, column: str) -> dict[str, int]:
    rows = await tx.fetch(
        f"""SELECT encode(substr({column}, 1, {KEY_ID_BYTES}), 'hex'), count(*) FROM {table}
            WHERE {column} IS NOT NULL GROUP BY 1"""  # noqa: S608 - names of our own tables
    )
    return dict(Counter({row[0]: row[1] for row in rows}))
