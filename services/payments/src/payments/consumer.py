"""What payments listens to; `servicekit.personal_data` adds what it does about people."""

from payments.use_cases import price_book
from schemas.events import (
    PriceChangedV1,
    PriceConfirmedV1,
    StationClosedV1,
    StationRegisteredV1,
    StationUpdatedV1,
)
from servicekit.consumer import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    PriceChangedV1: price_book.record_prices,
    PriceConfirmedV1: price_book.pass_by,
    StationRegisteredV1: price_book.record_stations,
    StationUpdatedV1: price_book.record_stations,
    StationClosedV1: price_book.record_stations,
}
