"""What the service does about other services' events."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from schemas.base import Event
from schemas.events import PriceChangedV1
from servicekit.consumer import Received
from stations.repository.stations import Session, StationRepository
from stations.use_cases import stations as use_cases

Handler = Callable[[StationRepository, Session, Sequence[Received]], Awaitable[None]]

SUBSCRIPTIONS: Mapping[type[Event], Handler] = {PriceChangedV1: use_cases.record_prices}
