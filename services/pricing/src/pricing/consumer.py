"""What pricing listens to."""

from pricing import use_cases
from schemas.events import PriceReportsSubmittedV1, StationClosedV1, StationRegisteredV1, StationUpdatedV1
from servicekit.consumer import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    PriceReportsSubmittedV1: use_cases.take_raw_reports,
    StationRegisteredV1: use_cases.record_stations,
    StationUpdatedV1: use_cases.record_stations,
    StationClosedV1: use_cases.record_stations,
}
