"""How orders went at pumps and what the pumps said of themselves, put together from their days. Arrays, no I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analytics.domain.folds.pump_days import NOT_COUNTED, PLACES
from analytics.domain.folds.station_prices import milliseconds
from analytics.domain.timelines import Flags, Moments
from analytics.domain.views import Document
from schemas.vocabulary import PumpStatus

SECOND = 1_000
LONGEST_VISIT = 3_600 * SECOND
"""What comes later is no time at the pump: it is an order that somebody settled afterwards."""
UNKNOWN = -1
LastSaid = tuple[int, str]
"""A moment, in milliseconds since 1970, and the status that a pump had from then on."""
PLACED, READY, PAID, LEFT, CANCELLED = range(len(PLACES))


class Visits(NamedTuple):
    """Orders at a pump, in the order of their beginning; times are milliseconds, moments since 1970 UTC."""

    begins: Moments
    """When the order was placed; where that is not known, its first step that is."""
    lasts: Moments
    """Until the driver might leave: it was completed, else paid, else cancelled; at most LONGEST_VISIT."""
    waits: Moments
    """From placing to the first of confirmed, money held and paid; UNKNOWN where one of them is."""
    sold: Flags
    """It was paid or completed."""
    cancelled: Flags

    def of(self, chosen: Flags) -> "Visits":
        """Some of them."""
        return Visits(
            self.begins[chosen], self.lasts[chosen], self.waits[chosen], self.sold[chosen], self.cancelled[chosen]
        )


class Spans(NamedTuple):
    """Spans of time that do not overlap, one after the other."""

    starts: Moments
    ends: Moments


@dataclass(frozen=True, slots=True)
class PumpTimes:
    """What is known of a pump in a time."""

    visits: Visits
    out: Spans
    """When it was out of order."""
    counted_at: Moments
    """When waiting vehicles were counted."""
    waiting: Moments
    """How many they were."""


def pump_times(documents: Sequence[Document], last_said: LastSaid | None, begin: int, until: int) -> PumpTimes:
    """A pump's times from `begin` until `until` (milliseconds since 1970), from its days of the view `pump-days` around
    it in any order. `last_said`: its last status before these days, if there is one."""
    steps: dict[str, list[int]] = {}
    said: list[tuple[int, int, str, int]] = []
    for document in documents:
        day = milliseconds(document["day"])
        for order_id, times in document["orders"].items():
            _join(steps.setdefault(order_id, [UNKNOWN] * len(PLACES)), times, day)
        said += [(version, day + at, status, waiting) for version, at, status, waiting in document["statuses"]]
    counted = np.array(
        [(at, waiting) for _, at, _, waiting in said if waiting != NOT_COUNTED and begin <= at < until], np.int64
    ).reshape(-1, 2)
    return PumpTimes(
        _visits(steps.values(), begin, until), _out(sorted(said), last_said, begin, until), counted[:, 0], counted[:, 1]
    )


def _join(known: list[int], times: Sequence[int | None], day: int) -> None:
    """An order's steps of another day; the earliest of each counts."""
    for place, at in enumerate(times):
        if at is not None and (known[place] == UNKNOWN or day + at < known[place]):
            known[place] = day + at


def _visits(steps: Iterable[Sequence[int]], begin: int, until: int) -> Visits:
    table = np.array(list(steps), np.int64).reshape(-1, len(PLACES))
    known = np.where(table == UNKNOWN, np.iinfo(np.int64).max, table)
    begins = np.where(table[:, PLACED] != UNKNOWN, table[:, PLACED], known.min(axis=1, initial=np.iinfo(np.int64).max))
    order = np.argsort(begins, kind="stable")
    order = order[(begins[order] > begin - LONGEST_VISIT) & (begins[order] < until)]
    table, known, begins = table[order], known[order], begins[order]
    went_on = known[:, [READY, PAID]].min(axis=1, initial=np.iinfo(np.int64).max)
    ends = np.select(
        [table[:, place] != UNKNOWN for place in (LEFT, PAID, CANCELLED)],
        [table[:, place] for place in (LEFT, PAID, CANCELLED)], table.max(axis=1, initial=UNKNOWN),
    )  # fmt: skip
    can_wait = (table[:, PLACED] != UNKNOWN) & (went_on != np.iinfo(np.int64).max)
    sold = (table[:, [PAID, LEFT]] != UNKNOWN).any(axis=1)
    return Visits(
        begins, np.clip(ends - begins, 0, LONGEST_VISIT),
        np.where(can_wait, np.maximum(np.where(can_wait, went_on, 0) - begins, 0), UNKNOWN),
        sold, ~sold & (table[:, CANCELLED] != UNKNOWN),
    )  # fmt: skip


def _out(said: Sequence[tuple[int, int, str, int]], last_said: LastSaid | None, begin: int, until: int) -> Spans:
    """What a pump says holds until it says something else; versions are the order in which it spoke."""
    states = [(at, status) for _, at, status, _ in said]
    if last_said is not None:
        states.insert(0, last_said)
    ends = [*(at for at, _ in states[1:]), until]
    spans = [
        (at, end) for (at, status), end in zip(states, ends, strict=False) if status == PumpStatus.OUT_OF_ORDER
    ]  # fmt: skip
    columns = np.array(spans, np.int64).reshape(-1, 2)
    return joined(np.maximum(columns[:, 0], begin), np.minimum(columns[:, 1], until))


def joined(starts: Moments, ends: Moments) -> Spans:
    """Spans, which may overlap, as such that do not; together they are as long as what they cover."""
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum(ends, starts)[order]
    reached = np.concatenate([[np.iinfo(np.int64).min], np.maximum.accumulate(ends)])[: len(ends)]
    first = np.maximum(starts, reached)
    return Spans(first, np.maximum(ends, first))


def painted(spans: Spans, edges: Moments) -> Moments:
    """How long spans are between one edge and the next."""
    lengths = np.concatenate([[0], np.cumsum(spans.ends - spans.starts)])
    place = np.searchsorted(spans.starts, edges, "right")
    ends = np.append(spans.ends, np.iinfo(np.int64).min)[place - 1]
    return np.diff(lengths[place] - np.where(place > 0, np.maximum(ends - edges, 0), 0))
