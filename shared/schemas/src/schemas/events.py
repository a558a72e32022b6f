"""Every event of the suite. A change here is a change of a contract: regenerate with `make schemas`."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from schemas.analytics import FuelFigures as FuelFigures
from schemas.analytics import MethodFigures as MethodFigures
from schemas.analytics import StationHourUpdatedV1 as StationHourUpdatedV1
from schemas.base import Event, Moment
from schemas.loyalty import CouponExpiredV1 as CouponExpiredV1
from schemas.loyalty import CouponIssuedV1 as CouponIssuedV1
from schemas.loyalty import CouponRedeemedV1 as CouponRedeemedV1
from schemas.loyalty import PointsAccruedV1 as PointsAccruedV1
from schemas.loyalty import PointsExpiredV1 as PointsExpiredV1
from schemas.loyalty import PointsExpiringV1 as PointsExpiringV1
from schemas.loyalty import PointsRedeemedV1 as PointsRedeemedV1
from schemas.loyalty import PointsReversedV1 as PointsReversedV1
from schemas.loyalty import TierChangedV1 as TierChangedV1
from schemas.orders import CardBoundV1 as CardBoundV1
from schemas.orders import CardRechargedV1 as CardRechargedV1
from schemas.orders import CardUnboundV1 as CardUnboundV1
from schemas.orders import OrderAdjustedV1 as OrderAdjustedV1
from schemas.orders import OrderAuthorisedV1 as OrderAuthorisedV1
from schemas.orders import OrderCancelledV1 as OrderCancelledV1
from schemas.orders import OrderCompletedV1 as OrderCompletedV1
from schemas.orders import OrderConfirmedV1 as OrderConfirmedV1
from schemas.orders import OrderPaidV1 as OrderPaidV1
from schemas.orders import OrderPlacedV1 as OrderPlacedV1
from schemas.orders import OrderRefundedV1 as OrderRefundedV1
from schemas.orders import PricePart as PricePart
from schemas.people import AccessRevokedV1 as AccessRevokedV1
from schemas.people import StaffRole as StaffRole
from schemas.people import StaffRoleChangedV1 as StaffRoleChangedV1
from schemas.people import UserErasedV1 as UserErasedV1
from schemas.people import UserMergedV1 as UserMergedV1
from schemas.people import UserRegisteredV1 as UserRegisteredV1
from schemas.vocabulary import Currency, Fuel, PriceMills, PumpStatus, Region, Version


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
    region: Annotated[Region | None, Field(description="The ISO 3166-2 subdivision it lies in, where known")] = None
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
    """A pump does something else now, or sells other grades."""

    service = "stations"

    station_id: UUID
    pump_id: Annotated[str, Field(max_length=16)]
    version: Version
    status: PumpStatus
    fuels: list[Fuel]
    waiting_vehicles: Annotated[int | None, Field(ge=0, le=100, description="In the queue; null: not counted")] = None
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


class PriceConfirmedV1(Event):
    """The station said again that a price holds: it is not stale. Published at most once an hour for each price."""

    service = "pricing"

    station_id: UUID
    fuel: Fuel
    version: Annotated[int, Field(ge=1, description="The version of the price that was confirmed")]
    confirmed_at: Annotated[Moment, Field(description="The latest time for which the station said it")]


class RejectionReason(StrEnum):
    """Why a report was refused. More may come: consumers treat one that they do not know as a refusal all the same."""

    UNKNOWN_STATION = "unknown_station"
    NOT_YOUR_STATION = "not_your_station"
    STATION_CLOSED = "station_closed"
    GRADE_NOT_SOLD = "grade_not_sold"
    WRONG_CURRENCY = "wrong_currency"
    OUTSIDE_SANE_BOUNDS = "outside_sane_bounds"
    ABOVE_CEILING = "above_ceiling"
    RISE_NOT_ALLOWED_NOW = "rise_not_allowed_now"
    TOO_FAR_IN_FUTURE = "too_far_in_future"
    REPORT_ID_REUSED = "report_id_reused"


RuleName = Annotated[str, Field(max_length=120, examples=["AT/1/rise-only-at-noon"])]
"""Which price rule decided: region, version of the region's rules, name of the rule."""


class PriceReportRejectedV1(Event):
    """A report was refused; nothing changed."""

    service = "pricing"

    station_id: UUID
    fuel: Fuel
    report_id: str
    price_mills: int | None
    currency: Currency
    reason: Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$", description="One of RejectionReason; more may come")]
    rule: Annotated[RuleName | None, Field(description="The price rule that it breaks, if it breaks one")] = None
    effective_at: Moment
    submitted_at: Moment
    received_at: Moment


class PriceAlertFiredV1(Event):
    """A price fell to a driver's threshold: within the place of the alert no station sold the grade for it before."""

    service = "pricing"
    key_field = "alert_id"

    alert_id: UUID
    version: Annotated[int, Field(ge=1, description="How many times this alert has fired, this one included")]
    driver_id: Annotated[str, Field(max_length=64)]
    fuel: Fuel
    threshold_mills: PriceMills
    station_id: Annotated[UUID, Field(description="Whose price crossed the threshold")]
    price_mills: PriceMills
    currency: Currency
    occurred_at: Moment


class DiscountPerLitre(Event):
    """So much less for each litre, in thousandths of the currency."""

    kind: Literal["per_litre"] = "per_litre"
    mills: PriceMills


class DiscountPercentage(Event):
    """A share of the pump price, in hundredths of a percent: 250 are 2.5 %."""

    kind: Literal["percentage"] = "percentage"
    basis_points: Annotated[int, Field(ge=1, le=10_000, strict=True)]


class DiscountPerFill(Event):
    """So much less for a whole fill, in the currency's minor units."""

    kind: Literal["per_fill"] = "per_fill"
    amount_minor: Annotated[int, Field(ge=1, strict=True)]


class CampaignHours(Event):
    """When in the week it holds, in the station's own time; `until` not after `from`: over midnight."""

    weekdays: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(description="ISO: Monday is 1", min_length=1)]
    from_time: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "00:00"
    until_time: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "00:00"


class CampaignPublishedV1(Event):
    """A campaign holds, or holds on other terms: the newest event of a campaign is enough to know it."""

    service = "loyalty"
    key_field = "campaign_id"

    campaign_id: UUID
    version: Version
    name: Annotated[str, Field(max_length=120)]
    audience: Annotated[
        Literal["everyone", "some"], Field(description="`everyone`: whoever fuels gets it, without coupon or tier")
    ]
    discount: Annotated[
        DiscountPerLitre | DiscountPercentage | DiscountPerFill | None,
        Field(description="null: it gives something else, such as points or a gift"),
    ]
    currency: Annotated[Currency | None, Field(description="Of the discount; null for a percentage")] = None
    minimum_volume_ml: Annotated[int | None, Field(ge=1, strict=True)] = None
    station_ids: Annotated[list[UUID] | None, Field(description="null: every station of `operators`")] = None
    operators: Annotated[list[str] | None, Field(description="null: every operator")] = None
    fuels: Annotated[list[Fuel] | None, Field(description="null: every grade")] = None
    hours: Annotated[list[CampaignHours] | None, Field(description="null: at any time")] = None
    starts_at: Moment
    ends_at: Moment | None = None
    occurred_at: Moment


class CampaignEndedV1(Event):
    """A campaign ended before its time, or was stopped: it gives nothing more."""

    service = "loyalty"
    key_field = "campaign_id"

    campaign_id: UUID
    version: Version
    occurred_at: Moment
