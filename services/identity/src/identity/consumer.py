"""What identity listens to."""

from identity.use_cases import stations
from schemas.events import StationClosedV1, StationRegisteredV1, StationUpdatedV1
from servicekit.consumer import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    StationRegisteredV1: stations.record_stations,
    StationUpdatedV1: stations.record_stations,
    StationClosedV1: stations.record_stations,
}
