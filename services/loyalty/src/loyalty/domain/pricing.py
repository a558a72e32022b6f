"""The price of a fill: which offers hold together, what each takes off, and why the others do not. Pure, in integers.

Discounts are taken off in the order of their stacking, each from what the ones before have left, never more than that;
points come last. Of all combinations that are allowed it is the one with the least to pay; of equal ones that with
fewer coupons, then with coupons that end sooner, then with fewer campaigns, then by ids.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from loyalty.domain.amounts import amount_of, whole_amount_of
from loyalty.domain.combinations import best_way
from loyalty.domain.outlook import Taker
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
    looked = look(purchase, offers, left)
    price = looked.price(purchase.method, required, points, points_per_minor)
    return replace(price, unused=looked.told(looked.words(price, required))) if explain else price


class Looked(Struct, frozen=True):
    """The offers as they are for one purchase, from which it can be priced in several ways."""

    purchase: Purchase
    offers: Sequence[Offer]
    """But for rewards."""
    refused: Mapping[str, str]
    """Why an offer does not hold, as a word, by its id."""
    discounts: Sequence[tuple[Offer, Taker]]
    """Those that hold, by whatever way of paying, in the order in which they are taken off."""
    multipliers: Sequence[Offer]

    def price(
        self, method: str | None, required: Collection[str], points: int, points_per_minor: int | None, *,
        coupons: bool = True,
    ) -> Price:  # fmt: skip
        """The best price by this way of paying; it may be had without coupons. Raises CannotCombine."""
        discounts = [
            one for one in self.discounts if _pays(one[0], method) and (coupons or one[0].kind != COUPON)
        ]  # fmt: skip
        multipliers = [offer for offer in self.multipliers if _pays(offer, method)]
        takers = [taker for _, taker in discounts]
        if required:
            self._require(required, {*(taker.id for taker in takers), *(one.id for one in multipliers)})
            takers = [replace(one, required=True) if one.id in required else one for one in takers]
        way = best_way(self.purchase.gross_minor, takers)
        taken = dict(way.parts())
        if idle := sorted(set(required) - taken.keys()):
            raise CannotCombine([refusal("nothing_left", offer_id) for offer_id in idle])
        best = min(multipliers, key=lambda one: (-_basis_points(one), one.id), default=None)
        by_points = _by_points(way.left, points, points_per_minor)
        return Price(
            (*(_part(offer, taken[offer.id]) for offer, _ in discounts if offer.id in taken), *by_points),
            way.left - sum(part.amount_minor for part in by_points), sum(part.points or 0 for part in by_points),
            _basis_points(best) if best else MOST_BASIS_POINTS, (best.id,) if best else (), (),
        )  # fmt: skip

    def words(self, price: Price, required: Collection[str]) -> dict[str, str]:
        """Why each offer that is not in the price takes no part in it, as a word."""
        taken = {part.reference for part in price.parts}
        discounts = [offer for offer, _ in self.discounts if offer.id not in self.refused]
        others = (one for one in self.multipliers if one.id not in self.refused and one.id not in price.multipliers)
        return {**self.refused, **_not_taken(discounts, taken, required), **{one.id: "fewer_points" for one in others}}

    def told(self, words: Mapping[str, str]) -> tuple[Refusal, ...]:
        """The words as sentences, in the order of the offers."""
        return tuple(offer_refusal(words[one.id], one, self.purchase) for one in self.offers if one.id in words)

    def _require(self, required: Collection[str], holding: Collection[str]) -> None:
        """Raises CannotCombine where what is required does not hold, or not together."""
        asked = [offer for offer in self.offers if offer.id in required]
        unknown = set(required) - {offer.id for offer in asked}
        refusals = [refusal("unknown", offer_id) for offer_id in sorted(unknown)]
        idle = (one for one in asked if one.id not in holding)
        refusals += [offer_refusal(self.refused.get(one.id, "method"), one, self.purchase) for one in idle]
        groups = [offer.stacking.group for offer in asked]
        if not refusals and len(asked) > 1 and (None in groups or len(set(groups)) < len(groups)):
            refusals = [refusal("not_together", offer.id) for offer in asked]
        if refusals:
            raise CannotCombine(refusals)


def look(purchase: Purchase, offers: Sequence[Offer], left: Mapping[str, int]) -> Looked:
    """The offers as they are for this purchase; `left` as for best_price."""
    looked_at = [offer for offer in offers if not isinstance(offer.benefit, REWARDS)]
    refused, holding = dict[str, str](), list[Offer]()
    for offer in looked_at:
        word = _refusal(offer, purchase, left)
        if word:
            refused[offer.id] = word
        if word is None or (word == "method" and not _refusal(offer, _paid_so(purchase, offer), left)):
            holding.append(offer)
    discounts = sorted((one for one in holding if isinstance(one.benefit, DISCOUNTS)), key=_order)
    takers = _takers(purchase, discounts, left)
    multipliers = [one for one in holding if isinstance(one.benefit, PointsMultiplier)]
    return Looked(purchase, looked_at, refused, [*zip(discounts, takers, strict=True)], multipliers)


def _refusal(offer: Offer, purchase: Purchase, left: Mapping[str, int]) -> str | None:
    return offer.refusal(purchase) or ("used_up" if left.get(offer.id, 1) <= 0 else None)


def _paid_so(purchase: Purchase, offer: Offer) -> Purchase:
    return replace(purchase, method=next(iter(offer.scope.methods or ()), None))


def _pays(offer: Offer, method: str | None) -> bool:
    return offer.scope.methods is None or method in offer.scope.methods


def _order(offer: Offer) -> tuple[int, str]:
    return offer.stacking.priority, offer.id


def _takers(purchase: Purchase, discounts: Sequence[Offer], left: Mapping[str, int]) -> list[Taker]:
    costs, gross = _costs(discounts), purchase.gross_minor
    return [_taker(purchase, offer, left.get(offer.id, gross), costs[offer.id]) for offer in discounts]


def _taker(purchase: Purchase, offer: Offer, most: int, cost: int) -> Taker:
    basis_points, benefit = MOST_BASIS_POINTS, offer.benefit
    if isinstance(benefit, Percentage):
        basis_points = benefit.basis_points
        most = most if benefit.most_minor is None else min(most, benefit.most_minor)
    elif isinstance(benefit, PerLitre):
        most = min(most, whole_amount_of(purchase.volume_ml, benefit.mills, purchase.currency))
    elif isinstance(benefit, PerFill):
        most = min(most, benefit.amount_minor)
    elif isinstance(benefit, PriceLock):
        locked = amount_of(purchase.volume_ml, benefit.price_mills, purchase.currency)
        most = min(most, max(0, purchase.gross_minor - locked))
    else:
        raise TypeError(benefit)
    whole = min(most, purchase.gross_minor * basis_points // MOST_BASIS_POINTS)
    return Taker(offer.id, offer.stacking.group, most, whole, cost, basis_points)


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
    discounts: Sequence[Offer], taken: Collection[str | None], required: Collection[str]
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
