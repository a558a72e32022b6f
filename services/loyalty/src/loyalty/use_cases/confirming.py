"""What becomes of reservations when events tell of their orders: spent, released, undone. Decided by state alone, so
events may come twice, late and in any order; see the table in domain/reservations.py. What campaigns give and get back
for it is settled last, for all orders of a transaction at once.

A payer paid the price that was shown. So what was promised is taken also where the reservation had ended before the
payment came: points may make a debt, a campaign may give more than its budget, and what can no longer be taken is noted
as a difference.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from loyalty.domain.pricing import Part
from loyalty.domain.reservations import GIVEN_BACK_FOR, NOBODY, Move, Reservation, Status, moves, netted
from loyalty.repository import campaign_use, coupons, members
from loyalty.repository import reservations as repository
from loyalty.repository.coupons import Redemption
from loyalty.repository.points import lock_owners
from loyalty.use_cases import points
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.differences import Kind, note
from loyalty.use_cases.points import Spending
from schemas.orders import OrderCancelledV1, OrderPaidV1, OrderRefundedV1
from servicekit.postgres import Connection


async def confirm(loyalty: Loyalty, tx: Connection, paid: Sequence[OrderPaidV1]) -> list[Move]:
    """What was set aside for these orders is spent, once each, in a number of statements that does not grow with them.

    Another reservation that is held for one of them is for nothing any more. What it makes of campaigns is for
    `settle_moves`.
    """
    if not paid:
        return []
    events = {event.order_id: event for event in paid}
    owners = await lock_owners(tx, {event.driver_id for event in events.values()})
    found = await repository.of_paid(tx, [one.reservation_id for one in paid if one.reservation_id], list(events))
    known = {one.reservation_id: one for one in found}
    told = [
        _as_paid(event, owners[event.driver_id].driver_id)
        for event in sorted(events.values(), key=lambda event: event.order_id)
        if event.reservation_id and event.driver_id in owners
    ]
    new = [one for one in told if not _is_settled(known.get(one.reservation_id))]
    moments = {event.order_id: event.occurred_at for event in events.values()}
    others = _others(found, events, {owner.driver_id for owner in owners.values()})
    taken = await _free(tx, others, Status.REPLACED, moments)
    taken += await _take_again(tx, new, known)
    await _redeem(loyalty, tx, new, known)
    await repository.settle(tx, {one.reservation_id: moments[one.order_id] for one in new}, Status.SPENT)
    taken += await _undo_what_was_refunded_before(loyalty, tx, new, events)
    return taken + await _taken_by_nobody(tx, [event for event in events.values() if event.driver_id not in owners])


async def release_cancelled(tx: Connection, cancelled: Sequence[OrderCancelledV1]) -> list[Move]:
    """What is set aside for these orders is free again; what was spent for one that was paid before stays so."""
    moments = {event.order_id: event.occurred_at for event in cancelled}
    found = await _still(tx, await repository.of_orders(tx, moments, Status.HELD), Status.HELD) if moments else []
    return await _free(tx, found, Status.RELEASED, moments)


async def undo_refunded(loyalty: Loyalty, tx: Connection, refunded: Sequence[OrderRefundedV1]) -> list[Move]:
    """Of orders of which all was refunded, coupons, points and budgets go back; of others they stay spent."""
    whole = {event.order_id: event.occurred_at for event in refunded if event.refunded_minor >= event.paid_minor}
    found = await repository.of_orders(tx, whole, Status.SPENT) if whole else []
    return await _undo(loyalty, tx, found, whole)


async def let_go(
    loyalty: Loyalty, tx: Connection, held: Iterable[Reservation], status: Status, at: datetime
) -> list[Reservation]:  # fmt: skip
    """Gives back what is set aside, as far as it still is; those of which it was. Locks their drivers."""
    found = await _still(tx, held, Status.HELD)
    await settle_moves(tx, await _free(tx, found, status, dict.fromkeys((one.order_id for one in found), at)), at)
    return found


async def free_own(tx: Connection, reservations: Sequence[Reservation]) -> None:
    """The drivers' own coupons and points are free again."""
    if with_coupons := [one.reservation_id for one in reservations if one.coupons]:
        await coupons.release(tx, with_coupons)
    if with_points := [one.key for one in reservations if one.points]:
        await points.release_holds(tx, with_points)


def _as_paid(event: OrderPaidV1, driver_id: str) -> Reservation:
    """The reservation as the payment tells of it: that is the price that was paid, and its time ends with it."""
    assert event.reservation_id is not None  # noqa: S101 - orders without one are none of these
    parts = tuple(
        Part(part.kind, part.reference, part.reason, part.amount_minor, part.points) for part in event.breakdown
    )
    return Reservation(
        event.reservation_id, event.order_id, driver_id, event.station_id, Status.SPENT, parts, event.currency,
        event.occurred_at,
    )  # fmt: skip


def _is_settled(before: Reservation | None) -> bool:
    return before is not None and before.status.is_settled


def _others(
    found: Iterable[Reservation], events: Mapping[UUID, OrderPaidV1], locked: Collection[str]
) -> list[Reservation]:  # fmt: skip
    """Those that are held for an order that was paid without them."""
    paid_with = {event.reservation_id for event in events.values()}
    return [
        one for one in found
        if one.status is Status.HELD and one.reservation_id not in paid_with and one.driver_id in locked
    ]  # fmt: skip


async def _free(
    tx: Connection, held: Sequence[Reservation], status: Status, moments: Mapping[UUID, datetime]
) -> list[Move]:  # fmt: skip
    """Lets them go; what campaigns get back. `moments` by order."""
    await free_own(tx, held)
    await repository.settle(tx, {one.reservation_id: moments[one.order_id] for one in held}, status)
    return [move for one in held for move in moves(one, taken=False)]


async def _take_again(
    tx: Connection, new: Sequence[Reservation], known: Mapping[UUID, Reservation]
) -> list[Move]:  # fmt: skip
    """Sets aside again what had been let go, or never was; what is to be taken of campaigns for it."""
    taken: list[Move] = []
    for now in new:
        before = known.get(now.reservation_id)
        if before is not None and before.status is Status.HELD:
            continue
        if before is None:
            await repository.insert(tx, now)
        if now.coupons:
            await coupons.reserve(tx, now.driver_id, now.coupons, now.reservation_id, too_late=True)
        taken += moves(now, taken=True)
    return taken


async def _redeem(
    loyalty: Loyalty, tx: Connection, new: Sequence[Reservation], known: Mapping[UUID, Reservation]
) -> None:  # fmt: skip
    """Spends the drivers' own that is set aside, and notes what is not."""
    redeemed = await coupons.redeem_reserved(tx, [
        Redemption(one.reservation_id, one.order_id, one.station_id, one.coupons, one.currency, one.expires_at)
        for one in new if one.coupons or known.get(one.reservation_id, one).coupons
    ])  # fmt: skip
    spent = await points.spend_holds(tx, [
        Spending(one.key, one.order_id, part.amount_minor, one.currency, one.expires_at)
        for one in new if (part := one.points)
    ])  # fmt: skip
    for one in new:
        for coupon_id, amount_minor in sorted(one.coupons.items()):
            if (one.reservation_id, coupon_id) not in redeemed:
                details = {"coupon_id": coupon_id, "amount_minor": amount_minor, "currency": one.currency}
                await note(tx, Kind.COUPON_GONE, one.order_id, coupon_id, one.expires_at, details)
        if (part := one.points) and one.key not in spent:
            details = {"amount_minor": part.amount_minor, "currency": one.currency, "points": part.points}
            await note(tx, Kind.POINTS_NOT_TAKEN, one.order_id, "points", one.expires_at, details)


async def _taken_by_nobody(tx: Connection, paid: Sequence[OrderPaidV1]) -> list[Move]:
    """What orders took of campaigns whose drivers were erased while they paid: it counts in all, once, for nobody."""
    discounted = {event.order_id: event for event in paid if event.reservation_id and event.breakdown}
    if not discounted:
        return []
    before = await repository.paid_before(tx, discounted)
    return [
        move for order_id, event in discounted.items() if order_id not in before
        for move in moves(_as_paid(event, NOBODY), taken=True)
    ]  # fmt: skip


async def settle_moves(tx: Connection, made: Iterable[Move], at: datetime) -> None:
    """Gives back and takes in the order of the campaigns, and notes what was more than there was.

    Call it once in a transaction, as the last thing that locks: so nobody who uses the same campaigns waits in a
    circle, and for long.
    """
    for move in netted(made):
        if not move.taken:
            await campaign_use.give_back(tx, move.campaign_id, move.driver_id, amount_minor=move.amount_minor)
            continue
        within = await campaign_use.take_anyway(tx, move.campaign_id, move.driver_id, amount_minor=move.amount_minor)
        if not within:
            kind = Kind.UNKNOWN_CAMPAIGN if within is None else Kind.OVER_BUDGET
            details = {"campaign_id": move.campaign_id, "amount_minor": move.amount_minor}
            await note(tx, kind, move.order_id, move.campaign_id, at, details)


async def _undo_what_was_refunded_before(
    loyalty: Loyalty, tx: Connection, spent: Sequence[Reservation], events: Mapping[UUID, OrderPaidV1]
) -> list[Move]:  # fmt: skip
    """Of an order whose refund was told before its payment, nothing stays spent."""
    if not spent:
        return []
    refunded = await repository.refunded_before(tx, {one.order_id: events[one.order_id].paid_minor for one in spent})
    gone = [one for one in spent if one.order_id in refunded]
    return await _undo(loyalty, tx, gone, {one.order_id: events[one.order_id].occurred_at for one in gone})


async def _undo(
    loyalty: Loyalty, tx: Connection, spent: Sequence[Reservation], moments: Mapping[UUID, datetime]
) -> list[Move]:  # fmt: skip
    """Gives drivers their own back, as far as it is spent still; what campaigns get back. `moments` by order."""
    found = await _still(tx, spent, Status.SPENT)
    for one in found:
        at = moments[one.order_id]
        if one.coupons:
            await coupons.give_back(tx, one.order_id, one.coupons, at, until=at + GIVEN_BACK_FOR)
        if one.points:
            await points.give_back(loyalty, tx, one.key, at=at)
    await repository.settle(tx, {one.reservation_id: moments[one.order_id] for one in found}, Status.UNDONE)
    return [move for one in found for move in moves(one, taken=False)]


async def _still(tx: Connection, seen: Iterable[Reservation], status: Status) -> list[Reservation]:
    """Those that still have this status once their drivers are locked, as they are then."""
    wanted = list(seen)
    if not wanted:
        return []
    await members.lock(tx, *{one.driver_id for one in wanted})
    now = await repository.by_ids(tx, [one.reservation_id for one in wanted])
    return [now[one.reservation_id] for one in wanted if one.reservation_id in now
            and now[one.reservation_id].status is status]  # fmt: skip
