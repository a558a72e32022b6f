"""What the service does about other services' events."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from schemas.base import Event
from schemas.events import PriceChangedV1
from servicekit.consumer import Received
from stations import use_cases
from stations.repository import Session, StationRepository

Handler = Callable[[StationRepository, Session, Sequence[Received]], Awaitable[None]]

SUBSCRIPTIONS: Mapping[type[Event], Handler] = {PriceChangedV1: use_cases.record_prices}
