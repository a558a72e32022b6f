"""What becomes of reservations when events tell of their orders: spent, released, undone. Decided by state alone, so
events may come twice, late and in any order; see the table in domain/reservations.py.

A payer paid the price that was shown. So what was promised is taken also where the reservation had ended before the
payment came: points may make a debt, a campaign may give more than its budget, and what can no longer be taken is noted
as a difference.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from loyalty.domain.pricing import Part
from loyalty.domain.reservations import GIVEN_BACK_FOR, Move, Reservation, Status, moves
from loyalty.repository import campaign_use, coupons
from loyalty.repository import reservations as repository
from loyalty.repository.points import Member, lock_members, lock_owners
from loyalty.use_cases import points
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.differences import Kind, note
from schemas.orders import OrderCancelledV1, OrderPaidV1, OrderRefundedV1
from servicekit.postgres import Connection


async def confirm(loyalty: Loyalty, tx: Connection, paid: Sequence[OrderPaidV1]) -> None:
    """What was set aside for these orders is spent, once each. Orders without a reservation cost no query."""
    events = {event.reservation_id: event for event in paid if event.reservation_id is not None}
    if not events:
        return
    owners = await lock_owners(tx, {event.driver_id for event in events.values()})
    known = await repository.by_ids(tx, events)
    spent = [
        (known.get(reservation_id), _as_paid(event, owners[event.driver_id]), event.occurred_at)
        for reservation_id, event in sorted(events.items()) if event.driver_id in owners
    ]  # fmt: skip
    new = [(before, now, at) for before, now, at in spent if before is None or not before.status.is_settled]
    taken: list[Move] = []
    for before, now, at in new:
        taken += await _spend(loyalty, tx, before, now, at)
    await _settle_moves(tx, taken, events)
    await _undo_what_was_refunded_before(loyalty, tx, [(now, at) for _, now, at in new], events)


async def release_cancelled(loyalty: Loyalty, tx: Connection, cancelled: Sequence[OrderCancelledV1]) -> None:
    """What is set aside for these orders is free again; what was spent for one that was paid before stays so."""
    at = max(event.occurred_at for event in cancelled)
    found = await repository.of_orders(tx, {event.order_id for event in cancelled}, Status.HELD)
    await let_go(loyalty, tx, found, Status.RELEASED, at)


async def undo_refunded(loyalty: Loyalty, tx: Connection, refunded: Sequence[OrderRefundedV1]) -> None:
    """Of orders of which all was refunded, coupons, points and budgets go back; of others they stay spent."""
    whole = {event.order_id: event.occurred_at for event in refunded if event.refunded_minor >= event.paid_minor}
    if not whole:
        return
    found = await repository.of_orders(tx, whole, Status.SPENT)
    await _undo(loyalty, tx, [(reservation, whole[reservation.order_id]) for reservation in found])


async def let_go(
    loyalty: Loyalty, tx: Connection, held: Iterable[Reservation], status: Status, at: datetime
) -> list[Reservation]:  # fmt: skip
    """Gives back what is set aside, as far as it still is; those of which it was. Locks their drivers."""
    found = await _still(tx, held, Status.HELD)
    for reservation in found:
        await free_own(tx, reservation)
    await repository.settle(tx, [one.reservation_id for one in found], status, at)
    await give_back_campaigns(tx, found)
    return found


async def free_own(tx: Connection, reservation: Reservation) -> None:
    """The driver's own coupons and points are free again."""
    if reservation.coupons:
        await coupons.release(tx, reservation.reservation_id)
    if reservation.points:
        await points.release_hold(tx, reservation.key)


async def give_back_campaigns(tx: Connection, reservations: Iterable[Reservation]) -> None:
    """What they took of campaigns' budgets is there again."""
    for move in sorted(move for one in reservations for move in moves(one, taken=False)):
        await campaign_use.give_back(tx, move.campaign_id, move.driver_id, amount_minor=move.amount_minor)


def _as_paid(event: OrderPaidV1, owner: Member) -> Reservation:
    """The reservation as the payment tells of it: that is the price that was paid."""
    assert event.reservation_id is not None  # noqa: S101 - `confirm` looks at no others
    parts = tuple(
        Part(part.kind, part.reference, part.reason, part.amount_minor, part.points) for part in event.breakdown
    )
    return Reservation(
        event.reservation_id, event.order_id, owner.driver_id, event.station_id, Status.SPENT, parts, event.currency,
        event.occurred_at,
    )  # fmt: skip


async def _spend(
    loyalty: Loyalty, tx: Connection, before: Reservation | None, now: Reservation, at: datetime
) -> list[Move]:  # fmt: skip
    """Spends it; what is to be taken of campaigns and given back to them for it."""
    taken: list[Move] = []
    if before is None or before.status is not Status.HELD:
        taken = await _take_again(loyalty, tx, now, at)
    if before is None:
        await repository.insert(tx, now)
    await _redeem(loyalty, tx, now, at)
    await repository.settle(tx, [now.reservation_id], Status.SPENT, at)
    return taken


async def _take_again(loyalty: Loyalty, tx: Connection, now: Reservation, at: datetime) -> list[Move]:
    """Sets aside again what had been let go; another reservation of the order is for nothing any more."""
    others = await repository.of_orders(tx, [now.order_id], Status.HELD)
    for other in others:
        await free_own(tx, other)
    await repository.settle(tx, [other.reservation_id for other in others], Status.REPLACED, at)
    if now.coupons:
        await coupons.reserve(tx, now.driver_id, now.coupons, now.reservation_id, too_late=True)
    return [*(move for other in others for move in moves(other, taken=False)), *moves(now, taken=True)]


async def _redeem(loyalty: Loyalty, tx: Connection, now: Reservation, at: datetime) -> None:
    """Spends the driver's own that is set aside, and notes what is not."""
    if now.coupons:
        redeemed = await coupons.redeem_reserved(
            tx, now.reservation_id, order_id=now.order_id, station_id=now.station_id, amounts=now.coupons,
            currency=now.currency, at=at,
        )  # fmt: skip
        for coupon_id in sorted(now.coupons.keys() - redeemed):
            details = {"coupon_id": coupon_id, "amount_minor": now.coupons[coupon_id], "currency": now.currency}
            await note(tx, Kind.COUPON_GONE, now.order_id, coupon_id, at, details)
    if part := now.points:
        told = {"amount_minor": part.amount_minor, "currency": now.currency}
        spent = await points.spend_hold(loyalty, tx, now.key, order_id=now.order_id, at=at, **told)
        if not spent:
            await note(tx, Kind.POINTS_NOT_TAKEN, now.order_id, "points", at, told | {"points": part.points})


async def _settle_moves(tx: Connection, taken: Sequence[Move], events: dict[UUID, OrderPaidV1]) -> None:
    """Gives back and takes in the order of the campaigns, and notes what was more than there was."""
    at = {event.order_id: event.occurred_at for event in events.values()}
    for move in sorted(taken):
        if not move.taken:
            await campaign_use.give_back(tx, move.campaign_id, move.driver_id, amount_minor=move.amount_minor)
            continue
        within = await campaign_use.take_anyway(tx, move.campaign_id, move.driver_id, amount_minor=move.amount_minor)
        if not within:
            kind = Kind.UNKNOWN_CAMPAIGN if within is None else Kind.OVER_BUDGET
            details = {"campaign_id": move.campaign_id, "amount_minor": move.amount_minor}
            await note(tx, kind, move.order_id, move.campaign_id, at[move.order_id], details)


async def _undo_what_was_refunded_before(
    loyalty: Loyalty, tx: Connection, spent: Sequence[tuple[Reservation, datetime]], events: dict[UUID, OrderPaidV1]
) -> None:  # fmt: skip
    """Of an order whose refund was told before its payment, nothing stays spent."""
    if not spent:
        return
    paid = {now.order_id: events[now.reservation_id].paid_minor for now, _ in spent}
    refunded = await repository.refunded_before(tx, paid)
    await _undo(loyalty, tx, [(now, at) for now, at in spent if now.order_id in refunded])


async def _undo(loyalty: Loyalty, tx: Connection, spent: Sequence[tuple[Reservation, datetime]]) -> None:
    moments = {reservation.reservation_id: at for reservation, at in spent}
    found = await _still(tx, [reservation for reservation, _ in spent], Status.SPENT)
    for reservation in found:
        at = moments[reservation.reservation_id]
        if reservation.coupons:
            await coupons.give_back(tx, reservation.order_id, reservation.coupons, at, until=at + GIVEN_BACK_FOR)
        if reservation.points:
            await points.give_back(loyalty, tx, reservation.key, at=at)
        await repository.settle(tx, [reservation.reservation_id], Status.UNDONE, at)
    await give_back_campaigns(tx, found)


async def _still(tx: Connection, seen: Iterable[Reservation], status: Status) -> list[Reservation]:
    """Those that still have this status once their drivers are locked, as they are then."""
    wanted = list(seen)
    if not wanted:
        return []
    await lock_members(tx, {one.driver_id for one in wanted})
    now = await repository.by_ids(tx, [one.reservation_id for one in wanted])
    return [now[one.reservation_id] for one in wanted if one.reservation_id in now
            and now[one.reservation_id].status is status]  # fmt: skip
