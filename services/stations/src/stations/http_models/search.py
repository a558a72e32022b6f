"""What the searches answer."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.base import Moment
from schemas.vocabulary import Currency, Fuel, PriceMills
from stations.domain.datum import Datum
from stations.domain.opening_hours import OpeningHours
from stations.domain.profile import Address
from stations.http_models.base import Model
from stations.http_models.pumps import Queue, ShownPump
from stations.http_models.reviews import ShownRating


class ShownPrice(Model):
    """A price at the pump, with its four times."""

    fuel: Fuel
    price_mills: PriceMills
    currency: Currency
    effective_at: Annotated[Moment, Field(description="From when on it holds")]
    submitted_at: Annotated[Moment, Field(description="When the station system sent it")]
    received_at: Annotated[Moment, Field(description="When pricing took it in")]
    published_at: Annotated[Moment, Field(description="When pricing told everyone")]
    age_seconds: Annotated[int, Field(ge=0, description="Since effective_at: how long this price has been in force")]
    confirmed_at: Annotated[Moment, Field(description="When it was last said to hold, by a change or a repetition")]
    stale: Annotated[bool, Field(description="Nobody has said for long that it holds; ranked behind fresh prices")]


class CampaignDiscount(Model):
    """A campaign that holds for everyone: the best one, since campaigns do not add up."""

    id: UUID
    name: str
    discount_mills: Annotated[int, Field(description="Off each litre; rounded down")]


class NetPrice(Model):
    """What a litre really costs: the pump price less the campaign plus the detour, all in thousandths per litre."""

    pump_price_mills: PriceMills
    currency: Currency
    campaign: CampaignDiscount | None
    detour_m: Annotated[int, Field(description="There and back: twice the straight distance, times 1.3 for the roads")]
    detour_mills_per_litre: Annotated[
        int, Field(description="The detour's fuel at the pump price, spread over volume_ml; rounded up")
    ]
    detour_minor: Annotated[int, Field(description="The same for the whole fill, in minor units; rounded up")]
    net_price_mills: int


class FoundStation(Model):
    """A station that a search found."""

    station_id: UUID
    name: str
    brand: str | None
    operator: str
    address: Address
    lat: float
    lon: float
    distance_m: int
    open_now: Annotated[bool | None, Field(description="null: the hours are not known")]
    queue: Annotated[Queue, Field(description="At the pumps of the grade that was asked for, or at all")]
    net_price: Annotated[NetPrice | None, Field(description="null where no fuel was asked for")]
    prices: list[ShownPrice]


class NearbyStation(FoundStation):
    """A station near the place asked for."""


class NearbyStations(Model):
    """Stations around a place, best first."""

    coordinate: Datum
    stations: list[NearbyStation]


class StationOnTheWay(FoundStation):
    """A station near the route asked for; `distance_m` is from the route."""

    detour_m: Annotated[int, Field(description="From the route and back: twice distance_m, times 1.3 for the roads")]
    route_m: Annotated[int, Field(description="Where along the route it lies nearest, from the start")]


class StationsAlong(Model):
    """Stations along a route, best first."""

    coordinate: Datum
    stations: list[StationOnTheWay]


class MapBounds(Model):
    """The smallest box around a cluster's stations."""

    west: float
    south: float
    east: float
    north: float


class CheapestPrice(Model):
    """The lowest fresh price of a cluster in one currency; the lowest stale one where none is fresh."""

    currency: Currency
    price_mills: PriceMills
    stale: bool


class StationCluster(Model):
    """Stations that lie close together on the map."""

    count: Annotated[int, Field(ge=2)]
    lat: Annotated[float, Field(description="The middle of the stations' places")]
    lon: float
    bounds: MapBounds
    cheapest: Annotated[list[CheapestPrice], Field(description="Of the fuel asked for; empty without one")]


class MapStation(Model):
    """A station that stands alone on the map."""

    station_id: UUID
    name: str
    brand: str | None
    operator: str
    address: Address
    lat: float
    lon: float
    prices: list[ShownPrice]


class StationClusters(Model):
    """What a map shows: at most 500 clusters and stations together."""

    coordinate: Datum
    zoom: Annotated[int, Field(description="Of the grid: smaller than asked for where there were too many clusters")]
    clusters: Annotated[list[StationCluster], Field(description="The largest first")]
    stations: list[MapStation]


class ListedStation(Model):
    """A station of the list, with all its prices."""

    station_id: UUID
    external_id: str
    version: int
    operator: str
    name: str
    brand: str | None
    address: Address
    country: str
    region: Annotated[str | None, Field(description="ISO 3166-2 subdivision; null: unknown")]
    time_zone: str
    currency: str
    lat: float
    lon: float
    fuels: list[Fuel] | None
    facilities: list[str]
    open_now: Annotated[bool | None, Field(description="null: the hours are not known")]
    rating: ShownRating
    prices: list[ShownPrice]


class StationPage(Model):
    """A page of stations; there are more where `next_cursor` is not null."""

    coordinate: Datum
    stations: list[ListedStation]
    next_cursor: str | None


class StationDetail(ListedStation):
    """A station with all that is known of it."""

    opening_hours: OpeningHours | None
    holiday_region: str | None
    opens_at: Annotated[
        Moment | None, Field(description="When it opens next, within 8 days; null while it is open or that is unknown")
    ]
    closes_at: Annotated[
        Moment | None, Field(description="When it closes next, within 8 days; null while it is closed or always open")
    ]
    queue: Queue
    pumps: list[ShownPump]
    registered_at: Moment
    updated_at: Moment
    closed_at: Annotated[Moment | None, Field(description="When it closed for good; null while it has not")]
    closed_reason: str | None
