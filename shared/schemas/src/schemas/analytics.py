"""Events of analytics: figures that were worked out from other events; `schemas.events` has them too."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.base import Event, Moment
from schemas.orders import Minor, Word
from schemas.vocabulary import Currency, Fuel, Version

Count = Annotated[int, Field(ge=0, strict=True)]


class FuelFigures(Event):
    """What was sold of one grade."""

    fuel: Fuel
    orders: Count
    volume_ml: Annotated[int, Field(strict=True, description="Below zero: more was given back than sold in the hour")]
    gross_minor: Minor
    paid_minor: Minor


class MethodFigures(Event):
    """What was paid in one way."""

    method: Annotated[Word, Field(description="`other`: all ways that few orders were paid in")]
    orders: Count
    paid_minor: Minor


class StationHourUpdatedV1(Event):
    """What a station sold in an hour, whole: the newest event of a bucket is enough to know it.

    Events that come late change an hour that is over, however old.
    """

    service = "analytics"
    key_field = "bucket"

    bucket: Annotated[
        str,
        Field(
            max_length=80, description="Station, beginning of the hour and currency",
            examples=["0199a000-0000-7000-8000-000000000001|2026-04-30T10Z|CNY"],
        ),
    ]  # fmt: skip
    version: Annotated[Version, Field(description="How many events it is worked out from")]
    station_id: UUID
    operator: Annotated[str, Field(max_length=64)]
    begins_at: Annotated[Moment, Field(description="When the hour begins")]
    currency: Currency
    orders: Annotated[
        Count, Field(description="That were paid; those that were paid before fuelling, when the pump had given it")
    ]
    volume_ml: Annotated[int, Field(strict=True, description="Millilitres; see FuelFigures")]
    gross_minor: Annotated[Minor, Field(description="Less discounts what was paid: without what nobody had to pay")]
    discount_minor: Minor
    paid_minor: Annotated[Minor, Field(description="Before refunds, and without what was paid before and not used")]
    refunds: Count
    refunded_minor: Minor
    fuels: Annotated[list[FuelFigures], Field(description="In alphabetical order")]
    methods: Annotated[list[MethodFigures], Field(description="In alphabetical order; empty for fewer than 5 drivers")]
    drivers: Annotated[int | None, Field(ge=5, strict=True, description="Different ones; null: fewer than 5")] = None
