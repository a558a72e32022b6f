"""What the searches take and give."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import Moment
from schemas.vocabulary import Currency, Fuel, PriceMills
from stations.domain.opening_hours import OpeningHours
from stations.domain.profile import Address, Facility
from stations.http_models.base import MAX_RADIUS_M, Limit, Model, Operator, SearchText
from stations.http_models.pumps import ShownPump
from stations.repository.search import BoundingBox


class NearbyQuery(Model):
    """Where to look and what for."""

    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="WGS-84")]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="WGS-84")]
    radius_m: Annotated[int, Field(ge=1, le=MAX_RADIUS_M)] = 5_000
    fuel: Annotated[Fuel | None, Field(description="Only stations that sell it, with its price alone")] = None
    sort: Annotated[
        Literal["distance", "price"], Field(description="By price needs a fuel; one currency after the other")
    ] = "distance"
    open_now: Annotated[bool, Field(description="Only stations that are surely open")] = False
    brand: SearchText | None = None
    facility: Annotated[
        list[Facility], Field(max_length=10, default_factory=list, description="All of them, if repeated")
    ]
    limit: Limit = 20

    @model_validator(mode="after")
    def _price_needs_fuel(self) -> Self:
        if self.sort == "price" and self.fuel is None:
            raise PydanticCustomError("fuel_needed", "sort=price needs a fuel to compare: add fuel=e5, for example")
        return self


def parse_box(text: str) -> BoundingBox:
    """`minLon,minLat,maxLon,maxLat` as a box. Raises ValueError."""
    west, south, east, north = (float(part) for part in text.split(","))
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError
    return BoundingBox(west, south, east, north)


def _checked_box(text: str) -> str:
    try:
        parse_box(text)
    except ValueError as error:
        raise PydanticCustomError(
            "bad_bbox", "give minLon,minLat,maxLon,maxLat in degrees, south before north"
        ) from error
    return text


class StationsQuery(Model):
    """Which stations to list."""

    bbox: Annotated[
        Annotated[str, StringConstraints(max_length=200), AfterValidator(_checked_box)] | None,
        Field(
            description="minLon,minLat,maxLon,maxLat; with minLon greater than maxLon it crosses the antimeridian",
            examples=["13.2,52.4,13.6,52.6"],
        ),
    ] = None
    q: Annotated[
        SearchText | None, Field(description="Part of name, brand, city or post code; case does not matter")
    ] = None
    brand: SearchText | None = None
    operator: Operator | None = None
    cursor: Annotated[str | None, Field(description="`next_cursor` of the page before")] = None
    limit: Limit = 20


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


class NearbyStation(Model):
    """A station near the place asked for."""

    station_id: UUID
    name: str
    brand: str | None
    operator: str
    address: Address
    lat: float
    lon: float
    distance_m: int
    open_now: Annotated[bool | None, Field(description="null: the hours are not known")]
    prices: list[ShownPrice]


class NearbyStations(Model):
    """Stations around a place, best first."""

    stations: list[NearbyStation]


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
    prices: list[ShownPrice]


class StationPage(Model):
    """A page of stations; there are more where `next_cursor` is not null."""

    stations: list[ListedStation]
    next_cursor: str | None


class StationDetail(ListedStation):
    """A station with all that is known of it."""

    opening_hours: OpeningHours | None
    holiday_region: str | None
    pumps: list[ShownPump]
    registered_at: Moment
    updated_at: Moment
    closed_at: Annotated[Moment | None, Field(description="When it closed for good; null while it has not")]
    closed_reason: str | None
