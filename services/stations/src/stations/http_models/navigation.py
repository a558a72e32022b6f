"""What the route of navigation links takes and gives."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from stations.domain.datum import Datum, Place
from stations.domain.navigation import Provider
from stations.http_models.base import Model


def parse_place(text: str) -> Place:
    """`lat,lon` in degrees. Raises ValueError."""
    lat, lon = (float(part) for part in text.split(","))
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise ValueError
    return lat, lon


def _checked_place(text: str) -> str:
    try:
        parse_place(text)
    except ValueError as error:
        raise PydanticCustomError("bad_place", "give lat,lon in degrees, such as 52.52,13.405") from error
    return text


PlaceText = Annotated[str, StringConstraints(max_length=60), AfterValidator(_checked_place)]


class NavigationQuery(Model):
    """With whose map, and from where."""

    provider: Annotated[Provider | None, Field(description="Without it: all of them", examples=["amap"])] = None
    mode: Annotated[Literal["drive"], Field(description="One refuels where one drives to")] = "drive"
    start: Annotated[
        PlaceText | None,
        Field(
            alias="from", description="lat,lon where the way begins; without it, where the device is",
            examples=["52.52,13.405"],
        ),
    ] = None  # fmt: skip
    coordinate: Annotated[Datum, Field(description="The datum of `from`")] = Datum.WGS84


class NavigationLinks(Model):
    """Addresses to open; null where the provider has no such link."""

    web: str
    app_ios: str | None
    app_android: str | None


class ProviderNavigation(Model):
    """The way to a station in one provider's map."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "provider": "google", "datum": "wgs84", "lat": 52.5219, "lon": 13.4132,
        "links": {
            "web": "https://www.google.com/maps/dir/?api=1&destination=52.521900,13.413200&travelmode=driving",
            "app_ios": "comgooglemaps://?daddr=52.521900,13.413200&directionsmode=driving",
            "app_android": "google.navigation:q=52.521900,13.413200&mode=d",
        },
    }]})  # fmt: skip

    provider: Provider
    datum: Annotated[Datum, Field(description="In which lat, lon and the links count: what the provider's map needs")]
    lat: float
    lon: float
    links: NavigationLinks


class Navigation(Model):
    """The way to a station in the map of each provider."""

    station_id: UUID
    providers: list[ProviderNavigation]
