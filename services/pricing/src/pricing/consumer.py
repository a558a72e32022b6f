"""What pricing listens to."""

from pricing.use_cases import levels, reports, stations
from schemas.events import (
    PriceChangedV1,
    PriceConfirmedV1,
    PriceReportsSubmittedV1,
    StationClosedV1,
    StationRegisteredV1,
    StationUpdatedV1,
)
from servicekit.consumer import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    PriceReportsSubmittedV1: reports.take_raw_reports,
    PriceChangedV1: levels.mark_levels,
    PriceConfirmedV1: levels.mark_levels,
    StationRegisteredV1: stations.record_stations,
    StationUpdatedV1: stations.record_stations,
    StationClosedV1: stations.record_stations,
}
