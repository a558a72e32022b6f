"""Reconciliation: what differs, the tickets of it, and which day a provider's bill is about. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
"""The calendar of both providers' bills."""
BILLED_AT = time(10, 30)
"""WeChat Pay makes the bill of a day from 10 o'clock of the next on, Alipay from 9 o'clock on."""
MAX_AGE = timedelta(days=90)
"""Providers give bills of the last three months."""
PAYMENT_EDGE = timedelta(minutes=10)
"""So near to midnight a payment may be on the bill of either day."""
REFUND_EDGE = timedelta(hours=24)
"""A refund is on the bill of the day when the provider took it up, which may be the day before it arrived."""


class Side(StrEnum):
    """What is compared with what we wrote."""

    INSIDE = "inside"
    """What we wrote elsewhere."""
    OUTSIDE = "outside"
    """What the provider's bill says."""


class TicketStatus(StrEnum):
    """How far a difference is."""

    OPEN = "open"
    SETTLED = "settled"
    """People decided about it; it is opened again where its numbers change."""
    CLOSED = "closed"
    """A run found that it is gone."""


class TicketStep(StrEnum):
    """What happened to a ticket."""

    FOUND = "found"
    CHANGED = "changed"
    GONE = "gone"
    BACK = "back"
    CORRECTED = "corrected"
    """People posted a transfer because of it."""
    ACCEPTED = "accepted"
    """People decided that nothing need be done."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference, as a run sees it; `evidence` has the numbers of both sides and nothing personal."""

    check: str
    subject: str
    happened_at: datetime
    evidence: Mapping[str, Any]
    station_id: UUID | None = None
    operator: str | None = None
    provider: str | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A difference, as it is stored."""

    ticket_id: UUID
    check_name: str
    subject: str
    station_id: UUID | None
    operator: str | None
    provider: str | None
    day: date | None
    happened_at: datetime
    evidence: Mapping[str, Any]
    status: TicketStatus
    found_at: datetime
    seen_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Run:
    """One reconciliation."""

    run_id: UUID
    side: Side
    provider: str | None
    day: date | None
    requested_by: str
    requested_at: datetime
    status: str
    tries: int = 0
    finished_at: datetime | None = None
    totals: Mapping[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: open differences by check, and what it changed about tickets."""

    open: Mapping[str, int] = field(default_factory=dict)
    found: int = 0
    gone: int = 0

    @property
    def agrees(self) -> bool:
        """Whether there is nothing to settle."""
        return not any(self.open.values())


def bounds(day: date) -> tuple[datetime, datetime]:
    """When a day of the providers' calendar begins and ends, in UTC."""
    start = datetime.combine(day, time(), ZONE)
    return start.astimezone(UTC), datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC)


def billed_at(day: date) -> datetime:
    """When the bill of a day can be had."""
    return datetime.combine(day + timedelta(days=1), BILLED_AT, ZONE).astimezone(UTC)


def is_too_old(day: date, now: datetime) -> bool:
    """Whether the provider has thrown the bill away."""
    return now - billed_at(day) > MAX_AGE


def last_billed_day(now: datetime) -> date:
    """The newest day whose bill can be had."""
    today = now.astimezone(ZONE)
    return today.date() - timedelta(days=1 if today.time() >= BILLED_AT else 2)


def judged(day: date, edge: timedelta, *, day_before_is_known: bool) -> tuple[datetime, datetime]:
    """From when to when our own entries must be on the bill of this day or of the one before it.

    It ends an edge before midnight: what is later may be on the next day's bill, and is judged with that. So the last
    edge of the day before is judged now, where its bill is known.
    """
    start, end = bounds(day)
    return (start - edge if day_before_is_known else min(start + edge, end - edge)), end - edge
