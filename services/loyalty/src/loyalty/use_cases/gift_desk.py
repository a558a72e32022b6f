"""Gifts at the counter and in the post: what an operator's staff do about orders."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from loyalty.domain.gifts import GiftOrder, GiftStep, GiftWay
from loyalty.repository import gift_orders as repository
from loyalty.repository import gifts
from loyalty.use_cases import codes
from loyalty.use_cases import gift_addresses as addresses
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.gift_orders import PURPOSE, locked_order, no_such_order, take_step
from loyalty.use_cases.gifts import require_operator
from servicekit import price_book
from servicekit.access import Permission
from servicekit.auth import Principal, require
from servicekit.postgres import Connection
from servicekit.problems import Problem


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the crew types when a driver comes for a gift."""

    code: str
    station_id: UUID
    money_received_minor: int | None


async def hand_over(loyalty: Loyalty, tx: Connection, crew: Principal, shown: HandOver) -> GiftOrder:
    """The driver has the gift; the code is used up. Call it inside `codes.trying`.

    Raises CodeNotGood, Problem 404, 409 `another-station`, `money-due`, `wrong-state`.
    """
    at = datetime.now(UTC)
    station = await price_book.station_for(tx, crew, shown.station_id, Permission.REWARDS_REDEEM)
    code = await codes.find(loyalty, tx, [PURPOSE], shown.code, caller=crew.subject, at=at)
    order = await repository.find(tx, UUID(code.subject))
    if order is None or order.operator != station["operator"]:
        raise codes.CodeNotGood  # as one that nobody made: what others hand over is not to be seen
    order = await locked_order(loyalty, tx, order.gift_order_id)  # before the code, as whoever withdraws codes does
    await _require_here(tx, order, shown.station_id)
    if (order.money_minor or 0) != (shown.money_received_minor or 0):
        raise Problem(
            409, "money-due", f"Take {order.money_minor or 0} minor units for it, and say so in money_received_minor.",
            money_minor=order.money_minor, currency=order.currency,
        )  # fmt: skip
    await codes.spend(tx, code, at)
    return await take_step(
        loyalty, tx, order.gift_order_id, GiftStep.HAND_OVER, crew.subject, at=at, station_id=shown.station_id,
        money_received_minor=shown.money_received_minor,
    )  # fmt: skip


async def staff_step(
    loyalty: Loyalty, tx: Connection, staff: Principal, gift_order_id: UUID, step: GiftStep, *, damaged: bool = False
) -> GiftOrder:
    """The order after a step of the operator's staff: the crew of its station, or for deliveries those who keep gifts.

    Raises Problem 403, 404, 409 `wrong-state`.
    """
    order = await _order_for(tx, staff, gift_order_id)
    if step is GiftStep.PREPARE and order.how is GiftWay.PICK_UP and order.station_id is None:
        raise Problem(409, "wrong-state", "The driver has not said at which station; hand it over when they come.")
    return await take_step(loyalty, tx, gift_order_id, step, staff.subject, damaged=damaged)


async def deliveries(
    loyalty: Loyalty, tx: Connection, staff: Principal, operator: str, after: UUID | None, limit: int
) -> list[tuple[GiftOrder, dict[str, str] | None]]:
    """What is to be sent to drivers, or on its way, and where to; the oldest first. Raises Problem 404."""
    require_operator(staff, operator)
    found = await repository.to_deliver(tx, operator, after, limit)
    boxes = await loyalty.vault.boxes(tx, [order.driver_id for order in found])
    return [
        (order, addresses.opened(boxes.get(order.driver_id), order.gift_order_id, order.address)) for order in found
    ]


async def _order_for(tx: Connection, staff: Principal, gift_order_id: UUID) -> GiftOrder:
    order = await repository.find(tx, gift_order_id)
    if order is None:
        raise no_such_order()
    if order.how is GiftWay.DELIVERY:
        if order.operator not in staff.bindings(Permission.CAMPAIGNS_WRITE)[0]:
            raise no_such_order()
        require(staff, Permission.CAMPAIGNS_WRITE)
    elif not staff.may_act_for(str(order.station_id), order.operator, Permission.REWARDS_REDEEM):
        raise no_such_order()
    return order


async def _require_here(tx: Connection, order: GiftOrder, station_id: UUID) -> None:
    if order.station_id == station_id:
        return
    gift = await gifts.find(tx, order.gift_id)
    if order.station_id is None and gift is not None and gift.is_picked_up_at(station_id):
        return
    detail = "The gift is handed over at another station; the order says which."
    raise Problem(409, "another-station", detail, station_id=order.station_id and str(order.station_id))
