"""When a purchase counts, what is left of its points when it was refunded, and which campaign multiplied them. Pure."""

from collections.abc import Iterable

from loyalty.domain.earning import ONCE
from loyalty.domain.terms import Offer, PointsMultiplier, Purchase
from schemas.orders import OrderCompletedV1, OrderPaidV1, PricePart

PREPAID = "prepaid"
"""Of orders that are paid before anybody knows how much fuel there will be; what was not dispensed goes back."""


def counts_when_paid(paid: OrderPaidV1) -> bool:
    """Whether an order is a purchase as soon as it is paid; a prepaid one is when the pump has given the fuel."""
    return paid.mode != PREPAID


def purchase_when_completed(completed: OrderCompletedV1) -> OrderPaidV1 | None:
    """A prepaid order that was dispensed, as the payment of that; None where it is none, or the pump gave nothing.

    Its gross amount is what the fuel cost, its paid amount all that was paid before. Prepaid orders have no discounts.
    """
    if completed.mode != PREPAID or not completed.volume_ml:
        return None
    used = completed.paid_minor if completed.used_minor is None else completed.used_minor
    told = completed.model_dump(exclude={"used_minor", "method"})
    return OrderPaidV1(**told, gross_minor=used, breakdown=[], method=completed.method or "none")


def kept_points(due: int, paid_minor: int, refunded_minor: int) -> int:
    """The points that a purchase leaves: the share of what it earned that was not refunded, rounded down.

    It follows from what was paid and refunded in all, so whatever order refunds come in, it ends at the same number. A
    refund of more than was paid counts as one of all.
    """
    return due * max(0, paid_minor - refunded_minor) // paid_minor if paid_minor else due


def by_points(breakdown: Iterable[PricePart]) -> int:
    """What points took off, in minor units."""
    return sum(part.amount_minor for part in breakdown if part.kind == "points")


def best_multiplier(purchase: Purchase, offers: Iterable[Offer]) -> tuple[int, tuple[str, ...]]:
    """By how much points are multiplied, in basis points, and the campaign that does so: of those in scope the best."""
    factors = [
        (offer.benefit.basis_points, offer.id)
        for offer in offers
        if isinstance(offer.benefit, PointsMultiplier) and offer.refusal(purchase) is None
    ]
    if not factors:
        return ONCE, ()
    factor, campaign_id = min(factors, key=lambda one: (-one[0], one[1]))
    return factor, (campaign_id,)
