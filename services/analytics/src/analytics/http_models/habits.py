"""What the route of habits gives."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.base import Moment
from schemas.vocabulary import Currency
from servicekit.http_models import Amount, Shown

Count = Annotated[int, Field(examples=[4])]
Volume = Annotated[int, Field(description="Millilitres; grams of CNG and hydrogen", examples=[160_000])]
Month = Annotated[str, Field(description="Year and month", examples=["2026-04"])]


class FuelHabit(Shown):
    """What was bought of one grade."""

    fuel: Annotated[str, Field(examples=["petrol_95"])]
    fills: Count
    volume_ml: Annotated[Volume, Field(description="Less what a refund says was not received, by when that came")]
    average_volume_ml: Annotated[int | None, Field(description="Of a fill", examples=[40_000])]


class MoneyHabit(Shown):
    """What was spent in one currency; currencies are never added up."""

    currency: Annotated[Currency, Field(examples=["CNY"])]
    fills: Count
    spent_minor: Annotated[Amount, Field(description="Paid less refunded")]
    paid_minor: Amount
    refunded_minor: Annotated[Amount, Field(description="By when it came back")]
    average_paid_minor: Annotated[int | None, Field(description="Of a fill", examples=[23_550])]
    discount_minor: Annotated[Amount, Field(description="What campaigns, coupons and points took off")]
    saved_by_price_minor: Annotated[
        int | None,
        Field(
            description="What fills would have cost more at the region's price: the mean over the day (UTC) of what "
            "the station and its ten nearest neighbours within 5 km asked. Below zero: less. null: not known of any",
            examples=[840],
        ),
    ]  # fmt: skip
    compared_fills: Annotated[int, Field(description="Fills that `saved_by_price_minor` is about", examples=[3])]
    saved_minor: Annotated[
        int, Field(description="By price, as far as that is known, and by discounts", examples=[1340])
    ]


class StationHabit(Shown):
    """A station that was visited."""

    station_id: UUID
    name: Annotated[str | None, Field(description="null: not known here yet", examples=["Forecourt Chaoyang"])]
    fills: Count


class Habit(Shown):
    """What was bought in some time, by when it was paid."""

    fills: Count
    fuels: Annotated[list[FuelHabit], Field(description="In alphabetical order")]
    money: Annotated[list[MoneyHabit], Field(description="By currency")]
    stations: Annotated[list[StationHabit], Field(description="The three most visited")]


class MonthHabit(Habit):
    """A month."""

    month: Month


class Stretch(Shown):
    """The way between two full fills."""

    from_at: Moment
    to_at: Moment
    distance_km: Annotated[int, Field(examples=[520])]
    volume_ml: Volume
    ml_per_100km: Annotated[int, Field(examples=[7_400])]


class LeftOut(Shown):
    """A reading of the odometer that was left out."""

    at: Moment
    odometer_km: Annotated[int, Field(examples=[52_000])]
    reason: Annotated[
        str,
        Field(
            description="not_increasing; too_far: more than 3,000 km a day; implausible_consumption: outside 2 to 60 l "
            "per 100 km since the reading before", examples=["not_increasing"],
        ),
    ]  # fmt: skip


class Consumption(Shown):
    """What a vehicle takes: the fuel between fills of at least half of the largest one, by their odometers."""

    ml_per_100km: Annotated[int | None, Field(description="null: see `reason`", examples=[7_400])]
    distance_km: Annotated[int, Field(description="That it is worked out from", examples=[2_080])]
    volume_ml: Volume
    readings: Annotated[int, Field(description="Odometers that were told at full fills", examples=[5])]
    stretches: Annotated[list[Stretch], Field(description="The newest 24, the oldest of them first")]
    left_out: Annotated[list[LeftOut], Field(description="The newest 24; nothing is worked out from these")]
    reason: Annotated[
        str | None,
        Field(
            description="Why there is no figure: too_few_readings (it takes two full fills with odometers), "
            "nothing_plausible, several_kinds_of_fuel", examples=["too_few_readings"],
        ),
    ]  # fmt: skip


class VehicleHabit(Shown):
    """What was bought for one vehicle."""

    vehicle_id: UUID
    fills: Count
    consumption: Consumption


class Habits(Shown):
    """A driver's habits."""

    first_month: Month
    last_month: Annotated[Month, Field(description="Both count")]
    time_zone: Annotated[str, Field(description="In which months begin", examples=["Asia/Shanghai"])]
    made_at: Moment
    complete_until: Annotated[
        Moment | None, Field(description="All that was published before is in it; null: nothing has been read yet")
    ]
    total: Habit
    months: Annotated[list[MonthHabit], Field(description="Each month, the oldest first; the last may not be over")]
    vehicles: Annotated[list[VehicleHabit], Field(description="Those that were told, the most used first")]
