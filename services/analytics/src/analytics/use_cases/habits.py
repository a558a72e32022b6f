"""A driver's habits, read through all accounts that became the driver's one."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from analytics.domain.fills import Fill, fills_of
from analytics.domain.folds.driver_months import DriverMonths, key_of
from analytics.domain.habits import Habits, habits_of
from analytics.domain.months import MONTH_PATTERN, month_of, months_between, shifted
from analytics.repository.stations import Stations
from analytics.use_cases.context import Analytics
from analytics.use_cases.freshness import views_complete_until
from analytics.use_cases.regional_prices import averages
from servicekit.erasures import account_gone
from servicekit.problems import Problem

DEFAULT_MONTHS, MOST_MONTHS = 12, 36
VIEWS = (DriverMonths.name,)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which months somebody asks for; both ends count."""

    months: int | None = None
    first: str | None = None
    last: str | None = None
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Reading:
    """Habits, and what is said with them."""

    habits: Habits
    zone: ZoneInfo
    station_names: dict[UUID, str]
    made_at: datetime
    complete_until: datetime | None


async def read_habits(analytics: Analytics, driver_id: str, asked: Asked, now: datetime | None = None) -> Reading:
    """The driver's habits. Raises Problem 401 where the account is gone, 422 for months that there cannot be."""
    if await analytics.erasures.find(driver_id) is not None:
        raise account_gone()
    made_at = now or datetime.now(UTC)
    zone = _zone(asked.time_zone)
    months = _months(asked, month_of(made_at.astimezone(zone)))
    known_until = await views_complete_until(analytics, VIEWS)  # before the figures: they have at least that
    fills = await _fills(analytics, driver_id, months)
    prices = await averages(analytics, sorted({fill.region for fill in fills if fill.region}, key=str))
    habits = habits_of(fills, months, zone, prices)
    return Reading(habits, zone, await _names(analytics, habits), made_at, known_until)


async def _fills(analytics: Analytics, driver_id: str, months: list[str]) -> list[Fill]:
    """With those of a month more at each end: months of the view are of UTC, and a pump may be late."""
    accounts = [driver_id, *await analytics.people.aliases(driver_id)]
    around = months_between(shifted(months[0], -1), shifted(months[-1], 1))
    keys = [key_of(analytics.pseudonyms.of(account), month) for account in accounts for month in around]
    return fills_of(await analytics.people.months(keys))


async def _names(analytics: Analytics, habits: Habits) -> dict[UUID, str]:
    shown = [habits.total, *(habit for _, habit in habits.months)]
    ids = {station.station_id for habit in shown for station in habit.stations}
    return {one.station_id: one.name for one in await Stations(analytics.views).stations_of(ids=ids)} if ids else {}


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        detail = "There is no such time zone; send one of the IANA database, such as Asia/Shanghai."
        raise Problem(422, "bad-months", detail) from None


def _months(asked: Asked, this_month: str) -> list[str]:
    """Raises Problem 422."""
    if asked.months is not None and asked.first is not None:
        raise _bad("Send either `months` or `from`: `months` counts back from `to`.")
    for month in filter(None, (asked.first, asked.last)):
        if not re.fullmatch(MONTH_PATTERN, month, re.ASCII):
            raise _bad("A month is a year and a month, such as 2026-04.")
    last = asked.last or this_month
    first = asked.first or shifted(last, 1 - (asked.months or DEFAULT_MONTHS))
    if last > this_month:
        raise _bad(f"Months to come have no figures: it is {this_month} now, let `to` be no later.")
    if first > last:
        raise _bad(f"`from` ({first}) is after `to` ({last}); send them the other way round.")
    months = months_between(first, last)
    if len(months) > MOST_MONTHS:
        raise _bad(f"Habits are of at most {MOST_MONTHS} months; ask for a part of them.")
    return months


def _bad(detail: str) -> Problem:
    return Problem(422, "bad-months", detail)
