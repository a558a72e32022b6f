"""What a fill would cost a driver: read only, nothing is set aside, and the database is asked once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from loyalty.domain import quotes as domain
from loyalty.domain.quotes import Basis, Quote
from loyalty.domain.refusal_words import POINTS, Refusal, refusal
from loyalty.domain.reservations import left_of
from loyalty.domain.terms import Offer, Purchase
from loyalty.domain.tiers import BY_WORD, TIERS
from loyalty.repository import facts as repository
from loyalty.repository.facts import Facts, HeldCoupon, PumpPrice, Station, Use
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.live_campaigns import Priced
from servicekit.problems import Problem, validation_problem

NO_USE = Use()
USABLE = ("active", "expired")
"""Statuses of coupons about which their time says the rest."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a driver thinks of buying: just one of an amount and a volume is given."""

    station_id: UUID
    fuel: str
    amount_minor: int | None = None
    volume_ml: int | None = None
    method: str | None = None
    """How it would be paid; None: it is not yet known."""
    coupon_ids: tuple[UUID, ...] | None = None
    """None: the best of all that the driver has."""
    points: int | Literal["most"] = 0


async def quote_fill(loyalty: Loyalty, driver_id: str, wish: Wish) -> dict[str, Any]:
    """The quote as it is shown; its parts are structs that are encoded as they are.

    Raises Problem 404 `no-such-station`, 409 `station-closed`, `fuel-not-sold`, `price-unknown`, 422, 503.
    """
    async with loyalty.store.connection() as connection:
        facts = await repository.facts(connection, driver_id, wish.station_id, wish.fuel, None, wish.coupon_ids)
    station, price, price_mills = _sold(facts, wish.fuel)
    now = datetime.now(UTC)
    volume_ml, gross_minor = domain.quantity(wish.amount_minor, wish.volume_ml, price_mills, price.currency)
    if gross_minor < 1:
        raise _nothing_bought(wish)
    purchase = Purchase(
        driver_id, station.operator, str(wish.station_id), station.time_zone, wish.fuel, price_mills, volume_ml,
        gross_minor, price.currency, wish.method, facts.tier, now,
    )  # fmt: skip
    campaigns = loyalty.campaigns.at(station.operator, purchase.station_id, wish.fuel)
    coupons = [one for one in facts.coupons if one.status in USABLE]
    offers = [*(one.offer for one in campaigns), *(one.offer for one in coupons)]
    per_minor = loyalty.settings.points_per_minor.get(price.currency)
    basis = Basis(
        purchase, offers, _left(campaigns, facts), _chosen(wish, coupons),
        facts.points if wish.points == "most" else min(wish.points, facts.points), per_minor,
        loyalty.earning.rule_for(station.operator, purchase.station_id, wish.fuel, price.currency),
        BY_WORD.get(facts.tier, TIERS[0]).basis_points,
    )  # fmt: skip
    quoted = domain.quote(basis)
    return {
        **_bought(purchase, price), **_paid(basis, quoted), "points": _points(basis, quoted, facts),
        "unused": _unused(wish, facts, basis, quoted),
    }  # fmt: skip


def _sold(facts: Facts, fuel: str) -> tuple[Station, PumpPrice, int]:
    """The station, the price, and what a litre costs in thousandths. Raises Problem 404, 409."""
    station, price = facts.station, facts.price
    if station is None:
        raise Problem(404, "no-such-station", "There is no station with this id; GET /v1/stations/nearby finds some.")
    if station.closed:
        raise Problem(409, "station-closed", "This station is closed for good; find another one.")
    is_sold = station.fuels is None or fuel in station.fuels
    if not is_sold or (price is not None and price.price_mills is None):
        raise Problem(409, "fuel-not-sold", f"This station does not sell {fuel} now; choose another grade.")
    if price is None or price.price_mills is None or price.currency != station.currency:
        raise Problem(409, "price-unknown", f"The price of {fuel} at this station is not known; ask for another grade.")
    return station, price, price.price_mills


def _nothing_bought(wish: Wish) -> Problem:
    field = "amount_minor" if wish.volume_ml is None else "volume_ml"
    message = "it buys less than a pump can measure; ask for more"
    return validation_problem([{"type": "value", "loc": ("body", field), "msg": message}])


def _left(campaigns: Sequence[Priced], facts: Facts) -> dict[str, int]:
    """The most that each campaign with a limit may take off here."""
    left = dict[str, int]()
    for one in campaigns:
        use = facts.uses.get(one.offer.id, NO_USE)
        if (most := left_of(one.campaign, use.used_minor, use.uses, use.own_uses)) is not None:
            left[one.offer.id] = most
    return left


def _chosen(wish: Wish, coupons: Sequence[HeldCoupon]) -> frozenset[str]:
    return frozenset() if wish.coupon_ids is None else frozenset(one.coupon_id for one in coupons)


def _bought(purchase: Purchase, price: PumpPrice) -> dict[str, Any]:
    return {
        "station_id": purchase.station_id, "operator": purchase.operator, "fuel": purchase.fuel,
        "currency": purchase.currency, "method": purchase.method, "price_mills": purchase.price_mills,
        "price_version": price.version, "price_effective_at": price.effective_at,
        "price_age_seconds": max(0, int((purchase.at - price.effective_at).total_seconds())),
        "volume_ml": purchase.volume_ml, "gross_minor": purchase.gross_minor, "quoted_at": purchase.at,
    }  # fmt: skip


def _paid(basis: Basis, quoted: Quote) -> dict[str, Any]:
    price = quoted.price
    return {
        "breakdown": price.parts, "paid_minor": price.paid_minor,
        "discount_minor": basis.purchase.gross_minor - price.paid_minor,
        "card_discount_minor": sum(part.amount_minor for part in price.parts if part.kind == "card_discount"),
        "best_coupon": quoted.best_coupon,
        "methods": quoted.methods, "valid_until": quoted.valid_until,
    }  # fmt: skip


def _points(basis: Basis, quoted: Quote, facts: Facts) -> dict[str, Any]:
    return {
        "available": facts.points, "per_minor": basis.points_per_minor, "spent": quoted.price.points,
        "earned": quoted.points, "tier": facts.tier, "tier_basis_points": basis.tier_basis_points,
        "multiplier_basis_points": quoted.price.multiplier_basis_points,
        "multiplied_by": list(quoted.price.multipliers),
    }  # fmt: skip


def _unused(wish: Wish, facts: Facts, basis: Basis, quoted: Quote) -> list[dict[str, Any]]:
    """Each coupon, campaign and wish for points that is not in the price, and why."""
    told = [*_not_had(wish, facts), *_fewer_points(wish, facts, basis), *quoted.price.unused]
    named: dict[str, Offer] = {offer.id: offer for offer in basis.offers}
    return [_shown(one, named.get(one.what)) for one in told]


def _shown(refused: Refusal, offer: Offer | None) -> dict[str, Any]:
    kind = offer.kind if offer else POINTS if refused.what == POINTS else "coupon"
    name = offer.name if offer else None
    return {"kind": kind, "what": refused.what, "name": name, "reason": refused.reason, "detail": refused.detail}


def _not_had(wish: Wish, facts: Facts) -> list[Refusal]:
    """Coupons that the driver names and that no purchase could use."""
    found = {one.coupon_id: one.status for one in facts.coupons}
    words = {str(coupon_id): found.get(str(coupon_id), "unknown") for coupon_id in wish.coupon_ids or ()}
    return [refusal(word, coupon_id) for coupon_id, word in words.items() if word not in USABLE]


def _fewer_points(wish: Wish, facts: Facts, basis: Basis) -> list[Refusal]:
    if not wish.points:
        return []
    if basis.points_per_minor is None:
        return [refusal("no_points_here", POINTS, currency=basis.purchase.currency)]
    if wish.points != "most" and wish.points > facts.points:
        return [refusal("too_few", POINTS, available=facts.points)]
    return []
