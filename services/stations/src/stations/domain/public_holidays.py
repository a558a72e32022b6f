"""Which dates are public holidays, from the `holidays` library, one year at a time."""

from datetime import date
from functools import lru_cache

import holidays

_ANY_YEAR = 2024


def is_public_holiday(country: str, region: str | None, day: date) -> bool:
    """Whether the date is a public holiday; False where the country's holidays are not known."""
    try:
        return day in _of_year(country, region, day.year)
    except NotImplementedError:
        return False


def is_region(country: str, region: str) -> bool:
    """Whether the region's holidays are known, e.g. BY of DE."""
    try:
        _of_year(country, region, _ANY_YEAR)
    except NotImplementedError:
        return False
    return True


@lru_cache(maxsize=4096)
def _of_year(country: str, region: str | None, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, subdiv=region, years=year))
