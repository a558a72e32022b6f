"""Queries about what drivers bought: one row for each order, into which its events fold in whatever order they come."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from schemas.events import OrderPaidV1, OrderRefundedV1
from servicekit.postgres import Connection

_STATE = """order_id, driver_id, station_id, operator, tier, multiplier_campaigns, paid_at,
    least(paid_minor, gross_minor), greatest(0, refunded_minor - greatest(0, paid_minor - gross_minor)), points_due,
    volume_ml"""
"""What was paid above what was dispensed goes back to the driver, and takes no points with it: none came of it."""


@dataclass(frozen=True, slots=True)
class Bought:
    """An order that was paid, as its purchase is to be kept."""

    event: OrderPaidV1
    driver_id: str
    """Whose it is now."""
    is_present: bool
    """Whether there is somebody to get points and rewards for it."""
    tier: str | None
    campaign_ids: tuple[str, ...]
    points_due: int


@dataclass(frozen=True, slots=True)
class State:
    """A purchase whose payment is known; `points_posted` and `counted_ml` are what was done about it so far.

    `paid_minor` and `refunded_minor` are of what was dispensed.
    """

    order_id: UUID
    driver_id: str
    station_id: UUID
    operator: str
    tier: str | None
    campaign_ids: Sequence[UUID]
    paid_at: datetime
    paid_minor: int
    refunded_minor: int
    points_due: int
    volume_ml: int
    points_posted: int
    counted_ml: int


async def time_zones(tx: Connection, station_ids: Collection[UUID]) -> dict[UUID, str]:
    """The stations' time zones, as far as they are known."""
    return dict(
        await tx.fetch("SELECT station_id, time_zone FROM stations WHERE station_id = ANY($1)", list(station_ids))
    )


async def record_paid(tx: Connection, bought: Sequence[Bought]) -> list[State]:
    """Takes over payments; those that are new, with nothing done about them yet. The orders are all different.

    Of one that nothing was refunded of what was dispensed, what will be posted is noted here already: `note_done` need
    not say so again.
    """
    rows = await tx.fetch(
        f"""INSERT INTO purchases (order_id, driver_id, station_id, operator, fuel, mode, price_mills, currency,
                                   paid_at, volume_ml, gross_minor, paid_minor, method, card_id, reservation_id,
                                   breakdown, tier, multiplier_campaigns, points_due, points_posted, counted_ml,
                                   rewarded_at)
            SELECT order_id, driver_id, station_id, operator, fuel, mode, price_mills, currency, paid_at, volume_ml,
                   gross_minor, paid_minor, method, card_id, reservation_id, breakdown, tier,
                   CASE WHEN campaign_id IS NULL THEN '{{}}' ELSE ARRAY[campaign_id] END, points_due, points_due,
                   CASE WHEN is_present THEN volume_ml ELSE 0 END, CASE WHEN NOT is_present THEN now() END
            FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::text[],
                        $8::timestamptz[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::uuid[],
                        $14::uuid[], $15::jsonb[], $16::text[], $17::uuid[], $18::bigint[], $19::boolean[], $20::text[])
                 AS p (order_id, driver_id, station_id, operator, fuel, price_mills, currency, paid_at, volume_ml,
                       gross_minor, paid_minor, method, card_id, reservation_id, breakdown, tier, campaign_id,
                       points_due, is_present, mode)
            ORDER BY order_id
            ON CONFLICT (order_id) DO UPDATE SET
                (driver_id, paid_at, volume_ml, gross_minor, paid_minor, method, card_id, reservation_id, breakdown,
                 tier, multiplier_campaigns, points_due, points_posted, counted_ml, rewarded_at)
                = (excluded.driver_id, excluded.paid_at, excluded.volume_ml, excluded.gross_minor, excluded.paid_minor,
                   excluded.method, excluded.card_id, excluded.reservation_id, excluded.breakdown, excluded.tier,
                   excluded.multiplier_campaigns, excluded.points_due, excluded.points_posted, excluded.counted_ml,
                   excluded.rewarded_at)
            WHERE purchases.paid_at IS NULL
            RETURNING {_STATE}, 0, 0""",  # noqa: S608 - a constant
        *map(list, zip(*map(_columns, bought), strict=True)),
    )  # fmt: skip
    return [State(*row) for row in rows]


def _columns(one: Bought) -> tuple[Any, ...]:
    event = one.event
    return (
        event.order_id, one.driver_id, event.station_id, event.operator, event.fuel, event.price_mills, event.currency,
        event.occurred_at, event.volume_ml, event.gross_minor, event.paid_minor, event.method, event.card_id,
        event.reservation_id, msgspec.json.encode([part.__dict__ for part in event.breakdown]).decode(), one.tier,
        one.campaign_ids[0] if one.campaign_ids else None, one.points_due, one.is_present, event.mode,
    )  # fmt: skip


async def record_refunded(
    tx: Connection, refunded: Sequence[OrderRefundedV1], owners: Mapping[str, str]
) -> list[State]:  # fmt: skip
    """Takes over refunds, of each order the largest sum; the orders that it changes and whose payment is known.

    The orders are all different; `owners` says whose the drivers' orders are now.
    """
    rows = await tx.fetch(
        f"""INSERT INTO purchases (order_id, driver_id, station_id, operator, fuel, mode, price_mills, currency,
                                   refunded_minor)
            SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::int[],
                                 $8::text[], $9::bigint[]) AS r (order_id) ORDER BY order_id
            ON CONFLICT (order_id) DO UPDATE SET refunded_minor = excluded.refunded_minor,
                rewarded_at = CASE WHEN excluded.refunded_minor < purchases.paid_minor THEN purchases.rewarded_at END
            WHERE purchases.refunded_minor < excluded.refunded_minor
            RETURNING {_STATE}, points_posted, counted_ml""",  # noqa: S608 - a constant
        *map(list, zip(*(
            (one.order_id, owners.get(one.driver_id, one.driver_id), one.station_id, one.operator, one.fuel,
             one.mode, one.price_mills, one.currency, _refunded_minor(one)) for one in refunded
        ), strict=True)),
    )  # fmt: skip
    return [State(*row) for row in rows if row["paid_at"] is not None]


def _refunded_minor(refunded: OrderRefundedV1) -> int:
    """Of an order that was paid with nothing but discounts no money goes back: it is undone, and has to be told from
    one that is not."""
    return refunded.refunded_minor or (1 if refunded.paid_minor == 0 else 0)


async def note_done(tx: Connection, done: Sequence[tuple[UUID, int, int]]) -> None:
    """What is posted of each order now, and what of its fuel counts: (order, points, millilitres)."""
    if done:
        await tx.execute(
            """UPDATE purchases p SET (points_posted, counted_ml) = (points, ml)
               FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS d (id, points, ml) WHERE order_id = id""",
            *map(list, zip(*done, strict=True)),
        )


async def collect(tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """What a driver bought, for the driver."""
    rows = await tx.fetch(
        """SELECT order_id, paid_at, station_id, fuel, price_mills, currency, volume_ml, gross_minor, paid_minor,
                  least(refunded_minor, paid_minor) AS refunded_minor, method, tier, points_posted AS points
           FROM purchases WHERE driver_id = $1 ORDER BY order_id""",
        driver_id,
    )
    return [dict(row) for row in rows]


async def move(tx: Connection, driver_id: str, into: str) -> None:
    """Gives a driver's purchases to the person's other account."""
    await tx.execute("UPDATE purchases SET driver_id = $2 WHERE driver_id = $1", driver_id, into)
