"""Drivers order gifts for points: stock and points are taken together, and come back together."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from loyalty.domain.gifts import (
    GIVES_BACK,
    OPEN,
    PICK_UP_WITHIN,
    CannotDo,
    Gift,
    GiftOrder,
    GiftOrderStatus,
    GiftStep,
    GiftWay,
    done,
    stock_after,
)
from loyalty.domain.points import TooFewPoints
from loyalty.repository import codes as codes_repository
from loyalty.repository import gift_orders as repository
from loyalty.repository import gifts, members
from loyalty.use_cases import codes, points
from loyalty.use_cases import gift_addresses as addresses
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.each_by_itself import each_by_itself
from loyalty.use_cases.gifts import no_such_gift
from servicekit import price_book
from servicekit.erasures import require_present
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem

PURPOSE = "gift_order"
"""Of the code that a driver shows to get a gift."""
CODE_LIFE = timedelta(hours=24)
LOYALTY = "loyalty"
"""Who did it, where the service did by itself."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a driver wants a gift: picked up at a station, or delivered; personal data as it came."""

    how: GiftWay
    station_id: UUID | None = None
    address: dict[str, str] | None = None


async def place_order(loyalty: Loyalty, tx: Connection, driver_id: str, gift_id: UUID, wish: Wish) -> GiftOrder:
    """A driver's order, whose points are spent and whose gift is set aside; neither happens without the other.

    Raises Problem 401, 404, 409 `gift-not-offered`, `gift-not-offered-there`, `enough-gifts`, `too-few-points`.
    """
    at = datetime.now(UTC)
    await require_present(loyalty.erasures, tx, driver_id)
    await members.lock(tx, driver_id)
    gift = await _orderable(tx, driver_id, gift_id, wish, at)
    order = await _order(loyalty, tx, gift, driver_id, wish, at)
    try:
        await points.spend(
            loyalty, tx, driver_id, gift.points, key=_key(order), gift_order_id=order.gift_order_id, at=at
        )
    except TooFewPoints as error:
        missing = gift.points - error.available
        raise Problem(
            409, "too-few-points", f"You have {error.available} points to spend; this gift needs {missing} more.",
            available=error.available, missing=missing,
        ) from error  # fmt: skip
    if not await gifts.take(tx, gift_id):  # last: so the row of a popular gift is locked for a moment only
        raise _not_offered("All of these gifts are gone.")
    await repository.insert(tx, order)
    await repository.insert_step(tx, order, "place", driver_id, at, {})
    return order


async def give(
    loyalty: Loyalty, tx: Connection, gift_id: UUID, driver_id: str, *, key: str, at: datetime,
    campaign_id: UUID | None = None,
) -> UUID | None:  # fmt: skip
    """An order of a gift for nothing, once for a key; the driver picks it up wherever it is handed over.

    None where all are gone, or nobody can pick it up any more. The caller has the person's turn. Raises LookupError.
    """
    await members.lock(tx, driver_id)
    if known := await repository.of_key(tx, key):
        return known
    gift = await gifts.find(tx, gift_id)
    if gift is None:
        raise LookupError(f"there is no gift {gift_id}")
    if gift.stopped_at is not None or gift.station_ids == () or not await gifts.take(tx, gift_id):
        return None
    order = GiftOrder(
        new_id(), 1, gift_id, gift.name, gift.operator, driver_id, GiftOrderStatus.PLACED, GiftWay.PICK_UP, None, 0,
        None, None, None, campaign_id, key, at, expires_at=at + PICK_UP_WITHIN,
    )  # fmt: skip
    await repository.insert(tx, order)
    await repository.insert_step(tx, order, "place", LOYALTY, at, {})
    return order.gift_order_id


async def own_order(tx: Connection, driver_id: str, gift_order_id: UUID) -> GiftOrder:
    """A driver's order. Raises Problem 404: another driver's is not to be seen."""
    order = await repository.find(tx, gift_order_id)
    if order is None or order.driver_id != driver_id:
        raise no_such_order()
    return order


async def cancel(loyalty: Loyalty, tx: Connection, driver_id: str, gift_order_id: UUID) -> GiftOrder:
    """The order is cancelled by its driver; the points are there again. Raises Problem 401, 404, 409."""
    await require_present(loyalty.erasures, tx, driver_id)
    await own_order(tx, driver_id, gift_order_id)
    return await take_step(loyalty, tx, gift_order_id, GiftStep.CANCEL, driver_id)


async def make_code(loyalty: Loyalty, tx: Connection, driver_id: str, gift_order_id: UUID) -> tuple[str, datetime]:
    """A code to show at the counter, and until when it is good; the one before is good no more.

    Raises Problem 401, 404, 409 `wrong-state`.
    """
    await require_present(loyalty.erasures, tx, driver_id)
    order = await own_order(tx, driver_id, gift_order_id)
    if GiftStep.HAND_OVER not in order.next_steps:
        raise Problem(409, "wrong-state", f"The order is {order.status} ({order.how}): there is nothing to pick up.")
    expires_at = datetime.now(UTC) + CODE_LIFE
    return await codes.make(loyalty, tx, PURPOSE, str(gift_order_id), expires_at=expires_at), expires_at


async def take_step(
    loyalty: Loyalty, tx: Connection, gift_order_id: UUID, step: GiftStep, actor: str, *,
    at: datetime | None = None, station_id: UUID | None = None, damaged: bool = False, forfeit: bool = False,
    **details: Any,
) -> GiftOrder:  # fmt: skip
    """The order after a step, with what follows from it for stock and points. Raises Problem 404, 409 `wrong-state`.

    `forfeit`: there is nobody any more to give the points back to.
    """
    moment = at or datetime.now(UTC)
    order = await locked_order(loyalty, tx, gift_order_id)
    try:
        after = done(order, step, moment, station_id)
    except CannotDo as error:
        raise Problem(409, "wrong-state", str(error), order_status=order.status, next=order.next_steps) from error
    if step in GIVES_BACK and order.points and not forfeit:
        await points.give_back(loyalty, tx, _key(order), at=moment)
    if after.status not in OPEN:
        await codes_repository.withdraw(tx, PURPOSE, [str(gift_order_id)])
    await repository.update(tx, after)
    await repository.insert_step(tx, after, step, actor, moment, {"damaged": damaged} | details)
    await gifts.move_stock(tx, order.gift_id, *stock_after(step, damaged=damaged))
    return after


async def expire_orders(loyalty: Loyalty, limit: int = 100) -> int:
    """Ends orders that nobody picked up in time; how many."""
    now = datetime.now(UTC)
    async with loyalty.store.connection() as connection:
        due = await repository.not_picked_up(connection, now, limit)

    async def expire(tx: Connection, gift_order_id: UUID) -> bool:
        order = await locked_order(loyalty, tx, gift_order_id)
        is_due = order.status in OPEN and order.expires_at is not None and order.expires_at <= now
        if is_due:
            await take_step(loyalty, tx, gift_order_id, GiftStep.EXPIRE, LOYALTY, at=now)
        return is_due

    return await each_by_itself(loyalty, due, expire, "gift_expiry")


async def locked_order(loyalty: Loyalty, tx: Connection, gift_order_id: UUID) -> GiftOrder:
    """The order; its driver's turn and row are taken before it, as by all who change what a driver has.

    Raises Problem 404, 409 `account-merged`.
    """
    found = await repository.find(tx, gift_order_id)
    if found is None:
        raise no_such_order()
    await loyalty.erasures.turn(tx, found.driver_id)
    await members.lock(tx, found.driver_id)
    order = await repository.lock(tx, gift_order_id)
    if order is None or order.driver_id != found.driver_id:  # two accounts became one in this moment
        raise Problem(409, "account-merged", "The driver's accounts were just merged; try again.")
    return order


async def _orderable(tx: Connection, driver_id: str, gift_id: UUID, wish: Wish, at: datetime) -> Gift:
    gift = await gifts.find(tx, gift_id)
    if gift is None:
        raise no_such_gift()
    if refusal := gift.refusal(at):
        raise _not_offered(refusal)
    if gift.most_per_driver is not None and await repository.count_of(tx, driver_id, gift_id) >= gift.most_per_driver:
        raise Problem(409, "enough-gifts", f"One driver can order {gift.most_per_driver} of these; you have.")
    await _require_offered_so(tx, gift, wish)
    return gift


async def _require_offered_so(tx: Connection, gift: Gift, wish: Wish) -> None:
    if wish.how is GiftWay.DELIVERY:
        offered = gift.delivery
    else:
        station = await price_book.station_of(tx, wish.station_id) if wish.station_id else None
        offered = (
            station is not None and station["operator"] == gift.operator and not station["closed"]
            and gift.is_picked_up_at(station["station_id"])
        )  # fmt: skip
    if not offered:
        where = "delivered" if wish.how is GiftWay.DELIVERY else "picked up at this station"
        detail = f"This gift is not {where}; GET /v1/gifts says where it is, and whether it is delivered."
        raise Problem(409, "gift-not-offered-there", detail)


async def _order(loyalty: Loyalty, tx: Connection, gift: Gift, driver_id: str, wish: Wish, at: datetime) -> GiftOrder:
    order_id, sealed = new_id(), None
    if wish.address is not None:
        sealed = addresses.seal(await loyalty.vault.box(tx, driver_id), order_id, wish.address)
    return GiftOrder(
        order_id, 1, gift.gift_id, gift.name, gift.operator, driver_id, GiftOrderStatus.PLACED, wish.how,
        wish.station_id, gift.points, gift.money_minor, gift.currency, sealed, None, None, at,
        expires_at=at + PICK_UP_WITHIN if wish.how is GiftWay.PICK_UP else None,
    )  # fmt: skip


def no_such_order() -> Problem:
    """That there is none, or none that the caller may see."""
    return Problem(404, "no-such-gift-order", "There is no order of a gift with this id among those that are yours.")


def _not_offered(detail: str) -> Problem:
    return Problem(409, "gift-not-offered", detail)


def _key(order: GiftOrder) -> str:
    """Under which its points are spent."""
    return f"gift_order|{order.gift_order_id}"
