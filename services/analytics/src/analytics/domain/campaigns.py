"""When and where a campaign held, from what the view of campaigns keeps of it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import zip_longest
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from analytics.domain.views import Document
from schemas.week import is_in_hours

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Span(NamedTuple):
    """A time in which it held; `ends` is not in it, and None where no end is known."""

    begins: datetime
    ends: datetime | None


class WeekHours(NamedTuple):
    """Hours of the week; see schemas.week."""

    weekdays: frozenset[int]
    from_time: str
    until_time: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign on its newest terms; None stands for all operators, stations, fuels or hours."""

    campaign_id: UUID
    name: str | None
    """None: only that it ended was ever heard of."""
    operators: frozenset[str] | None
    station_ids: frozenset[UUID] | None
    fuels: tuple[str, ...] | None
    hours: tuple[WeekHours, ...] | None
    spans: tuple[Span, ...]
    """One after the other, never overlapping; more than one where it was paused."""

    def is_at(self, station_id: UUID, operator: str) -> bool:
        """Whether it holds at the station at all."""
        stations, operators = self.station_ids, self.operators
        return (stations is None or station_id in stations) and (operators is None or operator in operators)

    def holds(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether it held at a moment, at a station in that time zone."""
        if not any(begins <= at and (ends is None or at < ends) for begins, ends in self.spans):
            return False
        local = at.astimezone(zone)
        return self.hours is None or any(is_in_hours(local, *window) for window in self.hours)

    def minutes_of(self, hour: datetime, zone: ZoneInfo) -> int:
        """In how many minutes of the hour that begins then it held, each judged by its beginning."""
        if not self.within(hour, hour + HOUR):
            return 0
        if any(begins <= hour and (ends is None or hour + HOUR <= ends) for begins, ends in self.spans):
            if self.hours is None:
                return 60
            local = hour.astimezone(zone)
            return _minutes(self.hours, local.isoweekday(), local.hour, local.minute)
        return sum(self.holds(hour + minute * MINUTE, zone) for minute in range(60))

    def within(self, begin: datetime, end: datetime) -> list[Span]:
        """The spans that have a part in the time from `begin` until `end`."""
        return [span for span in self.spans if span.begins < end and (span.ends is None or begin < span.ends)]

    def is_constant(self, begin: datetime, end: datetime) -> bool:
        """Whether it held through all of a time, or not at all: its own hours of the week are the same every week."""
        spans = self.within(begin, end)
        return not spans or (len(spans) == 1 and spans[0].begins <= begin and (spans[0].ends or end) >= end)


@lru_cache(maxsize=4_096)
def _minutes(hours: tuple[WeekHours, ...], weekday: int, hour: int, minute: int) -> int:
    """In how many minutes of an hour that the clock begins so; clocks change between hours of UTC."""
    monday = datetime(2024, 1, 1, hour, minute)
    clock = monday + timedelta(days=weekday - 1)
    return sum(any(is_in_hours(clock + one * MINUTE, *window) for window in hours) for one in range(60))


def campaign_of(document: Document) -> Campaign:
    """The campaign that a document of the view is about."""
    hours = document["hours"]
    return Campaign(
        document["campaign_id"], document["name"], _set(document["operators"]), _set(document["station_ids"]),
        None if document["fuels"] is None else tuple(document["fuels"]),
        None if hours is None else tuple(
            WeekHours(frozenset(one["weekdays"]), one["from_time"], one["until_time"]) for one in hours
        ),
        tuple(_spans(document["changes"])),
    )  # fmt: skip


def _set(values: Iterable[Any] | None) -> frozenset[Any] | None:
    return None if values is None else frozenset(values)


def _spans(changes: Sequence[Document]) -> list[Span]:
    """Each version holds until the next one was told; two in a row that meet are one span."""
    spans: list[Span] = []
    for change, replaced_at in zip_longest(changes, [change["at"] for change in changes[1:]]):
        if not change["holds"]:
            continue
        begins = max(change["at"], change["starts_at"])
        ends = min((one for one in (change["ends_at"], replaced_at) if one is not None), default=None)
        if ends is not None and ends <= begins:
            continue
        if spans and spans[-1].ends is not None and spans[-1].ends >= begins:
            begins = spans.pop().begins
        spans.append(Span(begins, ends))
    return spans
