"""Orders of `bench loyalty` for which something was set aside, in the rows of loyalty's reservations."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from local_stack.config import StackError
from loyalty.domain.points import Counter, Entry, Grant, Kind, give
from loyalty.domain.pricing import Part
from loyalty.domain.reservations import Reservation, Status
from loyalty.domain.terms import PerFill, Scope, Stacking, stored
from loyalty.repository import differences, members, point_uses, reservations
from loyalty.repository import points as ledger
from loyalty.repository.point_uses import Use
from schemas.events import OrderPaidV1
from servicekit.envelope import Message
from servicekit.ids import new_id
from servicekit.postgres import Connection

POINTS, AMOUNT = 400, 400


class SetAside(StrEnum):
    """What each order's driver set aside."""

    CAMPAIGN = "a campaign's discount"
    ALL = "a campaign's discount, a coupon and points"


async def make_template(tx: Connection) -> UUID:
    """What all the coupons are of."""
    template_id, terms = new_id(), [stored(PerFill(AMOUNT)), stored(Scope()), stored(Stacking())]
    await tx.execute(
        """INSERT INTO coupon_templates (template_id, operator, name, benefit, scope, stacking, currency, valid_days,
                                         created_by)
           VALUES ($1, 'bench-0', 'Bench', $2, $3, $4, 'CNY', 30, 'bench')""",
        template_id, *terms,
    )  # fmt: skip
    return template_id


async def set_aside(tx: Connection, template_id: UUID, messages: Sequence[Message], what: SetAside) -> list[Message]:
    """The orders' records, each with a reservation that is held for it."""
    orders = [(one, event) for one in messages if isinstance(event := one.event(), OrderPaidV1)]
    held = [_reservation(event, what) for _, event in orders]
    for reservation in held:
        await reservations.insert(tx, reservation)
    if what is SetAside.ALL:
        await _reserve_coupons(tx, template_id, held)
        await _hold_points(tx, held)
    return [_paid_with(*order, reservation) for order, reservation in zip(orders, held, strict=True)]


async def require_all_spent(tx: Connection, count: int) -> None:
    """StackError unless so many reservations are spent, the books add up, and nothing is different."""
    spent = await tx.fetchval("SELECT count(*) FROM reservations WHERE status = 'spent'")
    if spent != count or await ledger.check(tx) or await differences.count_open(tx):
        raise StackError(f"what was set aside is not spent after the benchmark: {spent:,} reservations are")


def _reservation(event: OrderPaidV1, what: SetAside) -> Reservation:
    parts = [Part("campaign", str(new_id()), "5 off", 500, None)]
    if what is SetAside.ALL:
        parts += [Part("coupon", str(new_id()), "4 off", AMOUNT, None), Part("points", None, "Points", AMOUNT, POINTS)]
    ends = datetime.now(UTC) + timedelta(minutes=5)
    return Reservation(
        new_id(), event.order_id, event.driver_id, event.station_id, Status.HELD, tuple(parts), event.currency, ends
    )


def _paid_with(message: Message, event: OrderPaidV1, reservation: Reservation) -> Message:
    breakdown: list[dict[str, Any]] = [
        {"kind": part.kind, "reference": part.reference, "reason": part.reason, "amount_minor": part.amount_minor,
         "points": part.points} for part in reservation.parts
    ]  # fmt: skip
    paid_minor = event.gross_minor - sum(part.amount_minor for part in reservation.parts)
    told = event.model_dump(mode="json") | {
        "breakdown": breakdown, "paid_minor": paid_minor, "reservation_id": str(reservation.reservation_id)
    }  # fmt: skip
    return message._replace(value=OrderPaidV1.model_validate(told).model_dump_json().encode())


async def _reserve_coupons(tx: Connection, template_id: UUID, held: Sequence[Reservation]) -> None:
    now = datetime.now(UTC)
    columns = ("coupon_id", "template_id", "driver_id", "issued_to", "status", "key", "reason", "issued_at",
               "expires_at", "reserved_by")  # fmt: skip
    records = [
        (coupon_id, template_id, one.driver_id, one.driver_id, "reserved", str(coupon_id), "bench", now,
         now + timedelta(days=30), one.reservation_id)
        for one in held for coupon_id in one.coupons
    ]  # fmt: skip
    await tx.copy_records_to_table("coupons", columns=columns, records=records)


async def _hold_points(tx: Connection, held: Sequence[Reservation]) -> None:
    """Each driver is given so many points, and they are held."""
    now = datetime.now(UTC)
    await members.lock(tx, *{one.driver_id for one in held})
    entries: list[Entry] = []
    for one in held:
        parts, new = give([], [Grant(POINTS, now + timedelta(days=300))], new_id)
        entries.append(Entry(
            new_id(), f"bench|{one.order_id}", one.driver_id, Kind.ACCRUED, "reward", Counter.ISSUED, now, parts, new
        ))  # fmt: skip
    await ledger.post(tx, entries)
    for one, entry in zip(held, entries, strict=True):
        await point_uses.insert_use(tx, one.key, Use(one.driver_id, POINTS, "held", 0, entry.parts))
    await point_uses.change_held(tx, [part for entry in entries for part in entry.parts], 1)
