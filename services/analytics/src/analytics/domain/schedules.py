"""Reports that are sent again and again: when, about which days, and when a report that could not be sent is given up.

Times are of the station's clocks. Of those that passed while nobody could send, only the last is sent.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

MOST_SCHEDULES = 20
"""Of one person."""
MOST_CODES_A_DAY = 10
"""Of one person: a mail with a code goes to an address that nobody has confirmed."""
DAY = timedelta(days=1)
SETTLING = timedelta(minutes=5)
"""A report is made so long after its hour begins, so that what happened right before is in it."""
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180))
"""Between tries to send one report; after one more it is given up."""
MOST_FAILURES = 5
"""Reports given up one after another; then no more are tried until somebody looks at it."""
CODE_LIFE = timedelta(hours=24)
MOST_WRONG_CODES = 5
MOST_RUNS = 10
"""The latest are kept."""
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Letters and digits that nobody takes for another."""


class Cadence(StrEnum):
    """How often."""

    DAILY = "daily"
    WEEKLY = "weekly"
    """On Mondays, about the week before."""
    MONTHLY = "monthly"
    """On the first of a month, about the month before."""


class Status(StrEnum):
    """What is to be done about a schedule."""

    UNCONFIRMED = "unconfirmed"
    """Whoever reads the recipient's mail has not said yes yet."""
    ACTIVE = "active"
    PAUSED = "paused"
    """By its owner."""
    SUSPENDED = "suspended"
    """By us; `reason` says why."""


class Format(StrEnum):
    """What a report is sent as."""

    XLSX = "xlsx"
    PDF = "pdf"
    CSV = "csv"


class Reason(StrEnum):
    """Why a schedule is suspended, or a report was not sent."""

    NOT_YOURS = "not-your-station"
    """Its owner may not read such reports any more."""
    UNDELIVERABLE = "undeliverable"
    """Too many reports in a row could not be sent."""
    INTERRUPTED = "interrupted"
    """Whoever made it stopped in the middle, each time."""
    NOT_MADE = "not-made"
    """Something went wrong here."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When a report is sent."""

    cadence: Cadence
    hour: int
    zone: ZoneInfo

    def latest(self, now: datetime) -> datetime:
        """When it was to be sent last, at or before now."""
        day = self._day_before(now.astimezone(self.zone).date() + DAY)
        return moment if (moment := self._on(day)) <= now else self._on(self._day_before(day))

    def following(self, moment: datetime) -> datetime:
        """When it is to be sent next, after the moment."""
        latest = self.latest(moment)
        day = latest.astimezone(self.zone).date()
        while True:
            day += DAY
            if self._day_before(day + DAY) == day and (found := self._on(day)) > moment:
                return found

    def days(self, due_at: datetime) -> tuple[date, date]:
        """The days that the report of this time is about; both count."""
        day = due_at.astimezone(self.zone).date()
        last = day - DAY
        match self.cadence:
            case Cadence.DAILY:
                return last, last
            case Cadence.WEEKLY:
                return day - 7 * DAY, last
            case Cadence.MONTHLY:
                return last.replace(day=1), last

    def _day_before(self, day: date) -> date:
        """The last day before this one on which it is sent."""
        last = day - DAY
        match self.cadence:
            case Cadence.DAILY:
                return last
            case Cadence.WEEKLY:
                return last - last.weekday() * DAY
            case Cadence.MONTHLY:
                return last.replace(day=1)

    def _on(self, day: date) -> datetime:
        """The moment of its hour on that day, where clocks skip it the one after."""
        return datetime.combine(day, time(self.hour), self.zone).astimezone(UTC) + SETTLING


@dataclass(frozen=True, slots=True)
class Terms:
    """What its owner wants."""

    report: str
    station_id: UUID | None
    """Whose report; None: of all stations of an operator that the owner may read of."""
    operator: str | None
    time_zone: str
    """IANA name, the station's."""
    cadence: Cadence
    hour: int
    format: Format
    language: str

    @property
    def timing(self) -> Timing:
        """When it is sent."""
        return Timing(self.cadence, self.hour, ZoneInfo(self.time_zone))


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one report."""

    due_at: datetime
    first_day: date
    last_day: date
    ended_at: datetime
    tries: int
    reason: str | None
    """Why it was not sent; None: it was."""


@dataclass(frozen=True, slots=True)
class Code:
    """What proves that somebody reads the recipient's mail."""

    digest: bytes
    """A keyed hash: the code itself is in the mail alone."""
    expires_at: datetime
    wrong_tries: int = 0

    def is_good(self, now: datetime) -> bool:
        """Whether it may be tried."""
        return now < self.expires_at and self.wrong_tries < MOST_WRONG_CODES


@dataclass(frozen=True, slots=True)
class Schedule:
    """A report that somebody has sent again and again."""

    schedule_id: UUID
    owner: str
    terms: Terms
    recipient: str
    status: Status
    created_at: datetime
    reason: str | None = None
    next_at: datetime | None = None
    """When the next report is due; None: none is, in this status."""
    try_at: datetime | None = None
    """When somebody is to do something for it: send a report, or a code."""
    tries: int = 0
    """To send what is due now; one that began counts, whatever became of it."""
    failures: int = 0
    """Reports given up one after another."""
    version: int = 0
    """Grows with each try and each change: nothing is stored over what was not read."""
    code: Code | None = None
    runs: tuple[Run, ...] = ()
    """The latest first."""

    def asking(self, now: datetime) -> "Schedule":
        """A code is to be sent to the recipient."""
        return replace(
            self, status=Status.UNCONFIRMED, reason=None, next_at=None, try_at=now, tries=0, failures=0, code=None,
            version=self.version + 1,
        )  # fmt: skip

    def active(self, now: datetime) -> "Schedule":
        """Its reports are sent, from the next time on."""
        next_at = self.terms.timing.following(now)
        return replace(
            self, status=Status.ACTIVE, reason=None, next_at=next_at, try_at=next_at, tries=0, failures=0, code=None,
            version=self.version + 1,
        )  # fmt: skip

    def resting(self, status: Status, reason: str | None = None) -> "Schedule":
        """Nothing is sent, for now."""
        return replace(self, status=status, reason=reason, next_at=None, try_at=None, tries=0, version=self.version + 1)

    def sent_code(self) -> "Schedule":
        """The code is with the recipient; nothing is to be done until it comes back."""
        return replace(self, try_at=None, tries=0, reason=None, version=self.version + 1)

    def refusing(self) -> "Schedule":
        """Another code was sent back than the one that went out."""
        code = self.code and replace(self.code, wrong_tries=self.code.wrong_tries + 1)
        return replace(self, code=code, version=self.version + 1)

    def failed_code(self, reason: str, now: datetime, *, for_good: bool) -> "Schedule":
        """The code could not be sent: it is tried again later, or its owner has to look at the address."""
        if not for_good and self.tries <= len(PAUSES):
            return replace(self, try_at=now + PAUSES[self.tries - 1], reason=reason, version=self.version + 1)
        return self.resting(Status.UNCONFIRMED, reason)

    @property
    def was_interrupted(self) -> bool:
        """Whether each try began, and the last one never ended."""
        return self.tries > len(PAUSES) + 1

    def done(self, run: Run, now: datetime) -> "Schedule":
        """After a report was sent, or given up."""
        noted = replace(self.active(now), runs=(run, *self.runs)[:MOST_RUNS])
        if run.reason is None:
            return noted
        failures = self.failures + 1
        if failures >= MOST_FAILURES:
            return noted.resting(Status.SUSPENDED, Reason.UNDELIVERABLE)
        return replace(noted, failures=failures)

    def failed(self, due_at: datetime, reason: str, now: datetime, *, for_good: bool) -> "Schedule":
        """After a try that did not send the report: it is tried again later, or given up."""
        if not for_good and self.tries <= len(PAUSES):
            return replace(self, try_at=now + PAUSES[self.tries - 1], version=self.version + 1)
        first_day, last_day = self.terms.timing.days(due_at)
        return self.done(Run(due_at, first_day, last_day, now, self.tries, reason), now)


def new_code() -> str:
    """A code for whoever reads a mail, `ABCD-EFGH`: 40 random bits, of which MOST_WRONG_CODES may be tried."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def code_of(text: str) -> str:
    """A code as it is compared: capitals, no gaps."""
    return "".join(text.split()).replace("-", "").upper()
