"""Queries about the catalogue of gifts and their stock."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from loyalty.domain.gifts import Gift
from servicekit.postgres import Connection

COLUMNS = tuple(one.name for one in fields(Gift))


async def insert(tx: Connection, gift: Gift, created_by: str) -> None:
    """Stores a new gift."""
    await tx.execute(
        """INSERT INTO gifts (gift_id, version, operator, name, description, points, money_minor, currency, stock,
                              ordered, station_ids, delivery, most_per_driver, starts_at, ends_at, stopped_at,
                              created_by)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)""",
        *_values(gift), created_by,
    )  # fmt: skip


async def find(tx: Connection, gift_id: UUID) -> Gift | None:
    """The gift."""
    return _gift(await tx.fetchrow("SELECT * FROM gifts WHERE gift_id = $1", gift_id))


async def lock(tx: Connection, gift_id: UUID) -> Gift | None:
    """The gift, which nobody else can change or order until the transaction ends."""
    return _gift(await tx.fetchrow("SELECT * FROM gifts WHERE gift_id = $1 FOR NO KEY UPDATE", gift_id))


async def update(tx: Connection, gift: Gift) -> None:
    """Writes a gift that the transaction has locked."""
    await tx.execute(
        """UPDATE gifts SET (version, name, description, points, money_minor, currency, stock, station_ids, delivery,
                             most_per_driver, starts_at, ends_at, stopped_at)
               = ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
           WHERE gift_id = $1""",
        gift.gift_id, gift.version, gift.name, gift.description, gift.points, gift.money_minor, gift.currency,
        gift.stock, _listed(gift.station_ids), gift.delivery, gift.most_per_driver, gift.starts_at, gift.ends_at,
        gift.stopped_at,
    )  # fmt: skip


async def take(tx: Connection, gift_id: UUID) -> bool:
    """Promises one to somebody; False where none is left, whoever asks at the same moment."""
    taken = await tx.fetchval(
        "UPDATE gifts SET ordered = ordered + 1 WHERE gift_id = $1 AND ordered < stock RETURNING true", gift_id
    )
    return bool(taken)


async def move_stock(tx: Connection, gift_id: UUID, stock: int, ordered: int) -> None:
    """Changes what there is, and what is promised of it, by so much."""
    await tx.execute(
        "UPDATE gifts SET stock = stock + $2, ordered = ordered + $3 WHERE gift_id = $1", gift_id, stock, ordered
    )


async def offered(
    tx: Connection, operator: str | None, station_id: UUID | None, at: datetime, after: UUID | None, limit: int
) -> list[Gift]:
    """Gifts that can be ordered at a moment, at an operator, or to be picked up at a station; sold-out ones too."""
    rows = await tx.fetch(
        """SELECT g.* FROM gifts g LEFT JOIN stations s ON s.station_id = $2
           WHERE ($1::text IS NULL OR g.operator = $1) AND ($3::uuid IS NULL OR gift_id > $3)
               AND ($2::uuid IS NULL OR (g.operator = s.operator AND (station_ids IS NULL OR $2 = ANY(station_ids))))
               AND stopped_at IS NULL AND starts_at <= $4 AND (ends_at IS NULL OR ends_at > $4)
           ORDER BY gift_id LIMIT $5""",
        operator, station_id, after, at, limit,
    )  # fmt: skip
    return [gift for row in rows if (gift := _gift(row))]


async def kept(
    tx: Connection, operators: Collection[str], stations: Collection[UUID], operator: str | None, after: UUID | None,
    limit: int,
) -> list[Gift]:  # fmt: skip
    """All gifts of these operators, and those that are picked up at these stations alone, in the order of their ids."""
    rows = await tx.fetch(
        """SELECT * FROM gifts
           WHERE (operator = ANY($1) OR (station_ids <@ $2 AND station_ids <> '{}')) AND ($3 = operator OR $3 IS NULL)
               AND ($4::uuid IS NULL OR gift_id > $4)
           ORDER BY gift_id LIMIT $5""",
        list(operators), list(stations), operator, after, limit,
    )  # fmt: skip
    return [gift for row in rows if (gift := _gift(row))]


async def foreign_stations(tx: Connection, operator: str, station_ids: list[UUID]) -> set[UUID]:
    """Those of the stations that are none of the operator's."""
    rows = await tx.fetch(
        """SELECT id FROM unnest($2::uuid[]) AS asked (id)
           WHERE NOT EXISTS (SELECT FROM stations WHERE station_id = id AND operator = $1)""",
        operator, station_ids,
    )  # fmt: skip
    return {row["id"] for row in rows}


def _values(gift: Gift) -> list[Any]:
    values = {name: getattr(gift, name) for name in COLUMNS} | {"station_ids": _listed(gift.station_ids)}
    return list(values.values())


def _listed(station_ids: tuple[UUID, ...] | None) -> list[UUID] | None:
    return None if station_ids is None else list(station_ids)


def _gift(row: Mapping[str, Any] | None) -> Gift | None:
    if row is None:
        return None
    stations = row["station_ids"]
    values: dict[str, Any] = {name: row[name] for name in COLUMNS}
    return Gift(**{**values, "station_ids": None if stations is None else tuple(stations)})
