"""What pricing listens to."""

from collections.abc import Sequence
from typing import Any

from pricing.use_cases import alerts, levels, reports, stations
from schemas.events import (
    PriceChangedV1,
    PriceConfirmedV1,
    PriceReportsSubmittedV1,
    StationClosedV1,
    StationRegisteredV1,
    StationUpdatedV1,
)
from servicekit.consumer import Handler, Received, Subscriptions


def in_turn(*handlers: Handler) -> Handler:
    """One handler after the other, in the same transaction."""

    async def handle(tx: Any, received: Sequence[Received]) -> None:
        for handler in handlers:
            await handler(tx, received)

    return handle


TAKE_PRICE_CHANGES = in_turn(levels.mark_levels, alerts.take_price_changes)
TAKE_STATIONS = in_turn(stations.record_stations, alerts.forget_gone_stations)

SUBSCRIPTIONS: Subscriptions = {
    PriceReportsSubmittedV1: reports.take_raw_reports,
    PriceChangedV1: TAKE_PRICE_CHANGES,
    PriceConfirmedV1: levels.mark_levels,
    StationRegisteredV1: TAKE_STATIONS,
    StationUpdatedV1: TAKE_STATIONS,
    StationClosedV1: TAKE_STATIONS,
}
