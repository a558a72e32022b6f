"""A driver's habits."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from analytics.api.context import Driver, analytics_of
from analytics.domain import habits as domain
from analytics.domain.consumption import Consumption
from analytics.http_models import habits as models
from analytics.use_cases.habits import DEFAULT_MONTHS, MOST_MONTHS, Asked, Reading, read_habits
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/me/habits", tags=["habits"])

DEFAULT_ZONE = "Asia/Shanghai"
"""As for bills: where most drivers are."""
SHOWN = 24
"""Stretches, and readings that were left out, of a vehicle."""
Months = Annotated[
    int | None,
    Query(ge=1, le=MOST_MONTHS, description=f"How many, back from `to`; {DEFAULT_MONTHS} by default", examples=[12]),
]
First = Annotated[str | None, Query(alias="from", max_length=7, description="First month", examples=["2026-01"])]
Last = Annotated[
    str | None, Query(alias="to", max_length=7, description="Last month, by default this one", examples=["2026-04"])
]
Zone = Annotated[
    str, Query(max_length=64, description="IANA time zone in which months begin and end", examples=[DEFAULT_ZONE])
]


@router.get(
    "", summary="Look at your habits", response_model=models.Habits, responses=problem_responses(401, 403, 422, 503)
)
async def get_habits(
    request: Request, driver: Driver, months: Months = None, first: First = None, last: Last = None,
    time_zone: Zone = DEFAULT_ZONE,
) -> models.Habits:  # fmt: skip
    """What you spent on fuel, where, what your vehicles take per 100 km, and what you saved."""
    asked = Asked(months, first, last, time_zone)
    return _shown(await read_habits(analytics_of(request), driver.subject, asked))


def _shown(reading: Reading) -> models.Habits:
    habits = reading.habits
    return models.Habits(
        first_month=habits.months[0][0], last_month=habits.months[-1][0], time_zone=reading.zone.key,
        made_at=reading.made_at, complete_until=reading.complete_until, total=_habit(habits.total, reading),
        months=[
            models.MonthHabit(month=month, **dict(_habit(habit, reading))) for month, habit in habits.months
        ],
        vehicles=[
            models.VehicleHabit(
                vehicle_id=one.vehicle_id, fills=one.fills, consumption=_consumption(one.consumption)
            )
            for one in habits.vehicles
        ],
    )  # fmt: skip


def _habit(habit: domain.Habit, reading: Reading) -> models.Habit:
    return models.Habit(
        fills=habit.fills, fuels=[models.FuelHabit.model_validate(one) for one in habit.fuels],
        money=[models.MoneyHabit.model_validate(one) for one in habit.money],
        stations=[
            models.StationHabit(
                station_id=one.station_id, name=reading.station_names.get(one.station_id), fills=one.fills
            )
            for one in habit.stations
        ],
    )  # fmt: skip


def _consumption(consumption: Consumption) -> models.Consumption:
    shown = models.Consumption.model_validate(consumption)
    return shown.model_copy(update={"stretches": shown.stretches[-SHOWN:], "left_out": shown.left_out[-SHOWN:]})
