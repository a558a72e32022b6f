"""What the searches ask of the index, and what they get."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from schemas.vocabulary import Fuel

Sort = Literal["distance", "detour", "price", "net_price"]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which stations count at all; with a `fuel` those that sell it, with `pump_free` those with a free pump for it."""

    fuel: Fuel | None = None
    open_now: bool = False
    pump_free: bool = False
    brand: str | None = None
    facilities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Buying:
    """Who buys: what their car burns on a detour, and how much they fuel."""

    consumption_ml_per_100km: int = 7_000
    volume_ml: int = 40_000


@dataclass(frozen=True, slots=True)
class Nearby:
    """Around a place (WGS-84), the best first. Sorts by price need a fuel."""

    lat: float
    lon: float
    radius_m: int
    filters: Filters = Filters()
    sort: Sort = "distance"
    buying: Buying = Buying()
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Along:
    """Along a route (WGS-84 points, at least two that differ), the best first. Sorts by price need a fuel."""

    points: tuple[tuple[float, float], ...]
    max_detour_m: int
    filters: Filters = Filters()
    sort: Sort = "detour"
    buying: Buying = Buying()
    limit: int = 20


class CampaignPart(NamedTuple):
    """What a campaign takes off a litre."""

    id: str
    name: str
    discount_mills: int


class NetPrice(NamedTuple):
    """What a litre really costs: pump price, less `campaign`, plus the detour's fuel."""

    pump_price_mills: int
    currency: str
    campaign: CampaignPart | None
    detour_mills_per_litre: int
    detour_minor: int
    net_price_mills: int


class Hit(NamedTuple):
    """A station that was found; `route_m` is where along the route it lies nearest."""

    row: int
    distance_m: int
    detour_m: int
    route_m: int | None
    net_price: NetPrice | None
