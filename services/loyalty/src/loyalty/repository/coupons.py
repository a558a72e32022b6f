"""Queries about coupons: each change asks for what the coupon must be, so of two at once one finds nothing to change.

Whoever changes a driver's coupons has locked the driver (members.lock); only those whose time is over end without that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from loyalty.domain import coupons as domain
from loyalty.domain.coupons import Coupon, CouponStatus, Template
from loyalty.repository import coupon_templates
from schemas.base import Event
from servicekit.envelope import to_records
from servicekit.postgres import Connection, append_to_outbox

COLUMNS = tuple(one.name for one in fields(Coupon))
_NAMES = ", ".join(COLUMNS)
_CHANGED = ", ".join(f"c.{name}" for name in COLUMNS)


class Redemption(NamedTuple):
    """That what was set aside under a reservation is used on its order."""

    reservation_id: UUID
    order_id: UUID
    station_id: UUID
    amounts: Mapping[UUID, int]
    """What each coupon took off, in minor units."""
    currency: str
    at: datetime


async def reserve(
    tx: Connection, driver_id: str, coupon_ids: Iterable[UUID], reservation_id: UUID, *, too_late: bool = False
) -> set[UUID]:  # fmt: skip
    """Sets a driver's coupons aside; those that it got. `too_late`: expired ones, too, which a payer was promised."""
    rows = await tx.fetch(
        """UPDATE coupons SET (status, reserved_by, version) = ('reserved', $3, version + 1)
           WHERE coupon_id = ANY($2) AND driver_id = $1
                 AND (status = 'active' AND expires_at > now() OR $4 AND status IN ('active', 'expired'))
           RETURNING coupon_id""",
        driver_id, list(coupon_ids), reservation_id, too_late,
    )  # fmt: skip
    return {row["coupon_id"] for row in rows}


async def release(tx: Connection, reservation_ids: Sequence[UUID]) -> int:
    """What was set aside is free again, or expires in a moment; how many those were."""
    rows = await tx.fetch(
        """UPDATE coupons SET (status, reserved_by, version) = ('active', NULL, version + 1)
           WHERE reserved_by = ANY($1) RETURNING coupon_id""",
        reservation_ids,
    )
    return len(rows)


async def redeem_reserved(tx: Connection, redemptions: Sequence[Redemption]) -> set[tuple[UUID, UUID]]:
    """What was set aside is used, and told; which those were: (reservation, coupon)."""
    if not redemptions:
        return set()
    amounts = [(one.reservation_id, *amount) for one in redemptions for amount in one.amounts.items()]
    rows = await tx.fetch(
        f"""UPDATE coupons c SET (status, reserved_by, version, order_id, station_id, redeemed_at, amount_minor)
                = ('redeemed', NULL, c.version + 1, r.order_id, r.station_id, r.at, coalesce(a.amount_minor, 0))
            FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[])
                 AS r (reserved_by, order_id, station_id, at)
            JOIN coupons o USING (reserved_by)
            LEFT JOIN unnest($5::uuid[], $6::uuid[], $7::bigint[]) AS a (reserved_by, coupon_id, amount_minor)
                 USING (reserved_by, coupon_id)
            WHERE c.coupon_id = o.coupon_id RETURNING {_CHANGED}, o.reserved_by AS reservation_id""",  # noqa: S608 -- our fields
        [one.reservation_id for one in redemptions], [one.order_id for one in redemptions],
        [one.station_id for one in redemptions], [one.at for one in redemptions],
        [one[0] for one in amounts], [one[1] for one in amounts], [one[2] for one in amounts],
    )  # fmt: skip
    told = {one.order_id: (one.currency, one.at) for one in redemptions}
    used = [_coupon(row) for row in rows]
    await _tell_redeemed(tx, [(one, *told[one.order_id]) for one in used if one.order_id])
    return {(row["reservation_id"], row["coupon_id"]) for row in rows}


async def give_back(
    tx: Connection, order_id: UUID, coupon_ids: Iterable[UUID], at: datetime, *, until: datetime
) -> None:  # fmt: skip
    """What was used on an order is the driver's again, good until then at least, and that is told as of a new one."""
    rows = await tx.fetch(
        f"""UPDATE coupons c SET (status, version, order_id, station_id, redeemed_at, amount_minor, expires_at)
                = ('active', version + 1, NULL, NULL, NULL, NULL, greatest(expires_at, $3))
            WHERE coupon_id = ANY($1) AND order_id = $2 AND status = 'redeemed' RETURNING {_CHANGED}""",  # noqa: S608 -- as above
        list(coupon_ids), order_id, until,
    )  # fmt: skip
    given = [replace(_coupon(row), reason=domain.GIVEN_BACK) for row in rows]
    operators = await _operators(tx, given)
    await _tell(tx, [domain.issued(one, operators[one.template_id], at) for one in given])


async def redeem_at_counter(
    tx: Connection, coupon_id: UUID, *, station_id: UUID, amount_minor: int, currency: str, at: datetime
) -> Coupon | None:
    """An active coupon is used at a station, and told; None where it is not active any more."""
    row = await tx.fetchrow(
        f"""UPDATE coupons c SET (status, version, station_id, redeemed_at, amount_minor)
                = ('redeemed', version + 1, $2, $4, $3)
            WHERE coupon_id = $1 AND status = 'active' AND expires_at > $4 RETURNING {_CHANGED}""",  # noqa: S608 -- as above
        coupon_id, station_id, amount_minor, at,
    )  # fmt: skip
    if row is None:
        return None
    await _tell_redeemed(tx, [(_coupon(row), currency, at)])
    return _coupon(row)


async def of_key(tx: Connection, key: str) -> UUID | None:
    """The coupon that was issued under this key."""
    return await tx.fetchval("SELECT coupon_id FROM coupons WHERE key = $1", key)


async def got(tx: Connection, template_id: UUID, driver_id: str) -> int:
    """How many of it a driver ever got, those that were given away since, and those of others, included."""
    query = "SELECT count(*) FROM coupons WHERE template_id = $1 AND $2 IN (driver_id, issued_to)"
    return await tx.fetchval(query, template_id, driver_id) or 0


async def insert(tx: Connection, template: Template, coupon: Coupon, key: str) -> None:
    """Stores a new coupon, and tells that it was issued."""
    values = ", ".join(f"${number}" for number in range(2, len(COLUMNS) + 2))
    await tx.execute(
        f"INSERT INTO coupons (key, {_NAMES}) VALUES ($1, {values})",  # noqa: S608 -- names of our own fields
        key, *(getattr(coupon, name) for name in COLUMNS),
    )  # fmt: skip
    await _tell(tx, [domain.issued(coupon, template.operator, coupon.issued_at)])


async def find(tx: Connection, coupon_id: UUID) -> Coupon | None:
    """The coupon."""
    row = await tx.fetchrow("SELECT * FROM coupons WHERE coupon_id = $1", coupon_id)
    return _coupon(row) if row else None


async def of_driver(
    tx: Connection, driver_id: str, status: CouponStatus | None, before: UUID | None, limit: int, at: datetime
) -> list[Coupon]:  # fmt: skip
    """A driver's coupons, the newest first, from before one of them on."""
    rows = await tx.fetch(
        """SELECT * FROM coupons
           WHERE driver_id = $1 AND ($3::uuid IS NULL OR coupon_id < $3)
                 AND ($2::text IS NULL OR $2 = CASE WHEN status = 'active' AND expires_at <= $5 THEN 'expired'
                                                    ELSE status END)
           ORDER BY coupon_id DESC LIMIT $4""",
        driver_id, status, before, limit, at,
    )  # fmt: skip
    return [_coupon(row) for row in rows]


async def all_of(tx: Connection, driver_id: str) -> list[Coupon]:
    """All coupons that a driver has or had, those that were given away included."""
    rows = await tx.fetch("SELECT * FROM coupons WHERE $1 IN (driver_id, issued_to) ORDER BY coupon_id", driver_id)
    return [_coupon(row) for row in rows]


async def give(tx: Connection, coupon: Coupon, operator: str, driver_id: str, at: datetime) -> Coupon | None:
    """An active coupon is another driver's now, and that is told; None where it is not active any more."""
    row = await tx.fetchrow(
        f"""UPDATE coupons c SET (driver_id, reason, given_at, version) = ($3, $4, $5, version + 1)
            WHERE coupon_id = $1 AND driver_id = $2 AND status = 'active' AND expires_at > $5
            RETURNING {_CHANGED}""",  # noqa: S608 -- names of our own fields
        coupon.coupon_id, coupon.driver_id, driver_id, domain.TRANSFER, at,
    )  # fmt: skip
    if row is None:
        return None
    await _tell(tx, [domain.issued(_coupon(row), operator, at)])
    return _coupon(row)


async def expire(tx: Connection, at: datetime, limit: int) -> int:
    """Coupons whose time is over, and that nobody has set aside, have expired, and that is told; how many."""
    rows = await tx.fetch(
        f"""UPDATE coupons c SET (status, version) = ('expired', c.version + 1)
            FROM (SELECT coupon_id FROM coupons WHERE status = 'active' AND expires_at <= $1
                  ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED) AS due
            WHERE c.coupon_id = due.coupon_id RETURNING {_CHANGED}""",  # noqa: S608 -- as above
        at, limit,
    )  # fmt: skip
    expired = [_coupon(row) for row in rows]
    operators = await _operators(tx, expired)
    await _tell(tx, [domain.expired(one, operators[one.template_id], at) for one in expired])
    return len(expired)


async def cancel_all(tx: Connection, driver_id: str) -> list[UUID]:
    """Nobody can use a driver's coupons any more; those that are set aside stay so until the payment has ended."""
    rows = await tx.fetch(
        """UPDATE coupons SET (status, version) = ('cancelled', version + 1)
           WHERE driver_id = $1 AND status = 'active' RETURNING coupon_id""",
        driver_id,
    )
    return [row["coupon_id"] for row in rows]


async def move(tx: Connection, driver_id: str, into: str) -> None:
    """A driver's coupons, whatever became of them, are another account's."""
    await tx.execute(
        "UPDATE coupons SET (driver_id, version) = ($2, version + 1) WHERE driver_id = $1", driver_id, into
    )
    await tx.execute("UPDATE coupons SET issued_to = $2 WHERE issued_to = $1", driver_id, into)


async def _tell_redeemed(tx: Connection, used: Sequence[tuple[Coupon, str, datetime]]) -> None:
    operators = await _operators(tx, [one for one, _, _ in used])
    await _tell(tx, [domain.redeemed(one, operators[one.template_id], currency, at) for one, currency, at in used])


async def _operators(tx: Connection, coupons: Sequence[Coupon]) -> dict[UUID, str]:
    if not coupons:
        return {}
    templates = await coupon_templates.by_ids(tx, [one.template_id for one in coupons])
    return {template_id: template.operator for template_id, template in templates.items()}


async def _tell(tx: Connection, events: Sequence[Event]) -> None:
    await append_to_outbox(tx, to_records(list(events)))


def _coupon(row: Mapping[str, Any]) -> Coupon:
    values: dict[str, Any] = {name: row[name] for name in COLUMNS}
    values["status"] = CouponStatus(row["status"])
    return Coupon(**values)
