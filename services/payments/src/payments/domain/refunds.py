"""Refunds: how far they are, how much may go back, and who must agree. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from payments.domain.ledger import AccountKind
from payments.domain.money import share_of
from payments.domain.order_words import Status
from payments.domain.orders import Order


class RefundStatus(StrEnum):
    """How far a refund is."""

    REQUESTED = "requested"
    """A second person must agree."""
    PENDING = "pending"
    """On its way to the driver."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The provider gave a final no: people must look."""
    REJECTED = "rejected"


COUNTED = frozenset({RefundStatus.REQUESTED, RefundStatus.PENDING, RefundStatus.SUCCEEDED})
"""They take from what may still be refunded."""


class RefundPurpose(StrEnum):
    """What the money was paid for."""

    ORDER = "order"
    RELEASE = "release"
    """Charged before fuelling, and not used: it was never the station's."""
    RECHARGE = "recharge"
    LATE_PAYMENT = "late_payment"
    """Paid when nobody asked for it any more."""


class RefundReason(StrEnum):
    """Why money goes back, as people choose it."""

    NOT_DISPENSED = "not_dispensed"
    UNDER_DISPENSED = "under_dispensed"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_FUEL = "wrong_fuel"
    FUEL_QUALITY = "fuel_quality"
    DUPLICATE = "duplicate"
    GOODWILL = "goodwill"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund as it is stored; where it goes back to a card, it has no attempt. `note` is sealed."""

    refund_id: UUID
    purpose: RefundPurpose
    purpose_id: UUID
    method: str
    source_kind: AccountKind
    source_owner: str
    amount_minor: int
    currency: str
    reason: str
    status: RefundStatus
    requested_by: str
    requested_at: datetime
    attempt_id: UUID | None = None
    card_id: UUID | None = None
    discount_minor: int = 0
    """What the station gives back of the discount, to whoever paid it, with the refund by which all is back."""
    volume_ml: int | None = None
    note: bytes | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    settled_at: datetime | None = None
    next_look_at: datetime | None = None
    looks: int = 0
    provider_refund_id: str | None = None
    error: str | None = None

    @property
    def number(self) -> str:
        """The number that the provider knows it by."""
        return self.refund_id.hex


class RefundImpossible(Exception):
    """The order does not allow it; the text says why."""


def checked_amount(order: Order, counted_minor: int, asked_minor: int | None) -> int:
    """The amount to refund; None asks for all that is left. `counted_minor`: what is refunded, or on its way.

    Of an order that coupons and points paid wholly it is nothing, once, and the discount goes back. Raises
    RefundImpossible.
    """
    if asked_minor is None and order.is_paid_by_discounts and order.status is not Status.REFUNDED:
        return 0
    left = order.paid_minor - counted_minor
    if left <= 0:
        raise RefundImpossible("All that was paid has been refunded, or is on its way back.")
    if asked_minor is not None and asked_minor > left:
        raise RefundImpossible(f"At most {left} can still be refunded of this order, not {asked_minor}.")
    return left if asked_minor is None else asked_minor


def amount_of_missing(order: Order, missing_ml: int) -> int:
    """What was paid for fuel that was not received. Raises RefundImpossible where it is more than was dispensed."""
    if not order.volume_ml or missing_ml > order.volume_ml:
        raise RefundImpossible(f"The order is about {order.volume_ml or 0} ml, so {missing_ml} ml cannot be missing.")
    return share_of(order.paid_minor, missing_ml, order.volume_ml)


def needs_second_person(total_minor: int, currency: str, limits: Mapping[str, int]) -> bool:
    """Whether two people must agree; `total_minor` is all that goes back of the order, so that parts add up.

    Of a currency without a limit every refund needs two.
    """
    return total_minor > limits.get(currency, 0)
