"""Texts of a feed as values, exactly: prices, coordinates, moments."""

import re
from datetime import datetime
from functools import lru_cache

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
        return rfc3339(moment)
    except (ValueError, OverflowError) as error:  # OverflowError: year 1 or 9999 moved over the edge by its offset
        raise ValueError(f"date {text!r} is not a time with an offset such as 2026-04-30 00:00:44+02") from error


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
