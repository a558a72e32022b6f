"""What a driver asks for at a pump, and the order that it makes. Pure."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payments.domain.money import MAX_VOLUME_ML, amount_of, volume_for
from payments.domain.order_words import Fact, Measure, Mode, Status
from payments.domain.orders import Order, Step
from payments.domain.refusals import WrongField
from schemas.vocabulary import Fuel


@dataclass(frozen=True, slots=True)
class Wish:
    """What a driver asks for: just one of an amount, a volume and a full tank."""

    station_id: UUID
    pump_id: str
    fuel: Fuel
    mode: Mode
    amount_minor: int | None = None
    volume_ml: int | None = None
    fill_up: bool = False
    max_amount_minor: int | None = None
    currency: str | None = None
    expected_price_mills: int | None = None
    expected_price_version: int | None = None
    vehicle_id: UUID | None = None
    odometer_km: int | None = None
    coupon_ids: tuple[str, ...] = ()
    points: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """A grade at a station, with the price that an order freezes."""

    operator: str
    currency: str
    price_mills: int
    price_version: int


def is_expected(wish: Wish, offer: Offer) -> bool:
    """Whether the price is still the one that the driver saw; who names none takes the current one."""
    return (
        wish.expected_price_mills in (None, offer.price_mills)
        and wish.expected_price_version in (None, offer.price_version)
    )  # fmt: skip


def placed(order_id: UUID, driver_id: str, wish: Wish, offer: Offer, most_minor: int, at: datetime) -> Step:
    """The first step of an order of at most `most_minor`. Raises WrongField."""
    measure, requested_minor, requested_ml = _quantity(wish, offer)
    if requested_minor is not None and not 1 <= requested_minor <= most_minor:
        field = {Measure.AMOUNT: "amount_minor", Measure.VOLUME: "volume_ml"}.get(measure, "max_amount_minor")
        raise WrongField(field, f"An order is of 1 to {most_minor} minor units of {offer.currency}.")
    order = Order(
        order_id=order_id, version=1, driver_id=driver_id, station_id=wish.station_id, operator=offer.operator,
        pump_id=wish.pump_id, fuel=wish.fuel, mode=wish.mode, status=Status.PLACED, price_mills=offer.price_mills,
        price_version=offer.price_version, currency=offer.currency, measure=measure, placed_at=at,
        requested_minor=requested_minor, requested_ml=requested_ml, coupon_ids=wish.coupon_ids, points=wish.points,
        vehicle_id=wish.vehicle_id, odometer_km=wish.odometer_km, waiting_since=at,
    )  # fmt: skip
    return Step(order, None, None, Fact.PLACED, driver_id, at)


def require_possible(gross_minor: int, most_minor: int, currency: str) -> None:
    """Raises WrongField where fuel that a station says it gave costs nothing, or more than any order may."""
    if not 1 <= gross_minor <= most_minor:
        raise WrongField("volume_ml", f"An order is of 1 to {most_minor} minor units of {currency}.")


def _quantity(wish: Wish, offer: Offer) -> tuple[Measure, int | None, int | None]:
    """(measure, the amount asked for or the most that it may cost, the volume asked for)."""
    if (wish.amount_minor is not None) + (wish.volume_ml is not None) + wish.fill_up != 1:
        raise WrongField("amount_minor", "Send just one of amount_minor, volume_ml and fill_up: true.")
    if wish.currency not in (None, offer.currency):
        raise WrongField("currency", f"This station sells in {offer.currency}.")
    if wish.mode is Mode.PREPAID and wish.amount_minor is None:
        raise WrongField(
            "amount_minor", "To pay first, say the amount; by volume and full tank are post_pay, pre_auth."
        )
    if wish.max_amount_minor is not None and (wish.mode is not Mode.PRE_AUTH or not wish.fill_up):
        raise WrongField("max_amount_minor", "It is for a full tank in mode pre_auth only.")
    if wish.amount_minor is not None:
        return Measure.AMOUNT, _buys_something(wish.amount_minor, offer), None
    if wish.volume_ml is not None:
        return Measure.VOLUME, amount_of(_possible(wish.volume_ml), offer.price_mills, offer.currency), wish.volume_ml
    if wish.mode is Mode.PRE_AUTH and wish.max_amount_minor is None:
        raise WrongField("max_amount_minor", "Say how much a full tank may cost at most: so much is held.")
    return Measure.FILL_UP, wish.max_amount_minor, None


def _possible(volume_ml: int) -> int:
    if not 1 <= volume_ml <= MAX_VOLUME_ML:
        raise WrongField("volume_ml", f"A volume is of 1 to {MAX_VOLUME_ML} millilitres.")
    return volume_ml


def _buys_something(amount_minor: int, offer: Offer) -> int:
    if volume_for(amount_minor, offer.price_mills, offer.currency) < 1:
        raise WrongField("amount_minor", "The amount is less than the pump can measure; ask for more.")
    return amount_minor
