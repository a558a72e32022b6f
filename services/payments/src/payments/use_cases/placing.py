"""A driver places an order: at an open station, at the price that holds now, at a pump where nobody else fuels."""

from datetime import UTC, datetime
from typing import Any

from payments.domain import placing as domain
from payments.domain.orders import Order
from payments.domain.placing import Offer, Wish
from payments.repository import order_queries, orders
from payments.use_cases.context import Payments
from servicekit import price_book
from servicekit.erasures import require_present
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem


async def place_order(payments: Payments, tx: Connection, driver_id: str, wish: Wish) -> Order:
    """The order, whose price is frozen from here on.

    Raises WrongField, and Problem 401, 404 `no-such-station`, 409 `station-closed`, `fuel-not-sold`, `price-changed`,
    `pump-busy`, `too-many-open-orders`.
    """
    await require_present(payments.erasures, tx, driver_id)  # also makes of two orders at once two in turn
    offer = await _offer(tx, wish)
    most = payments.settings.max_open_orders
    if await order_queries.count_open(tx, driver_id) >= most:
        detail = f"You have {most} orders open; pay or cancel one of them first."
        raise Problem(409, "too-many-open-orders", detail)
    step = domain.placed(new_id(), driver_id, wish, offer, payments.settings.max_order_minor, datetime.now(UTC))
    await orders.save(tx, [step])
    return step.order


async def _offer(tx: Connection, wish: Wish) -> Offer:
    station = await price_book.station_of(tx, wish.station_id)
    if station is None:
        raise Problem(404, "no-such-station", "There is no station with this id; GET /v1/stations/nearby finds some.")
    if station["closed"]:
        raise Problem(409, "station-closed", "This station is closed for good; find another one.")
    price = await price_book.price_of(tx, wish.station_id, wish.fuel)
    offer = _offer_of(station, price, wish)
    if not domain.is_expected(wish, offer):
        raise Problem(
            409, "price-changed", "The price has changed: show the new one, and place the order with it.",
            price_mills=offer.price_mills, price_version=offer.price_version, currency=offer.currency,
        )  # fmt: skip
    return offer


def _offer_of(station: Any, price: Any, wish: Wish) -> Offer:
    is_sold = station["fuels"] is None or wish.fuel in station["fuels"]
    if not is_sold or price is None or price["price_mills"] is None or price["currency"] != station["currency"]:
        raise Problem(409, "fuel-not-sold", f"This station has no price for {wish.fuel} now; choose another grade.")
    return Offer(station["operator"], station["currency"], price["price_mills"], price["version"])
