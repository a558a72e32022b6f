"""The key ring's rotation, once a new key seals: all that older keys made is made anew, while everything works.

A card's number is looked for under all keys of the ring, so it is found before and after its hash changes.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec

from payments.repository import key_rotation as repository
from payments.repository.key_rotation import SEALED, SealedColumn
from payments.use_cases.card_binding import PrintedCard, stock_context
from payments.use_cases.cards import NUMBER, PLATE, number_context, plate_context
from payments.use_cases.context import Payments
from servicekit.postgres import Connection
from servicekit.rewrap import BATCH, DATA_KEYS, Note, data_key_uses, renew_data_keys, report
from servicekit.vault import Box

Batch = Callable[[Connection, UUID], Awaitable[tuple[UUID | None, int]]]
"""Makes the rows after an id anew; the last one's id, None where there were none, and how many it looked at."""


async def uses_of_keys(payments: Payments) -> dict[str, Any]:
    """The ring's keys, and by kind how much is under which; see servicekit.rewrap.report."""
    async with payments.store.connection() as connection:
        uses = await repository.count_uses(connection)
    return report(payments.ring, uses | {DATA_KEYS: await data_key_uses(payments.store, payments.vault)})


async def renew(payments: Payments, note: Note = lambda _: None) -> None:
    """Brings all under the current key, in batches; it can be stopped at any time and begun again."""
    await renew_data_keys(payments.store, payments.vault, note)
    for column in SEALED:
        await _through(payments, _sealing(payments, column), note)
    await _through(payments, lambda tx, after: _rehash_stock(payments, tx, after), note)
    await _through(payments, lambda tx, after: _rehash_cards(payments, tx, after), note)


async def _through(payments: Payments, batch: Batch, note: Note) -> None:
    after: UUID | None = repository.FIRST
    while after is not None:
        after, count = await payments.store.transact(lambda tx, after=after: batch(tx, after))
        note(count)


def _sealing(payments: Payments, column: SealedColumn) -> Batch:
    async def batch(tx: Connection, after: UUID) -> tuple[UUID | None, int]:
        page = await repository.lock_page(tx, column, after, BATCH)
        old = [(key, sealed) for key, sealed in page if not payments.ring.is_current(sealed)]
        await repository.save(tx, column, [(key, _anew(payments, column, key, sealed)) for key, sealed in old])
        return _end(page)

    return batch


def _anew(payments: Payments, column: SealedColumn, key: UUID, sealed: bytes) -> bytes:
    context = column.context.format(key)
    return payments.ring.seal(payments.ring.open(sealed, context), context)


async def _rehash_stock(payments: Payments, tx: Connection, after: UUID) -> tuple[UUID | None, int]:
    page = await repository.lock_page(tx, _STOCK, after, BATCH)
    await repository.save_stock_hashes(
        tx, [(key, payments.ring.hash(_number_of(payments, key, sealed), NUMBER)) for key, sealed in page]
    )
    return _end(page)


_STOCK = next(one for one in SEALED if one.table == "card_stock")


def _number_of(payments: Payments, stock_id: UUID, sealed: bytes) -> str:
    text = payments.ring.open(sealed, stock_context(stock_id))
    return msgspec.json.decode(text, type=PrintedCard).number


async def _rehash_cards(payments: Payments, tx: Connection, after: UUID) -> tuple[UUID | None, int]:
    page = await repository.lock_cards(tx, after, BATCH)
    old = [row for row in page if not all(map(payments.ring.is_current, _hashes_of(row)))]
    boxes = await payments.vault.boxes(tx, list({row["driver_id"] for row in old}))
    await repository.save_card_hashes(
        tx, [_card_anew(payments, boxes[row["driver_id"]], row) for row in old if row["driver_id"] in boxes]
    )
    return _end(page)


def _hashes_of(row: Any) -> list[bytes]:
    return [digest for digest in (row["number_hash"], row["plate_hash"]) if digest is not None]


def _card_anew(payments: Payments, box: Box, row: Any) -> tuple[UUID, bytes | None, bytes | None]:
    number = box.open(row["number"], number_context(row["card_id"])) if row["number_hash"] else None
    plate = box.open(row["plate"], plate_context(row["card_id"])) if row["plate_hash"] else None
    return (
        row["card_id"],
        payments.ring.hash(number, NUMBER) if number is not None else None,
        payments.ring.hash(plate, PLATE) if plate is not None else None,
    )


def _end(page: list[Any]) -> tuple[UUID | None, int]:
    return (page[-1][0], len(page)) if page else (None, 0)
