"""Gifts, and what may become of an order of one, as one table. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

PICK_UP_WITHIN = timedelta(days=30)
"""From when it lies ready; from when it was ordered where nobody says that it does."""


class GiftOrderStatus(StrEnum):
    """How far an order is."""

    PLACED = "placed"
    READY = "ready"
    """It lies at the station, or is packed."""
    PICKED_UP = "picked_up"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Nobody picked it up in time."""
    RETURNED = "returned"


class GiftStep(StrEnum):
    """What somebody does about an order."""

    PREPARE = "prepare"
    HAND_OVER = "hand_over"
    SHIP = "ship"
    DELIVER = "deliver"
    CANCEL = "cancel"
    EXPIRE = "expire"
    RETURN = "return"


class GiftWay(StrEnum):
    """How a gift comes to its driver."""

    PICK_UP = "pick_up"
    DELIVERY = "delivery"


_O, _S, _W = GiftOrderStatus, GiftStep, GiftWay
STEPS: Mapping[GiftOrderStatus, Mapping[GiftStep, GiftOrderStatus]] = {
    _O.PLACED: {
        _S.PREPARE: _O.READY, _S.HAND_OVER: _O.PICKED_UP, _S.SHIP: _O.SHIPPED, _S.CANCEL: _O.CANCELLED,
        _S.EXPIRE: _O.EXPIRED,
    },
    _O.READY: {
        _S.HAND_OVER: _O.PICKED_UP, _S.SHIP: _O.SHIPPED, _S.CANCEL: _O.CANCELLED, _S.EXPIRE: _O.EXPIRED,
    },
    _O.SHIPPED: {_S.DELIVER: _O.DELIVERED, _S.RETURN: _O.RETURNED},
    _O.PICKED_UP: {_S.RETURN: _O.RETURNED},
    _O.DELIVERED: {_S.RETURN: _O.RETURNED},
    _O.CANCELLED: {},
    _O.EXPIRED: {},
    _O.RETURNED: {},
}  # fmt: skip
"""What is not here is refused and changes nothing."""
ONLY: Mapping[GiftStep, GiftWay] = {
    _S.HAND_OVER: _W.PICK_UP, _S.EXPIRE: _W.PICK_UP, _S.SHIP: _W.DELIVERY, _S.DELIVER: _W.DELIVERY,
}  # fmt: skip
"""Steps of one way only."""
GIVES_BACK = frozenset({GiftStep.CANCEL, GiftStep.EXPIRE, GiftStep.RETURN})
"""Steps after which the points are the driver's again."""
OPEN = frozenset({GiftOrderStatus.PLACED, GiftOrderStatus.READY})
"""The gift is promised, and not yet handed over."""


@dataclass(frozen=True, slots=True)
class Gift:
    """A gift of an operator's catalogue. `version` grows with each change of what staff say of it."""

    gift_id: UUID
    version: int
    operator: str
    name: str
    description: str
    points: int
    money_minor: int | None
    """Paid at the counter, beside the points."""
    currency: str | None
    stock: int
    ordered: int
    station_ids: tuple[UUID, ...] | None
    """Where it is picked up; None: at all the operator's stations, empty: nowhere."""
    delivery: bool
    most_per_driver: int | None
    starts_at: datetime
    ends_at: datetime | None
    stopped_at: datetime | None

    @property
    def left(self) -> int:
        """How many can still be ordered."""
        return self.stock - self.ordered

    def refusal(self, at: datetime) -> str | None:
        """Why it cannot be ordered, for people; None where it can."""
        if self.stopped_at is not None or (self.ends_at is not None and at >= self.ends_at):
            return "This gift is no longer offered."
        if at < self.starts_at:
            return "This gift is not offered yet."
        return None if self.left else "All of these gifts are gone."

    def is_picked_up_at(self, station_id: UUID) -> bool:
        """Whether it is handed over at this station, which is the operator's."""
        return self.station_ids is None or station_id in self.station_ids


class BadGift(Exception):
    """The gift makes no sense; `field` names what is wrong, the text says why."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


def require_good(gift: Gift) -> None:
    """Raises BadGift."""
    if (gift.money_minor is None) != (gift.currency is None):
        raise BadGift("currency", "A part in money and its currency belong together.")
    if gift.money_minor is not None and gift.delivery:
        raise BadGift("delivery", "Money is paid at the counter: a gift with a part in money cannot be delivered.")
    if gift.station_ids == () and not gift.delivery:
        raise BadGift("station_ids", "Say where it is picked up, or offer delivery.")
    if gift.ends_at is not None and gift.ends_at <= gift.starts_at:
        raise BadGift("ends_at", "It must end after it starts.")
    if gift.stock < gift.ordered:
        raise BadGift("stock_change", f"{gift.ordered} of these gifts are ordered: so many must be left.")


@dataclass(frozen=True, slots=True)
class GiftOrder:
    """A driver's order of one gift, at the terms of when it was placed."""

    gift_order_id: UUID
    version: int
    gift_id: UUID
    name: str
    operator: str
    driver_id: str
    status: GiftOrderStatus
    how: GiftWay
    station_id: UUID | None
    """Of a pick-up; None: the driver chooses it by coming."""
    points: int
    money_minor: int | None
    currency: str | None
    address: bytes | None
    """Of a delivery, sealed; None when it is no longer needed."""
    campaign_id: UUID | None
    key: str | None
    placed_at: datetime
    ready_at: datetime | None = None
    handed_over_at: datetime | None = None
    ended_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def next_steps(self) -> list[GiftStep]:
        """What may be done about it."""
        return [step for step in STEPS[self.status] if ONLY.get(step, self.how) is self.how]


class CannotDo(Exception):
    """The step is none for this order now; the text says why, and what is possible."""


def done(order: GiftOrder, step: GiftStep, at: datetime, station_id: UUID | None = None) -> GiftOrder:
    """The order after a step, at a station where it is done there. Raises CannotDo."""
    if step not in order.next_steps:
        possible = ", ".join(order.next_steps) or "nothing more"
        raise CannotDo(f"The order is {order.status} ({order.how}): {step} is not possible, {possible} is.")
    after = replace(order, version=order.version + 1, status=STEPS[order.status][step])
    match step:
        case GiftStep.PREPARE:
            expires_at = at + PICK_UP_WITHIN if order.how is GiftWay.PICK_UP else None
            return replace(after, ready_at=at, expires_at=expires_at)
        case GiftStep.HAND_OVER | GiftStep.SHIP:
            return replace(after, handed_over_at=at, station_id=order.station_id or station_id)
        case _:
            return replace(after, ended_at=at, address=None)


def stock_after(step: GiftStep, *, damaged: bool = False) -> tuple[int, int]:
    """How a step changes (stock, ordered) of the gift."""
    match step:
        case GiftStep.HAND_OVER | GiftStep.SHIP:
            return -1, -1
        case GiftStep.CANCEL | GiftStep.EXPIRE:
            return 0, -1
        case GiftStep.RETURN:
            return (0, 0) if damaged else (1, 0)
        case _:
            return 0, 0
