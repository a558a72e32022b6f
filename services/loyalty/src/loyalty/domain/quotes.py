"""A quote: what a fill would cost, why, and what else it could cost. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from loyalty.domain.amounts import amount_of, amount_text, volume_for
from loyalty.domain.earning import EarningRule, earned
from loyalty.domain.pricing import COUPON, CannotCombine, Looked, Part, Price, look
from loyalty.domain.refusal_words import POINTS, Refusal
from loyalty.domain.terms import Offer, Purchase

METHODS = ("wechat", "alipay", "fuel_card")
GOOD_FOR = timedelta(minutes=1)
MINUTE = timedelta(minutes=1)
MOST_CAMPAIGNS_TOLD = 20
"""Of those that do not hold, or not as well."""


class Basis(Struct, frozen=True):
    """What the price of a purchase hangs on."""

    purchase: Purchase
    offers: Sequence[Offer]
    left: Mapping[str, int]
    """The most that offers with a limit may still take off."""
    chosen: frozenset[str]
    """Coupons that the driver wants to use."""
    points: int
    """The most to spend."""
    points_per_minor: int | None
    rule: EarningRule
    tier_basis_points: int

    def earns(self, price: Price) -> int:
        """The points that the fill earns at this price."""
        by_points = sum(part.amount_minor for part in price.parts if part.kind == POINTS)
        return earned(
            self.rule, paid_minor=price.paid_minor, gross_minor=self.purchase.gross_minor, points_minor=by_points,
            volume_ml=self.purchase.volume_ml, tier_basis_points=self.tier_basis_points,
            multiplier_basis_points=price.multiplier_basis_points,
        )  # fmt: skip


class ByMethod(Struct, frozen=True):
    """What it would cost by another way of paying."""

    method: str
    paid_minor: int
    less_minor: int
    """Than the price of the quote; below zero: it is dearer."""
    points: int
    """That it earns."""


class BestCoupon(Struct, frozen=True):
    """The coupon that takes off the most, and why it is worth using."""

    coupon_id: str
    amount_minor: int
    reason: str


class Quote(Struct, frozen=True):
    """The price and what belongs to it."""

    price: Price
    points: int
    """That it earns."""
    best_coupon: BestCoupon | None
    methods: tuple[ByMethod, ...]
    valid_until: datetime


def quantity(
    amount_minor: int | None, volume_ml: int | None, price_mills: int, currency: str
) -> tuple[int, int]:  # fmt: skip
    """(millilitres, minor units at the pump) of so much money, or of so much fuel: just one is given."""
    if volume_ml is None:
        volume_ml = volume_for(amount_minor or 0, price_mills, currency)
    return volume_ml, amount_of(volume_ml, price_mills, currency)


def quote(basis: Basis) -> Quote:
    """The best price there is. Coupons that the driver chose are in it where they can be, and it is said why not."""
    looked = look(basis.purchase, basis.offers, basis.left)
    price = _price(basis, looked, basis.purchase.method)
    best = _best_coupon(basis, looked, price)
    return Quote(price, basis.earns(price), best, _methods(basis, looked, price), _until(basis, price))


def _price(basis: Basis, looked: Looked, method: str | None) -> Price:
    """By this way of paying. What is not used is said of the purchase's own."""
    refused, chosen = dict[str, Refusal](), basis.chosen
    try:
        price = looked.price(method, chosen, basis.points, basis.points_per_minor)
    except CannotCombine as error:
        refused, chosen = {one.what: one for one in error.refusals}, frozenset[str]()
        price = looked.price(method, chosen, basis.points, basis.points_per_minor)
    if method != basis.purchase.method:
        return price
    used = {part.reference for part in price.parts}
    unused = {one.what: one for one in looked.told(_listed(basis.offers, looked.words(price, chosen)))} | refused
    return replace(price, unused=tuple(one for what, one in unused.items() if what not in used))


def _listed(offers: Sequence[Offer], words: Mapping[str, str]) -> dict[str, str]:
    """Those that are told: each coupon, and so many campaigns."""
    coupons = {one.id for one in offers if one.kind == COUPON}
    campaigns = [one.id for one in offers if one.id not in coupons and one.id in words]
    told = coupons.union(campaigns[:MOST_CAMPAIGNS_TOLD])
    return {what: word for what, word in words.items() if what in told}


def _best_coupon(basis: Basis, looked: Looked, price: Price) -> BestCoupon | None:
    """The one that takes off the most; its reason is what all coupons together save."""
    best = max(price.coupons, key=_amount, default=None)
    if best is None:
        return None
    method = basis.purchase.method
    without = looked.price(method, (), basis.points, basis.points_per_minor, coupons=False)
    more, currency = without.paid_minor - price.paid_minor, basis.purchase.currency
    reason = f"It takes off {amount_text(best.amount_minor, currency)}"
    if more > 0:
        reason += f"; without a coupon you would pay {amount_text(more, currency)} more."
    else:
        reason += "; without a coupon you would pay no more, so you may keep it."
    return BestCoupon(str(best.reference), best.amount_minor, reason)


def _amount(part: Part) -> int:
    return part.amount_minor


def _methods(basis: Basis, looked: Looked, price: Price) -> tuple[ByMethod, ...]:
    """Each way of paying; those for which the same offers hold cost the same, and are worked out once."""
    holding = (*(offer for offer, _ in looked.discounts), *looked.multipliers)
    selective = [offer for offer in holding if offer.scope.methods is not None]
    known = {_allowed(selective, basis.purchase.method): price}
    found: list[ByMethod] = []
    for method in METHODS:
        allowed = _allowed(selective, method)
        if allowed not in known:
            known[allowed] = _price(basis, looked, method)
        other = known[allowed]
        found.append(ByMethod(method, other.paid_minor, price.paid_minor - other.paid_minor, basis.earns(other)))
    return tuple(found)


def _allowed(offers: Sequence[Offer], method: str | None) -> frozenset[str]:
    return frozenset(offer.id for offer in offers if method in (offer.scope.methods or ()))


def _until(basis: Basis, price: Price) -> datetime:
    """How long the quote is good: as a rule a minute, or until something in it no longer holds.

    Hours begin and end on whole minutes, and just one whole minute is ahead.
    """
    at = basis.purchase.at
    used = {*(part.reference for part in price.parts), *price.multipliers}
    offers = [offer for offer in basis.offers if offer.id in used]
    ends = [offer.ends_at for offer in offers if offer.ends_at is not None]
    edge = at.replace(second=0, microsecond=0) + MINUTE
    then = replace(basis.purchase, at=edge)
    if any(offer.scope.refusal(then) for offer in offers):
        ends.append(edge)
    return min([at + GOOD_FOR, *ends])
