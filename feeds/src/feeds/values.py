"""Texts of a feed as values, exactly: prices, coordinates, moments."""

import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from schemas.base import rfc3339

_PRICE = re.compile(r"(-?)([0-9]{1,4})(?:\.([0-9]{1,3})0*)?")
_DEGREES = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,20})?")


@lru_cache(maxsize=4096)
def mills(text: str) -> int:
    """A price in major units ("1.329") as thousandths (1329), never by way of a float. Raises ValueError."""
    match = _PRICE.fullmatch(text)
    if match is None:
        raise ValueError(f"price {text!r} is not a number below 10000 with at most 3 decimals")
    sign, whole, decimals = match.groups(default="")
    return int(sign + whole + decimals.ljust(3, "0"))


def price_text(price_mills: int) -> str:
    """The inverse of `mills`, with three decimals."""
    whole, decimals = divmod(abs(price_mills), 1000)
    return f"{'-' * (price_mills < 0)}{whole}.{decimals:03}"


@lru_cache(maxsize=256)
def utc(text: str) -> str:
    """An ISO 8601 time with an offset as RFC 3339 in UTC. Raises ValueError.

    Cached, since thousands of rows share one second.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no offset from UTC")
        return _reportable(moment)
    except (ValueError, OverflowError) as error:  # OverflowError: year 1 or 9999 moved over the edge by its offset
        wanted = "a time with an offset such as 2026-04-30 00:00:44+02"
        raise ValueError(f"date {text!r} is not {wanted} ({error})") from error


def degrees(text: str, column: str) -> float:
    """A coordinate as the file has it; whether it lies on Earth is for others to judge. Raises ValueError."""
    if _DEGREES.fullmatch(text) is None:
        raise ValueError(f"{column} {text!r} is not a number of degrees")
    return float(text)


def text_or_none(text: str) -> str | None:
    """The text without blanks around it; None if nothing is left."""
    return text.strip() or None


def required(text: str, column: str) -> str:
    """The text without blanks around it. Raises ValueError if nothing is left."""
    if not (trimmed := text.strip()):
        raise ValueError(f"{column} is missing")
    return trimmed


_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,7}(?:[.,][0-9]{0,12})?|[.,][0-9]{1,12})")
_DAY_FIRST = re.compile(
    r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})[ T]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?: *([AaPp])\.?[Mm]\.?)?"
)
_MOST_MILLS = 10**9
"""What a price report may say; pricing refuses what is absurd, but takes only reports that it can read."""

_YEARS = range(2000, 2100)
"""What a price report may speak of; a year outside is a slip, and all stores can hold what is inside."""


def plain(value: object) -> str:
    """A JSON value as trimmed text; "" for null. Raises ValueError for what is neither text nor a number."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal) and abs(value.adjusted()) < 20:  # more digits are no price, and a lot of text
        return f"{value:f}"
    raise ValueError(f"{str(value)[:40]!r} is neither a text nor a number that could be meant")


def number(value: object) -> Decimal:
    """A number of up to seven digits, with a decimal point or comma, exactly. Raises ValueError."""
    text = plain(value)
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{text[:40]!r} is not a number below 10000000")
    return Decimal(text.replace(",", "."))


def mills_of(price: Decimal, mills_per_unit: int) -> int:
    """A price as whole thousandths of the major unit, never by way of a float. Raises ValueError where it has more."""
    price_mills = price * mills_per_unit
    if price_mills != (whole := int(price_mills)):
        raise ValueError(f"price {price} has more decimals than thousandths of the currency")
    if abs(whole) > _MOST_MILLS:
        raise ValueError(f"price {price} is beyond all prices")
    return whole


@lru_cache(maxsize=256)
def wall_time(text: str, zone: str) -> str:
    """A time on a zone's clock as RFC 3339 in UTC: "30/04/2026 10:15:00", with AM or PM, or ISO 8601. ValueError.

    An hour that the clock shows twice is the first of the two; one that it leaves out counts on from before the gap.
    An offset in the text goes before the zone.
    """
    try:
        moment = _day_first(match) if (match := _DAY_FIRST.fullmatch(text)) else datetime.fromisoformat(text)
        return _reportable(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"time {text[:40]!r} is not one such as 30/04/2026 10:15:00 ({error})") from error


def _reportable(moment: datetime) -> str:
    utc_text = rfc3339(moment)
    if int(utc_text[:4]) not in _YEARS:
        raise ValueError("a year outside 2000 to 2099")
    return utc_text


def _day_first(match: re.Match[str]) -> datetime:
    day, month, year, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    if half := match[7]:
        hour = hour % 12 + 12 * (half in "Pp")
    return datetime(year, month, day, hour, minute, second)
