"""What an operator says about a station, and the judgement of such rows one by one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from schemas.vocabulary import Fuel
from stations.domain.opening_hours import OpeningHours
from stations.domain.public_holidays import is_region

Reason = Literal[
    "missing_field", "wrong_type", "blank_name", "impossible_coordinates", "unknown_time_zone", "unknown_currency",
    "bad_opening_hours", "duplicate_external_id", "placeholder", "unknown_fuel", "too_long", "unknown_field",
    "station_closed",
]  # fmt: skip

MAX_DETAIL_CHARACTERS = 200
TIME_ZONES = available_timezones()
_CURRENCIES = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL
    HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD
    MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG
    QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD
    TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CURRENCIES.split())
_WORLD = (-90.0, 90.0, -180.0, 180.0)
_BOXES = {
    "AT": (46.3, 49.1, 9.5, 17.2), "AU": (-44.0, -9.0, 112.0, 160.0), "CH": (45.8, 47.9, 5.9, 10.6),
    "CN": (18.0, 53.7, 73.4, 135.1), "DE": (47.2, 55.1, 5.8, 15.1), "ES": (27.5, 43.9, -18.3, 4.4),
    "GB": (49.8, 60.9, -8.7, 1.8), "IT": (35.4, 47.1, 6.6, 18.6),
}  # fmt: skip
"""(south, north, west, east) of a country, generous; a country that is not listed is somewhere in the world."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_PLACEHOLDER = re.compile(
    r"please delete|bitte l(?:ö|oe)schen|^(?:gel(?:ö|oe)scht|deleted|dummy|[0-9]*[ _-]?test)$|\btestkasse\b"
)


def _printable(value: Any) -> Any:
    """Real lists hold bytes of broken encodings; dropping them keeps the station, and stores take the rest."""
    return _UNPRINTABLE.sub("", value) if isinstance(value, str) else value


def _name(value: Any) -> Any:
    """A name, or why it is none. Rows that say "please delete" or "test" lead a driver to nothing: they are refused."""
    if value is None or (isinstance(value, str) and not _printable(value).strip()):
        raise PydanticCustomError("blank_name", "a station needs a name that people can read")
    if isinstance(value, str) and _PLACEHOLDER.search(value.strip().casefold()):
        raise PydanticCustomError("placeholder", "the name says that this is no station: deleted, or a test")
    return _printable(value)


def _time_zone(value: str) -> str:
    if value not in TIME_ZONES:
        raise PydanticCustomError("unknown_time_zone", "give an IANA time zone such as Europe/Berlin")
    return value


def _currency(value: str) -> str:
    if value not in CURRENCIES:
        raise PydanticCustomError("unknown_currency", "give an ISO 4217 code such as EUR")
    return value


def _in_order(fuels: list[Fuel]) -> list[Fuel]:
    """Each grade once, in the vocabulary's order, so that a list in another order is no change."""
    return [fuel for fuel in Fuel if fuel in fuels]


Trimmed = StringConstraints(strip_whitespace=True, max_length=200)
ShortText = Annotated[str, Trimmed, BeforeValidator(_printable)] | None
Fuels = Annotated[list[Fuel], Field(max_length=50), AfterValidator(_in_order)]
PumpId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,16}$")]
Facility = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Degrees = Annotated[float, Field(strict=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Address(_Strict):
    """Where to drive to; any part may be unknown."""

    street: ShortText = None
    house_number: ShortText = None
    post_code: ShortText = None
    city: ShortText = None


class PumpRow(_Strict):
    """A pump in an import; its status is not the list's to say."""

    pump_id: PumpId
    fuels: Fuels = []


class StationRow(_Strict):
    """One row of `POST /v1/station-imports`. `pumps` adds or describes pumps; absent or shorter, it removes none."""

    external_id: Annotated[str, StringConstraints(max_length=64, pattern=r"^[\x21-\x7e]+$")]
    name: Annotated[str, Trimmed, BeforeValidator(_name)]
    brand: ShortText = None
    address: Address = Address()
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    region: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$")] | None,
        Field(description="ISO 3166-2 subdivision, whose price rules hold; null: unknown", examples=["CN-GD"]),
    ] = None
    time_zone: Annotated[str, AfterValidator(_time_zone)]
    currency: Annotated[str, AfterValidator(_currency)]
    lat: Annotated[Degrees, Field(description="WGS-84")]
    lon: Annotated[Degrees, Field(description="WGS-84")]
    fuels: Annotated[Fuels | None, Field(description="null: the operator does not declare them")] = None
    opening_hours: Annotated[OpeningHours | None, Field(description="null: unknown")] = None
    holiday_region: Annotated[str, StringConstraints(max_length=32), Field(examples=["BY"])] | None = None
    facilities: Annotated[list[Facility], Field(max_length=50)] = []
    pumps: Annotated[list[PumpRow], Field(max_length=100)] = []

    @model_validator(mode="after")
    def _is_on_earth(self) -> Self:
        south, north, west, east = _BOXES.get(self.country, _WORLD)
        on_earth = isfinite(self.lat) and isfinite(self.lon) and (self.lat, self.lon) != (0, 0)
        if not (on_earth and south <= self.lat <= north and west <= self.lon <= east):
            raise PydanticCustomError(
                "impossible_coordinates", "{lat}, {lon} is not in {country}",
                {"lat": self.lat, "lon": self.lon, "country": self.country},
            )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _lies_in_its_country(self) -> Self:
        if self.region is not None and not self.region.startswith(f"{self.country}-"):
            raise PydanticCustomError("region_of_another_country", "region is not a subdivision of country")
        return self

    @model_validator(mode="after")
    def _has_known_holidays(self) -> Self:
        if self.holiday_region is not None and not is_region(self.country, self.holiday_region):
            raise PydanticCustomError(
                "bad_opening_hours", "holiday_region is not a region of the country whose holidays are known"
            )
        return self

    def profile(self) -> dict[str, Any]:
        """The row as it is stored and compared: JSON values, without the id and the pumps."""
        return self.model_dump(mode="json", by_alias=True, exclude={"external_id", "pumps"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row was not taken; `external_id` where it could be read."""

    external_id: str | None
    reason: Reason
    detail: str


def judge(rows: Sequence[object]) -> list[StationRow | Refusal]:
    """Each row on its own, in order. Of the good rows with one external id the first wins."""
    seen: set[str] = set()
    return [_judge(row, seen) for row in rows]


def patched(external_id: str, profile: Mapping[str, Any], patch: Mapping[str, Any]) -> StationRow | Refusal:
    """The row of a stored station with the changes of a JSON merge patch (RFC 7396), judged like any other."""
    row = {**profile, **patch, "external_id": external_id}
    if patch.get("address"):
        row["address"] = {**profile["address"], **patch["address"]}
    return judge([{name: value for name, value in row.items() if value is not None}])[0]


def _judge(row: object, seen: set[str]) -> StationRow | Refusal:
    try:
        station = StationRow.model_validate(row)
    except ValidationError as error:
        return _refusal(row, error.errors(include_url=False, include_input=False)[0])
    if station.external_id in seen:
        return Refusal(station.external_id, "duplicate_external_id", "an earlier row of this import has this id")
    seen.add(station.external_id)
    return station


def _refusal(row: object, error: ErrorDetails) -> Refusal:
    external_id = row.get("external_id") if isinstance(row, dict) else None
    where = "/".join(map(str, error["loc"]))
    detail = _printable(f"{where}: {error['msg']}" if where else error["msg"])[:MAX_DETAIL_CHARACTERS]
    return Refusal(_printable(external_id)[:64] if isinstance(external_id, str) else None, _reason(error), detail)


_REASON_BY_TYPE: dict[str, Reason] = {
    "missing": "missing_field", "extra_forbidden": "unknown_field", "string_too_long": "too_long",
    "too_long": "too_long", "enum": "unknown_fuel", "blank_name": "blank_name", "placeholder": "placeholder",
    "impossible_coordinates": "impossible_coordinates", "unknown_time_zone": "unknown_time_zone",
    "unknown_currency": "unknown_currency", "bad_opening_hours": "bad_opening_hours",
}  # fmt: skip


def _reason(error: ErrorDetails) -> Reason:
    if error["loc"][:1] == ("opening_hours",):
        return "bad_opening_hours"
    return _REASON_BY_TYPE.get(error["type"], "wrong_type")
