"""What the searches are asked."""

from typing import Annotated, Literal, Self

import polyline
from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.vocabulary import Fuel
from stations.domain.box import BoundingBox
from stations.domain.datum import Datum, from_datum
from stations.domain.index.questions import Buying, Filters
from stations.domain.index.route import Route
from stations.domain.profile import Facility
from stations.http_models.base import MAX_RADIUS_M, Limit, Model, Operator, SearchText

MOST_ROUTE_POINTS = 2_000
LONGEST_ROUTE_M = 2_000_000
LONGEST_DETOUR_M = 20_000
LONGEST_POLYLINE = 16_000
Points = tuple[tuple[float, float], ...]


class InDatum(Model):
    """A question and answer in the coordinates of a map."""

    coordinate: Annotated[
        Datum, Field(description="The datum of all coordinates, given and answered; other maps need it in China only")
    ] = Datum.WGS84


class FilterQuery(InDatum):
    """Which stations count."""

    fuel: Annotated[
        Fuel | None, Field(description="Only stations that sell it, with its price alone", examples=["e5"])
    ] = None
    open_now: Annotated[bool, Field(description="Only stations that are surely open")] = False
    pump_free: Annotated[bool, Field(description="Only stations with a free pump (for the fuel, if one is given)")] = (
        False
    )
    brand: Annotated[SearchText | None, Field(description="The whole brand; accents and case do not matter")] = None
    facility: Annotated[
        list[Facility],
        Field(max_length=10, default_factory=list, description="All of them, if repeated", examples=[["shop"]]),
    ]

    def filters(self) -> Filters:
        """As the index takes them."""
        return Filters(self.fuel, self.open_now, self.pump_free, self.brand, frozenset(self.facility))


class RankedQuery(FilterQuery):
    """Which stations come first, and for whom."""

    consumption_ml_per_100km: Annotated[
        int, Field(ge=0, le=100_000, description="What the car burns on a detour", examples=[7_000])
    ] = 7_000
    volume_ml: Annotated[
        int, Field(ge=1_000, le=1_000_000, description="How much is fuelled: a detour's cost is spread over it")
    ] = 40_000
    limit: Limit = 20

    def buying(self) -> Buying:
        """As the index takes it."""
        return Buying(self.consumption_ml_per_100km, self.volume_ml)


class NearbyQuery(RankedQuery):
    """Where to look and what for."""

    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, examples=[52.52])]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, examples=[13.405])]
    radius_m: Annotated[int, Field(ge=1, le=MAX_RADIUS_M)] = 5_000
    sort: Annotated[
        Literal["distance", "price", "net_price"],
        Field(description="By price or net_price needs a fuel: fresh prices first, one currency after the other"),
    ] = "distance"

    @model_validator(mode="after")
    def _price_needs_fuel(self) -> Self:
        _check_sort(self.sort, self.fuel)
        return self


class AlongQuery(RankedQuery):
    """Which route, and how far off it."""

    polyline: Annotated[
        str,
        StringConstraints(min_length=1, max_length=LONGEST_POLYLINE),
        Field(
            description="The route as an encoded polyline (precision 5), at most 2,000 points and 2,000 km",
            examples=["_p~iF~ps|U_ulLnnqC_mqNvxq`@"],
        ),
    ]
    max_detour_m: Annotated[
        int, Field(ge=1, le=LONGEST_DETOUR_M, description="The way there from the route and back to it")
    ] = 5_000
    sort: Annotated[
        Literal["detour", "price", "net_price"], Field(description="By price or net_price needs a fuel")
    ] = "detour"

    @model_validator(mode="after")
    def _can_be_answered(self) -> Self:
        if not 0 < Route(self.points()).length_m <= LONGEST_ROUTE_M:
            raise PydanticCustomError("bad_polyline", "a route has at least two places and at most 2,000 km")
        _check_sort(self.sort, self.fuel)
        return self

    def points(self) -> Points:
        """The route's points in WGS-84. Raises PydanticCustomError."""
        try:
            points = polyline.decode(self.polyline)
        except (IndexError, ValueError) as error:
            raise PydanticCustomError("bad_polyline", "polyline is no encoded polyline of precision 5") from error
        if len(points) > MOST_ROUTE_POINTS or not all(abs(lat) <= 90 and abs(lon) <= 180 for lat, lon in points):
            raise PydanticCustomError("bad_polyline", "polyline has more than 2,000 points, or some that are nowhere")
        return tuple(from_datum(lat, lon, self.coordinate) for lat, lon in points)


def _check_sort(sort: str, fuel: Fuel | None) -> None:
    if sort in ("price", "net_price") and fuel is None:
        raise PydanticCustomError("fuel_needed", "this sort needs a fuel to compare: add fuel=e5, for example")


def parse_box(text: str, datum: Datum = Datum.WGS84) -> BoundingBox:
    """`minLon,minLat,maxLon,maxLat` as a box in WGS-84: its corners are converted. Raises ValueError."""
    west, south, east, north = (float(part) for part in text.split(","))
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError
    south, west = from_datum(south, west, datum)
    north, east = from_datum(north, east, datum)
    return BoundingBox(west, south, east, north)


def _checked_box(text: str) -> str:
    try:
        parse_box(text)
    except ValueError as error:
        raise PydanticCustomError(
            "bad_bbox", "give minLon,minLat,maxLon,maxLat in degrees, south before north"
        ) from error
    return text


BoxText = Annotated[
    Annotated[str, StringConstraints(max_length=200), AfterValidator(_checked_box)],
    Field(
        description="minLon,minLat,maxLon,maxLat; with minLon greater than maxLon it crosses the antimeridian",
        examples=["13.2,52.4,13.6,52.6"],
    ),
]


class StationsQuery(InDatum):
    """Which stations to list."""

    bbox: BoxText | None = None
    q: Annotated[
        SearchText | None,
        Field(
            description="Words of name, brand and address in any order, or how they begin; accents and case do not "
            "matter. Names and brands come first",
            examples=["shell berlin"],
        ),
    ] = None
    brand: Annotated[SearchText | None, Field(description="The whole brand; accents and case do not matter")] = None
    operator: Operator | None = None
    cursor: Annotated[str | None, Field(description="`next_cursor` of the page before")] = None
    limit: Limit = 20


class ClustersQuery(FilterQuery):
    """What a map shows."""

    bbox: BoxText
    zoom: Annotated[int, Field(ge=0, le=22, description="Of 256-pixel tiles: at 0 one is the world", examples=[11])]
