"""Months, as texts: `2026-04`."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

MONTH_PATTERN = r"^20\d\d-(0[1-9]|1[0-2])$"


def month_of(day: date) -> str:
    """The month of a day, or of a moment by the clocks of its own zone."""
    return f"{day.year:04}-{day.month:02}"


def shifted(month: str, by: int) -> str:
    """So many months later."""
    count = _count(month) + by
    return f"{count // 12:04}-{count % 12 + 1:02}"


def months_between(first: str, last: str) -> list[str]:
    """All of them; both count."""
    return [shifted(first, by) for by in range(_count(last) - _count(first) + 1)]


def months_later(month: str, than: str) -> int:
    """How many months one is after another."""
    return _count(month) - _count(than)


def starts_at(month: str, zone: ZoneInfo) -> datetime:
    """The moment at which it begins by the clocks of the zone, in UTC."""
    year, number = map(int, month.split("-"))
    return datetime(year, number, 1, tzinfo=zone).astimezone(UTC)


def _count(month: str) -> int:
    year, number = month.split("-")
    return 12 * int(year) + int(number) - 1
