"""The kinds of price rule: what a region's law, or good sense, asks of a price. All in integers, without I/O."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Protocol, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.events import RejectionReason
from schemas.vocabulary import Currency, Fuel, PriceMills

MAX_CEILINGS = 1_000
MAX_RULES = 50
SECOND = timedelta(seconds=1)

TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["12:00"])]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class Quote(Protocol):
    """What a rule judges: a price, said of a time. A report is one."""

    @property
    def fuel(self) -> Fuel:
        """The grade."""
        ...

    @property
    def price_mills(self) -> int | None:
        """What it costs; None: no longer sold."""
        ...

    @property
    def effective_at(self) -> datetime:
        """From when on."""
        ...

    @property
    def submitted_at(self) -> datetime:
        """When that was sent."""
        ...


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Frozen):
    """Where a rule comes from, for whoever wants to read it there."""

    title: Annotated[Sentence, Field(examples=["MTS-Kraftstoff-Verordnung"])]
    paragraph: Annotated[Sentence | None, Field(examples=["§ 4 Abs. 2"])] = None
    url: Annotated[str | None, Field(pattern=r"^https://[\x21-\x7e]+$", max_length=500)] = None


class _Rule(_Frozen):
    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60, examples=["report-within-5-minutes"],
            description="Verdicts name the rule by it: region/version/name",
        ),
    ]  # fmt: skip
    description: Annotated[Sentence, Field(description="What it asks, in words")]
    source: Source


class _RuleForGrades(_Rule):
    fuels: Annotated[list[Fuel] | None, Field(min_length=1, description="null: every grade")] = None
    except_fuels: Annotated[list[Fuel], Field(description="Grades it leaves alone")] = []

    def covers(self, fuel: Fuel, currency: str) -> bool:
        """Whether the rule speaks of this grade."""
        return (self.fuels is None or fuel in self.fuels) and fuel not in self.except_fuels


class Bounds(_RuleForGrades):
    """What a unit may cost at all; a price outside is a slip of the keyboard or of the decimal point."""

    reason: ClassVar = RejectionReason.OUTSIDE_SANE_BOUNDS

    kind: Literal["bounds"]
    currency: Annotated[Currency | None, Field(description="null: every currency")] = None
    min_mills: PriceMills
    max_mills: PriceMills

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_mills > self.max_mills:
            raise ValueError("min_mills is above max_mills: no price could be right")
        return self

    def covers(self, fuel: Fuel, currency: str) -> bool:
        """Whether the rule speaks of this grade in this currency."""
        return self.currency in (None, currency) and super().covers(fuel, currency)

    def is_broken_by(self, quote: Quote, price_mills: int, zone: str | None) -> bool:
        """Whether nobody can have meant this price."""
        return not self.min_mills <= price_mills <= self.max_mills


class CeilingForDays(_Frozen):
    """The highest price of a grade from one day to another, both included, in the station's own time."""

    fuel: Fuel
    max_mills: PriceMills
    first_day: date
    last_day: Annotated[date | None, Field(description="null: until further notice")] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last_day is not None and self.last_day < self.first_day:
            raise ValueError("last_day is before first_day: the ceiling would never hold")
        return self


class Ceiling(_Rule):
    """The highest retail price that the state allows; a day and grade without an entry has none."""

    reason: ClassVar = RejectionReason.ABOVE_CEILING

    kind: Literal["ceiling"]
    currency: Currency
    ceilings: Annotated[list[CeilingForDays], Field(max_length=MAX_CEILINGS)]

    @model_validator(mode="after")
    def _one_a_day(self) -> Self:
        ordered = sorted(self.ceilings, key=lambda one: (one.fuel, one.first_day))
        for before, after in pairwise(ordered):
            if before.fuel == after.fuel and (before.last_day or date.max) >= after.first_day:
                raise ValueError(
                    f"{after.fuel} has two ceilings on {after.first_day}; give the earlier one a last_day before it"
                )
        return self

    def covers(self, fuel: Fuel, currency: str) -> bool:
        """Whether it has a ceiling for this grade on any day."""
        return currency == self.currency and any(one.fuel == fuel for one in self.ceilings)

    def is_broken_by(self, quote: Quote, price_mills: int, zone: str | None) -> bool:
        """Whether the price is above the ceiling of its day."""
        day = local_time(quote.effective_at, zone).date()
        return any(
            price_mills > one.max_mills
            for one in self.ceilings
            if one.fuel == quote.fuel and one.first_day <= day <= (one.last_day or date.max)
        )


class RiseTimes(_RuleForGrades):
    """When a price may rise, in the station's own time; it may fall at any time.

    A law names such a time to the minute, and pumps need a moment to switch: `within_seconds` is how long the time
    lasts. It is for one switch: once the price has changed in it, only a correction for that same moment may be higher.
    """

    reason: ClassVar = RejectionReason.RISE_NOT_ALLOWED_NOW

    kind: Literal["rise_times"]
    times: Annotated[list[TimeOfDay], Field(min_length=1, max_length=24)]
    weekdays: Annotated[
        list[Annotated[int, Field(ge=1, le=7)]] | None,
        Field(min_length=1, description="ISO: Monday is 1; null: every day"),
    ] = None
    within_seconds: Annotated[int, Field(ge=1, le=3_600, strict=True)] = 60

    def forbids(self, quote: Quote, changed_at: datetime, zone: str | None) -> bool:
        """Whether a rise is refused, given when the price now in force began to hold."""
        window = self._window(local_time(quote.effective_at, zone))
        if window is None:
            return True
        return changed_at < quote.effective_at and self._window(local_time(changed_at, zone)) == window

    def _window(self, moment: datetime) -> tuple[date, str] | None:
        """The day and time of day within which the moment lies, if it is one for rises."""
        if self.weekdays is not None and moment.isoweekday() not in self.weekdays:
            return None
        second = _second_of_day(moment.hour, moment.minute) + moment.second
        for time in self.times:
            start = _second_of_day(int(time[:2]), int(time[3:]))
            if start <= second < start + self.within_seconds:
                return moment.date(), time
        return None


class ReportingDeadline(_RuleForGrades):
    """How soon a change must be reported. A late one is taken all the same, for it is true; the verdict says so."""

    kind: Literal["reporting_deadline"]
    within_seconds: Annotated[int, Field(ge=1, le=604_800, strict=True)]

    @cached_property
    def _allowed(self) -> timedelta:
        return timedelta(seconds=self.within_seconds)

    def is_missed(self, took: timedelta) -> bool:
        """Whether a report that took so long came too late."""
        return took > self._allowed

    def late_by_seconds(self, took: timedelta) -> int:
        """By how much it was missed, begun seconds counted whole."""
        return -((self._allowed - took) // SECOND)


Rule = Annotated[Bounds | Ceiling | RiseTimes | ReportingDeadline, Field(discriminator="kind")]
Rules = Annotated[Sequence[Rule], Field(max_length=MAX_RULES)]


def local_time(moment: datetime, zone: str | None) -> datetime:
    """The moment as clocks in the zone show it."""
    return moment.astimezone(_zone(zone) if zone else UTC)


@lru_cache(maxsize=1_000)
def _zone(name: str) -> ZoneInfo:
    """The zone. Where this machine's zone data does not know it yet, UTC: better than to lose the whole batch."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _second_of_day(hour: int, minute: int) -> int:
    return hour * 3_600 + minute * 60
