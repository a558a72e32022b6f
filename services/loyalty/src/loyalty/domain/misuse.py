"""What looks like misuse of rewards. It is flagged, and people decide; nothing is refused by a rule alone. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from typing import Any

from msgspec import Struct

EARTH_METRES = 6_371_000
FREE_METRES = 5_000
"""Two stations as near as this are one place: coordinates and clocks are not exact."""
DAY = timedelta(hours=24)


class FlagKind(StrEnum):
    """What was seen."""

    MANY_FILLS = "many_fills"
    FAST_HOP = "fast_hop"
    MANY_FRIENDS = "many_friends"
    SAME_DEVICE = "same_device"
    SAME_CARD = "same_card"


REASONS = {
    FlagKind.MANY_FILLS: "There were more fills within 24 hours than one driver makes.",
    FlagKind.FAST_HOP: "Two fills were further apart than a car drives in the time between them.",
    FlagKind.MANY_FRIENDS: "More friends came by one invitation within 24 hours than is usual.",
    FlagKind.SAME_DEVICE: "The inviter and the friend used the same device.",
    FlagKind.SAME_CARD: "The inviter and the friend paid with the same fuel card.",
}
"""What a driver is told."""


class FlagStatus(StrEnum):
    """What people said of it."""

    OPEN = "open"
    CLEARED = "cleared"
    CONFIRMED = "confirmed"


class Verdict(StrEnum):
    """Whether a reward may be given."""

    CLEAR = "clear"
    UNDER_REVIEW = "under_review"
    REFUSED = "refused"


def verdict_of(statuses: Iterable[FlagStatus]) -> Verdict:
    """What all flags together mean: one that was confirmed refuses, one that is open holds back."""
    seen = frozenset(statuses)
    if FlagStatus.CONFIRMED in seen:
        return Verdict.REFUSED
    return Verdict.UNDER_REVIEW if FlagStatus.OPEN in seen else Verdict.CLEAR


def worst(*verdicts: Verdict) -> Verdict:
    """The strictest of several."""
    return max(verdicts, key=list(Verdict).index)


class Limits(Struct, frozen=True):
    """From where on something is flagged."""

    fills_a_day: int
    speed_kmh: int
    friends_a_day: int


class Finding(Struct, frozen=True):
    """Something that was seen; `key` is its identity: it is flagged once. `details` hold nothing personal."""

    kind: FlagKind
    key: str
    driver_id: str
    """Whose reward waits."""
    details: dict[str, Any]
    friend_id: str | None = None
    order_id: str | None = None


class Fill(Struct, frozen=True):
    """A paid fill; where it was is None where that is not known."""

    order_id: str
    station_id: str
    paid_at: datetime
    place: tuple[float, float] | None = None
    """Latitude and longitude in degrees."""


def findings_of_fill(driver_id: str, fill: Fill, around: Sequence[Fill], limits: Limits) -> list[Finding]:
    """What is odd about a driver's fill; `around` are those of the day before it and after it, itself among them."""
    ordered = sorted(around, key=lambda one: (one.paid_at, one.order_id))
    return [*_many_fills(driver_id, fill, ordered, limits), *_fast_hops(driver_id, fill, ordered, limits)]


def _many_fills(driver_id: str, fill: Fill, around: Sequence[Fill], limits: Limits) -> list[Finding]:
    count = sum(fill.paid_at - DAY < one.paid_at <= fill.paid_at for one in around)
    if count <= limits.fills_a_day:
        return []
    key = f"{FlagKind.MANY_FILLS}|{driver_id}|{fill.paid_at:%Y-%m-%d}"
    details = {"fills": count, "most": limits.fills_a_day, "hours": 24}
    return [Finding(FlagKind.MANY_FILLS, key, driver_id, details, order_id=fill.order_id)]


def _fast_hops(driver_id: str, fill: Fill, around: Sequence[Fill], limits: Limits) -> list[Finding]:
    """Of the fill and its neighbours in time, named by the later: whichever is looked at last finds the pair."""
    pairs = (pair for pair in pairwise(around) if fill in pair)
    return [
        Finding(
            FlagKind.FAST_HOP,
            f"{FlagKind.FAST_HOP}|{driver_id}|{later.order_id}",
            driver_id,
            hop,
            order_id=later.order_id,
        )
        for earlier, later in pairs
        if (hop := _too_fast(earlier, later, limits.speed_kmh))
    ]


def _too_fast(earlier: Fill, later: Fill, speed_kmh: int) -> dict[str, Any] | None:
    if earlier.place is None or later.place is None or earlier.station_id == later.station_id:
        return None
    metres = distance_metres(earlier.place, later.place)
    seconds = (later.paid_at - earlier.paid_at).total_seconds()
    if metres <= FREE_METRES or metres <= seconds * speed_kmh / 3.6:
        return None
    return {"metres": round(metres), "minutes": int(seconds // 60), "other_order_id": earlier.order_id}


def distance_metres(here: tuple[float, float], there: tuple[float, float]) -> float:
    """The way as the crow flies (haversine); both are latitude and longitude in degrees."""
    (lat, lon), (other_lat, other_lon) = (map(radians, place) for place in (here, there))
    chord = sin((other_lat - lat) / 2) ** 2 + cos(lat) * cos(other_lat) * sin((other_lon - lon) / 2) ** 2
    return 2 * EARTH_METRES * asin(sqrt(min(1.0, chord)))
