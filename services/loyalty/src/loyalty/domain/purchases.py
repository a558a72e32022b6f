"""What is left of a purchase: of its points when it was refunded, and which campaign multiplied them. Pure."""

from collections.abc import Iterable

from loyalty.domain.earning import ONCE
from loyalty.domain.terms import Offer, PointsMultiplier, Purchase
from schemas.orders import PricePart


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
