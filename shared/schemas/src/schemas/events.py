"""Every event of the suite. A change here is a change of a contract: regenerate with `make schemas`."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Event, Moment
from schemas.vocabulary import Currency, Fuel, PriceMills

Version = Annotated[int, Field(ge=1, description="Grows by one with each change of the aggregate")]


class _StationEvent(Event):
    """The state of a station that others need, whole: the newest event of a station is enough to know it."""

    service = "stations"

    station_id: UUID
    version: Version
    operator: Annotated[str, Field(max_length=64, description="Who may report for the station")]
    external_id: Annotated[str, Field(max_length=64, description="The station's id at its operator")]
    name: str
    brand: str | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
    time_zone: Annotated[str, Field(description="IANA name")]
    currency: Currency
    lat: Annotated[float, Field(ge=-90, le=90, description="WGS-84")]
    lon: Annotated[float, Field(ge=-180, le=180, description="WGS-84")]
    fuels: Annotated[
        list[Fuel] | None, Field(description="Grades sold; null where the operator does not declare them")
    ] = None
    occurred_at: Moment


class StationRegisteredV1(_StationEvent):
    """A station became known."""


class StationUpdatedV1(_StationEvent):
    """A station's profile changed; the event holds the new state, not the difference."""


class StationClosedV1(_StationEvent):
    """A station closed for good: it takes no more price reports and leaves the search."""

    reason: str | None = None


class PumpStatusChangedV1(Event):
    """A pump was taken into or out of service."""

    service = "stations"

    station_id: UUID
    pump_id: Annotated[str, Field(max_length=16)]
    version: Version
    status: Literal["free", "in_use", "out_of_order"]
    fuels: list[Fuel]
    occurred_at: Moment


class PriceReport(Event):
    """One report: from `effective_at` on, the grade costs this much at the station."""

    service = "pricing"

    report_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
    station_id: UUID
    fuel: Fuel
    price_mills: PriceMills | None = Field(description="null: the grade is no longer sold")
    currency: Currency
    effective_at: Moment


class PriceReportsSubmittedV1(Event):
    """A station system's raw reports, checked by nobody yet; the header `authorization` carries its access token."""

    service = "pricing"

    submitted_at: Moment
    reports: Annotated[list[PriceReport], Field(min_length=1, max_length=5_000)]

    def key(self) -> str:
        """The first station: a sender puts all reports of one station into the messages of one key, to keep order."""
        return str(self.reports[0].station_id)


class PriceChangedV1(Event):
    """The price of a grade at a station changed, or the grade is no longer sold (`price_mills` null)."""

    service = "pricing"

    station_id: UUID
    fuel: Fuel
    version: Version
    price_mills: PriceMills | None
    previous_price_mills: PriceMills | None
    currency: Currency
    report_id: str
    effective_at: Annotated[Moment, Field(description="From when on the price holds at the pump")]
    submitted_at: Annotated[Moment, Field(description="When the station system sent it")]
    received_at: Annotated[Moment, Field(description="When pricing took it in; published is the record's timestamp")]


class PriceReportRejectedV1(Event):
    """A report was refused; nothing changed."""

    service = "pricing"

    station_id: UUID
    fuel: Fuel
    report_id: str
    price_mills: int | None
    currency: Currency
    reason: Literal[
        "unknown_station",
        "not_your_station",
        "station_closed",
        "grade_not_sold",
        "wrong_currency",
        "outside_sane_bounds",
        "too_far_in_future",
    ]
    effective_at: Moment
    submitted_at: Moment
    received_at: Moment
