"""A quote: what a fill would cost, why, and what else it could cost. Pure."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from loyalty.domain.amounts import amount_of, amount_text, volume_for
from loyalty.domain.earning import EarningRule, earned
from loyalty.domain.pricing import COUPON, CannotCombine, Part, Price, best_price
from loyalty.domain.refusal_words import POINTS, Refusal
from loyalty.domain.terms import Offer, Purchase

METHODS = ("wechat", "alipay", "fuel_card")
GOOD_FOR = timedelta(minutes=1)
MINUTE = timedelta(minutes=1)
MAY_CHANGE = frozenset({"method", "less", "chosen", "not_together", "nothing_left", "fewer_points"})
"""Reasons that hang on the way of paying, or on other offers: such an offer may be in another price of the purchase."""


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

    def price(self, offers: Sequence[Offer], chosen: Collection[str], *, explain: bool = False) -> Price:
        """The price with the best of these offers. Raises CannotCombine."""
        return best_price(
            self.purchase, offers, left=self.left, required=chosen, points=self.points,
            points_per_minor=self.points_per_minor, explain=explain,
        )  # fmt: skip

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
    price = _price(basis, explain=True)
    out = {one.what for one in price.unused if one.reason not in MAY_CHANGE}
    rest = replace(basis, offers=[offer for offer in basis.offers if offer.id not in out])
    return Quote(price, basis.earns(price), _best_coupon(rest, price), _methods(rest, price), _until(rest, price))


def _price(basis: Basis, *, explain: bool = False) -> Price:
    try:
        return basis.price(basis.offers, basis.chosen, explain=explain)
    except CannotCombine as error:
        refused = {one.what: one for one in error.refusals}
    price = basis.price(basis.offers, (), explain=explain)
    unused = {one.what: one for one in price.unused} | refused
    used = {part.reference for part in price.parts}
    return replace(price, unused=tuple(one for what, one in unused.items() if what not in used))


def _best_coupon(basis: Basis, price: Price) -> BestCoupon | None:
    """The one that takes off the most; its reason is what all coupons together save."""
    best = max(price.coupons, key=_amount, default=None)
    if best is None:
        return None
    without = basis.price([offer for offer in basis.offers if offer.kind != COUPON], ())
    more, currency = without.paid_minor - price.paid_minor, basis.purchase.currency
    reason = f"It takes off {amount_text(best.amount_minor, currency)}"
    if more > 0:
        reason += f"; without a coupon you would pay {amount_text(more, currency)} more."
    else:
        reason += "; without a coupon you would pay no more, so you may keep it."
    return BestCoupon(str(best.reference), best.amount_minor, reason)


def _amount(part: Part) -> int:
    return part.amount_minor


def _methods(basis: Basis, price: Price) -> tuple[ByMethod, ...]:
    """Each way of paying; those for which the same offers hold cost the same, and are worked out once."""
    selective = [offer for offer in basis.offers if offer.scope.methods is not None]
    known = {_allowed(selective, basis.purchase.method): price}
    found: list[ByMethod] = []
    for method in METHODS:
        allowed = _allowed(selective, method)
        if allowed not in known:
            known[allowed] = _price(replace(basis, purchase=replace(basis.purchase, method=method)))
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


def listed(price: Price, most_campaigns: int, coupon_ids: Collection[str]) -> list[Refusal]:
    """What is not used, and why: each coupon, and so many campaigns."""
    coupons = [one for one in price.unused if one.what in coupon_ids]
    campaigns = [one for one in price.unused if one.what not in coupon_ids]
    return coupons + campaigns[:most_campaigns]
