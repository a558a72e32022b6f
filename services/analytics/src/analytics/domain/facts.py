"""The events that views are folded from, with the fields that they need and no others; and what makes one a fact.

They say what `schemas.events` says of them. Pydantic checks each field of each event, for a handler that acts on it;
views take thousands of events a second, so they are read by msgspec into structs, in a tenth of the time.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec


class Part(msgspec.Struct, frozen=True, gc=False):
    """What was taken off a price: see schemas.orders.PricePart."""

    kind: str
    amount_minor: int
    reference: str | None = None
    points: int | None = None


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What each event about an order has."""

    order_id: UUID
    version: int
    driver_id: str
    station_id: UUID
    operator: str
    pump_id: str
    fuel: str
    mode: str
    price_mills: int
    currency: str
    occurred_at: datetime


class OrderPlaced(OrderEvent, frozen=True, kw_only=True):
    """A driver is at a pump."""

    requested_minor: int | None = None
    requested_ml: int | None = None


class OrderConfirmed(OrderEvent, frozen=True, kw_only=True):
    """The station said what was dispensed, or agreed to fuel."""

    volume_ml: int | None = None
    gross_minor: int | None = None


class OrderAdjusted(OrderEvent, frozen=True, kw_only=True):
    """The station corrected what was dispensed."""

    volume_ml: int
    gross_minor: int
    reason: str


class OrderAuthorised(OrderEvent, frozen=True, kw_only=True):
    """The money is held or charged ahead."""

    method: str
    authorised_minor: int


class OrderPaid(OrderEvent, frozen=True, kw_only=True):
    """The money is there. Of mode `prepaid` the volume is what was asked for: OrderCompleted says what came."""

    volume_ml: int
    gross_minor: int
    breakdown: list[Part]
    paid_minor: int
    method: str
    vehicle_id: UUID | None = None
    odometer_km: int | None = None


class OrderCompleted(OrderEvent, frozen=True, kw_only=True):
    """Paid and dispensed. `used_minor`: what the fuel took of an order that was paid before fuelling."""

    paid_minor: int
    volume_ml: int | None = None
    used_minor: int | None = None
    method: str | None = None


class OrderRefunded(OrderEvent, frozen=True, kw_only=True):
    """A refund reached the driver; `refunded_minor` is all that was refunded of the order so far.

    `unused`: it was paid before fuelling, and no fuel took it.
    """

    refund_id: UUID
    amount_minor: int
    refunded_minor: int
    paid_minor: int
    reason: str
    volume_ml: int | None = None
    unused: bool | None = None


class OrderCancelled(OrderEvent, frozen=True, kw_only=True):
    """Nothing will be paid."""

    how: str
    reason: str


class PriceChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A grade costs something else at a station; null: it is no longer sold."""

    station_id: UUID
    fuel: str
    version: int
    price_mills: int | None
    currency: str
    effective_at: datetime


class PriceConfirmed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The station said again that a price holds."""

    station_id: UUID
    fuel: str
    version: int
    confirmed_at: datetime


class StationState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A station as it is known from StationRegistered, StationUpdated or StationClosed: the highest version holds."""

    station_id: UUID
    version: int
    operator: str
    external_id: str
    name: str
    country: str
    time_zone: str
    currency: str
    lat: float
    lon: float
    occurred_at: datetime
    brand: str | None = None
    region: str | None = None


class StationRegistered(StationState, frozen=True, kw_only=True):
    """It is there."""


class StationUpdated(StationState, frozen=True, kw_only=True):
    """It changed."""


class StationClosed(StationState, frozen=True, kw_only=True):
    """It is closed for good."""


class PumpStatusChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A pump's state."""

    station_id: UUID
    pump_id: str
    version: int
    status: str
    occurred_at: datetime
    waiting_vehicles: int | None = None


class CampaignHours(msgspec.Struct, frozen=True, gc=False):
    """When in the week a campaign holds: see schemas.events.CampaignHours."""

    weekdays: list[int]
    from_time: str = "00:00"
    until_time: str = "00:00"


class CampaignPublished(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A campaign holds on these terms: the highest version counts."""

    campaign_id: UUID
    version: int
    name: str
    starts_at: datetime
    occurred_at: datetime
    ends_at: datetime | None = None
    station_ids: list[UUID] | None = None
    operators: list[str] | None = None
    fuels: list[str] | None = None
    hours: list[CampaignHours] | None = None


class CampaignEnded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A campaign gives nothing more."""

    campaign_id: UUID
    version: int
    occurred_at: datetime


class PointsEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What each event about a driver's points has."""

    driver_id: str
    entry_id: UUID
    points: int
    occurred_at: datetime


class PointsAccrued(PointsEvent, frozen=True, kw_only=True):
    """A driver got points; those of an order name its station."""

    reason: str
    order_id: UUID | None = None
    station_id: UUID | None = None
    operator: str | None = None
    tier: str | None = None
    campaign_ids: list[UUID] | None = None


class PointsRedeemed(PointsEvent, frozen=True, kw_only=True):
    """Points were spent."""

    reason: str
    order_id: UUID | None = None


class PointsReversed(PointsEvent, frozen=True, kw_only=True):
    """Points of a refunded order were taken back."""

    order_id: UUID


class PointsExpired(PointsEvent, frozen=True, kw_only=True):
    """Points were not spent in time."""


EventStruct = (
    OrderPlaced | OrderConfirmed | OrderAdjusted | OrderAuthorised | OrderPaid | OrderCompleted | OrderRefunded
    | OrderCancelled | PriceChanged | PriceConfirmed | StationRegistered | StationUpdated | StationClosed
    | PumpStatusChanged | CampaignPublished | CampaignEnded | PointsAccrued | PointsRedeemed | PointsReversed
    | PointsExpired
)  # fmt: skip


class Fact(NamedTuple):
    """An event that happened, once: the same id never counts twice in a document.

    `driver` stands for the driver of an event that is about one: 16 bytes that mean nothing outside of this service.
    Views have that, never the `driver_id`.
    """

    id: bytes
    """The 16 bytes of the event's id."""
    event: EventStruct
    published_at: datetime
    driver: bytes | None = None
