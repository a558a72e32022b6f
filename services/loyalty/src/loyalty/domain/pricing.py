"""The price of a fill: which offers hold together, what each takes off, and why the others do not. Pure, in integers.

Discounts are taken off in the order of their stacking, each from what the ones before have left, never more than that;
points come last. Of all combinations that are allowed it is the one with the least to pay; of equal ones that with
fewer coupons, then with coupons that end sooner, then with fewer campaigns, then by ids.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from loyalty.domain.amounts import amount_of, whole_amount_of
from loyalty.domain.combinations import Taker, best_way
from loyalty.domain.refusal_words import Refusal, offer_refusal, refusal
from loyalty.domain.terms import (
    DISCOUNTS,
    MOST_BASIS_POINTS,
    REWARDS,
    Offer,
    Percentage,
    PerFill,
    PerLitre,
    PointsMultiplier,
    PriceLock,
    Purchase,
)

COUPON = "coupon"
LABELS = {COUPON: "Coupon", "card_discount": "Fuel card"}
MOST_REASON = 200
_NEVER = datetime.max.replace(tzinfo=UTC)


class Part(Struct, frozen=True):
    """What is taken off, and why: the fields of schemas.orders.PricePart."""

    kind: str
    reference: str | None
    reason: str
    amount_minor: int
    points: int | None = None


class Price(Struct, frozen=True):
    """What is paid. The parts together are what the gross amount is more than it."""

    parts: tuple[Part, ...]
    paid_minor: int
    points: int
    """How many are spent."""
    multiplier_basis_points: int
    multipliers: tuple[str, ...]
    """The campaign that multiplies the points that are earned."""
    unused: tuple[Refusal, ...]
    """Why each other discount and multiplier does not take part, in the order of the offers."""

    @property
    def coupons(self) -> tuple[Part, ...]:
        """The parts that are coupons."""
        return tuple(part for part in self.parts if part.kind == COUPON)


class CannotCombine(Exception):
    """A coupon that the driver asked for does not hold: why, for each."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(", ".join(f"{one.what}: {one.reason}" for one in refusals))
        self.refusals = tuple(refusals)


def best_price(
    purchase: Purchase, offers: Sequence[Offer], *, left: Mapping[str, int], required: Collection[str] = frozenset(),
    points: int = 0, points_per_minor: int | None = None, explain: bool = True,
) -> Price:  # fmt: skip
    """The price with the best of the offers; those that are `required` must be among them.

    `left` is the most that an offer may still take off, by its id (0: used up; missing: no limit); `points` the most
    to spend, `points_per_minor` how many take off one minor unit (None: they cannot be spent). Rewards take nothing
    off, and are passed by. Without `explain` the price does not say what is unused. Raises CannotCombine.
    """
    offers = [offer for offer in offers if not isinstance(offer.benefit, REWARDS)]
    refused = {offer.id: word for offer in offers if (word := _refusal(offer, purchase, left))}
    _require(purchase, offers, required, refused)
    discounts = sorted(
        (one for one in offers if isinstance(one.benefit, DISCOUNTS) and one.id not in refused), key=_order
    )  # fmt: skip
    way = best_way(purchase.gross_minor, _takers(purchase, discounts, left, required))
    taken = dict(way.parts())
    if idle := sorted(set(required) - taken.keys()):
        raise CannotCombine([refusal("nothing_left", offer_id) for offer_id in idle])
    multipliers = [one for one in offers if isinstance(one.benefit, PointsMultiplier) and one.id not in refused]
    best = min(multipliers, key=lambda one: (-_basis_points(one), one.id), default=None)
    if explain:
        refused |= _not_taken(discounts, taken, required)
        refused |= {one.id: "fewer_points" for one in multipliers if one is not best}
    by_points = _by_points(way.left, points, points_per_minor)
    return Price(
        (*(_part(offer, taken[offer.id]) for offer in discounts if offer.id in taken), *by_points),
        way.left - sum(part.amount_minor for part in by_points), sum(part.points or 0 for part in by_points),
        _basis_points(best) if best else MOST_BASIS_POINTS, (best.id,) if best else (),
        tuple(offer_refusal(refused[one.id], one, purchase) for one in offers if explain and one.id in refused),
    )  # fmt: skip


def _refusal(offer: Offer, purchase: Purchase, left: Mapping[str, int]) -> str | None:
    return offer.refusal(purchase) or ("used_up" if left.get(offer.id, 1) <= 0 else None)


def _require(
    purchase: Purchase, offers: Sequence[Offer], required: Collection[str], refused: Mapping[str, str]
) -> None:  # fmt: skip
    """Raises CannotCombine where what is required does not hold, or not together."""
    asked = [offer for offer in offers if offer.id in required]
    unknown = set(required) - {offer.id for offer in asked}
    refusals = [refusal("unknown", offer_id) for offer_id in sorted(unknown)]
    refusals += [offer_refusal(refused[one.id], one, purchase) for one in asked if one.id in refused]
    groups = [offer.stacking.group for offer in asked]
    if not refusals and len(asked) > 1 and (None in groups or len(set(groups)) < len(groups)):
        refusals = [refusal("not_together", offer.id) for offer in asked]
    if refusals:
        raise CannotCombine(refusals)


def _order(offer: Offer) -> tuple[int, str]:
    return offer.stacking.priority, offer.id


def _takers(
    purchase: Purchase, discounts: Sequence[Offer], left: Mapping[str, int], required: Collection[str]
) -> list[Taker]:  # fmt: skip
    costs = _costs(discounts)
    return [
        _taker(purchase, offer, left.get(offer.id, purchase.gross_minor), costs[offer.id], offer.id in required)
        for offer in discounts
    ]


def _taker(purchase: Purchase, offer: Offer, most: int, cost: int, required: bool) -> Taker:
    basis_points = MOST_BASIS_POINTS
    match offer.benefit:
        case Percentage(basis_points=basis_points, most_minor=limit):
            most = most if limit is None else min(most, limit)
        case PerLitre(mills=mills):
            most = min(most, whole_amount_of(purchase.volume_ml, mills, purchase.currency))
        case PerFill(amount_minor=amount):
            most = min(most, amount)
        case PriceLock(price_mills=price_mills):
            locked = amount_of(purchase.volume_ml, price_mills, purchase.currency)
            most = min(most, max(0, purchase.gross_minor - locked))
        case other:
            raise TypeError(other)
    return Taker(offer.id, offer.stacking.group, most, cost, basis_points, required)


def _costs(discounts: Sequence[Offer]) -> dict[str, int]:
    """What each adds to the cost of a way, so that the lowest sum is the best of those that leave the same.

    One more coupon costs more than any change of coupons, any coupon more than all campaigns, and so on: of n that are
    ranked, the one at rank r costs 2^n - 2^(n-1-r). Sums of equally many compare as their ranks do, best first.
    """
    coupons = sorted((one for one in discounts if one.kind == COUPON), key=lambda one: (one.ends_at or _NEVER, one.id))
    campaigns = sorted((one for one in discounts if one.kind != COUPON), key=lambda one: one.id)
    above_campaigns = 2 * len(campaigns)
    costs = {one.id: cost for one, cost in zip(campaigns, _ranked(len(campaigns)), strict=True)}
    costs |= {one.id: cost << above_campaigns for one, cost in zip(coupons, _ranked(len(coupons)), strict=True)}
    return costs


def _ranked(count: int) -> list[int]:
    return [(1 << count) - (1 << (count - 1 - rank)) for rank in range(count)]


def _not_taken(
    discounts: Sequence[Offer], taken: Mapping[str, int], required: Collection[str]
) -> dict[str, str]:  # fmt: skip
    """Why each discount that holds takes no part all the same, as a word."""
    groups = {offer.stacking.group for offer in discounts if offer.id in taken}
    all_are_closed, closed, word = None in groups, groups | {None}, "chosen" if required else "less"
    return {
        one.id: word if groups and (all_are_closed or one.stacking.group in closed) else "nothing_left"
        for one in discounts if one.id not in taken
    }  # fmt: skip


def _basis_points(offer: Offer) -> int:
    return offer.benefit.basis_points if isinstance(offer.benefit, PointsMultiplier) else MOST_BASIS_POINTS


def _by_points(left: int, points: int, points_per_minor: int | None) -> list[Part]:
    """What points take off, in whole minor units: no point is spent for nothing."""
    if points_per_minor is None or (amount := min(left, points // points_per_minor)) <= 0:
        return []
    spent = amount * points_per_minor
    return [Part("points", None, f"{spent:,} points", amount, spent)]


def _part(offer: Offer, amount: int) -> Part:
    return Part(offer.kind, offer.id, f"{LABELS.get(offer.kind, 'Campaign')}: {offer.name}"[:MOST_REASON], amount)
