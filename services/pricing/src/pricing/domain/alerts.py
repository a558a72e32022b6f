"""When a driver's price alert fires: once each time the first station of its circle comes down to the threshold."""

from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from pricing.domain.places import Place, distance_m

MAX_ALERTS = 20
"""Of one driver."""

MAX_RADIUS_M = 50_000


class Wish(NamedTuple):
    """What a driver wants to hear of: this grade at this price or less, within the circle."""

    fuel: str
    lat: float
    lon: float
    radius_m: int
    threshold_mills: int
    currency: str

    @property
    def place(self) -> Place:
        """The middle of the circle."""
        return self.lat, self.lon

    def covers(self, place: Place) -> bool:
        """Whether a place lies within the circle."""
        return distance_m(self.place, place) <= self.radius_m

    def is_met_by(self, price_mills: int | None, currency: str) -> bool:
        """Whether a price is what the driver waits for."""
        return price_mills is not None and currency == self.currency and price_mills <= self.threshold_mills


class News(NamedTuple):
    """A version of a station's price; `price_mills` None: not sold."""

    station_id: UUID
    version: int
    price_mills: int | None
    currency: str


@dataclass(slots=True)
class Alert:
    """A wish and what it knows: which stations meet it, and up to which version it knows the price of each.

    `versions` need hold only stations that news come of; `fired` counts.
    """

    alert_id: UUID
    driver_id: str
    wish: Wish
    fired: int = 0
    met: set[UUID] = field(default_factory=set)
    versions: dict[UUID, int] = field(default_factory=dict)

    def take(self, news: News) -> bool:
        """Learns of a price; True where it fires. News that it knows already, or newer ones of, change nothing."""
        if news.version <= self.versions.get(news.station_id, 0):
            return False
        self.versions[news.station_id] = news.version
        was_met = bool(self.met)
        if not self.wish.is_met_by(news.price_mills, news.currency):
            self.met.discard(news.station_id)
            return False
        self.met.add(news.station_id)
        if not was_met:
            self.fired += 1
        return not was_met
