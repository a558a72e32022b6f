"""Every event of the suite. A change here is a change of a contract: regenerate with `make schemas`."""

from datetime import UTC, datetime
from enum import StrEnum
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


ReportedMills = Annotated[int, Field(ge=-(10**9), le=10**9, strict=True)]
"""A price as a station system says it; pricing judges whether it is sane."""

ReportedMoment = Annotated[Moment, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2100, 1, 1, tzinfo=UTC))]
"""A time as a station system says it, within what every store can hold."""

ReportId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
"""The sender's own id of a report: the same report sent again has the same id."""


class PriceReport(Event):
    """One report: from `effective_at` on, the grade costs this much at the station."""

    service = "pricing"

    report_id: ReportId
    station_id: UUID
    fuel: Fuel
    price_mills: ReportedMills | None = Field(description="null: the grade is no longer sold")
    currency: Currency
    effective_at: ReportedMoment


class PriceReportsSubmittedV1(Event):
    """A station system's raw reports, checked by nobody yet; the header `authorization` carries its access token."""

    service = "pricing"

    submitted_at: ReportedMoment
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


class RejectionReason(StrEnum):
    """Why a report was refused."""

    UNKNOWN_STATION = "unknown_station"
    NOT_YOUR_STATION = "not_your_station"
    STATION_CLOSED = "station_closed"
    GRADE_NOT_SOLD = "grade_not_sold"
    WRONG_CURRENCY = "wrong_currency"
    OUTSIDE_SANE_BOUNDS = "outside_sane_bounds"
    TOO_FAR_IN_FUTURE = "too_far_in_future"
    REPORT_ID_REUSED = "report_id_reused"


class PriceReportRejectedV1(Event):
    """A report was refused; nothing changed."""

    service = "pricing"

    station_id: UUID
    fuel: Fuel
    report_id: str
    price_mills: int | None
    currency: Currency
    reason: RejectionReason
    effective_at: Moment
    submitted_at: Moment
    received_at: Moment
