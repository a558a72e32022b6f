"""Which rules hold where and when: a region's versions in time, and what they say of a price together."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pricing.domain.rules import Bounds, Ceiling, Quote, ReportingDeadline, RiseTimes, Rule
from schemas.events import RejectionReason
from schemas.vocabulary import Fuel

WORLD = "world"
"""The region of the rules that hold everywhere."""


class Breach(NamedTuple):
    """Why a rule refuses a price; `rule` is region/version/name."""

    reason: RejectionReason
    rule: str


class Finding(NamedTuple):
    """What a rule notes about a price that is taken all the same."""

    rule: str
    late_by_seconds: int


class Before(NamedTuple):
    """The price that a quote would change: what it is, or was when it was last sold, and since when it is so."""

    price_mills: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """The rules of a region from a time on, until a version with a later `valid_from` takes over.

    Of two versions with the same `valid_from` the higher one holds: so a version can be replaced before its time.
    """

    region: str
    version: int
    valid_from: datetime
    rules: Sequence[Rule]

    @property
    def order(self) -> tuple[datetime, int]:
        """What sorts versions by the time in which they hold."""
        return self.valid_from, self.version

    def named(self) -> list[tuple[str, Rule]]:
        """The rules with their full names."""
        return [(f"{self.region}/{self.version}/{rule.name}", rule) for rule in self.rules]


def in_force(versions: Iterable[RuleVersion], moment: datetime) -> RuleVersion | None:
    """The version that holds at the moment, of one region's versions."""
    return max((one for one in versions if one.valid_from <= moment), key=lambda one: one.order, default=None)


def upcoming(versions: Iterable[RuleVersion], moment: datetime) -> list[RuleVersion]:
    """The versions that will hold after the moment, the next one first."""
    by_start = {one.valid_from: one for one in sorted(versions, key=lambda one: one.order) if one.valid_from > moment}
    return list(by_start.values())


class GradeRules:
    """All rules on one grade and currency at a place. The nearest region's come first, and the first breach counts."""

    def __init__(self, named: Iterable[tuple[str, Rule]]) -> None:
        rules = list(named)
        self._limits = [(name, rule) for name, rule in rules if isinstance(rule, Bounds | Ceiling)]
        self._rises = [(name, rule) for name, rule in rules if isinstance(rule, RiseTimes)]
        self._deadlines = [(name, rule) for name, rule in rules if isinstance(rule, ReportingDeadline)]

    def breach(self, quote: Quote, zone: str | None) -> Breach | None:
        """The limit that the price breaks, whatever it was before; a grade that is no longer sold breaks none."""
        if (price_mills := quote.price_mills) is not None:
            for name, rule in self._limits:
                if rule.is_broken_by(quote, price_mills, zone):
                    return Breach(rule.reason, name)
        return None

    def breach_of_rise(self, quote: Quote, before: Before | None, zone: str | None) -> Breach | None:
        """The rule that forbids to raise the price at this time; None where it does not rise."""
        if self._rises and before and quote.price_mills is not None and quote.price_mills > before.price_mills:
            for name, rule in self._rises:
                if rule.forbids(quote, before.changed_at, zone):
                    return Breach(rule.reason, name)
        return None

    def findings(self, quote: Quote) -> tuple[Finding, ...]:
        """What is to be noted about a change."""
        if not self._deadlines or quote.price_mills is None:
            return ()
        took = quote.submitted_at - quote.effective_at
        return tuple(
            [Finding(name, rule.late_by_seconds(took)) for name, rule in self._deadlines if rule.is_missed(took)]
        )


class RuleSet:
    """The rules that hold at a place for a while: its region's, its country's and the world's."""

    def __init__(self, versions: Iterable[RuleVersion]) -> None:
        self._named = [named for version in versions for named in version.named()]
        self._grades: dict[tuple[Fuel, str], GradeRules] = {}

    def for_grade(self, fuel: Fuel, currency: str) -> GradeRules:
        """Those that speak of the grade in the currency; picked out once, for a decision asks for each report."""
        if (grade := self._grades.get((fuel, currency))) is None:
            covering = (named for named in self._named if named[1].covers(fuel, currency))
            grade = self._grades[fuel, currency] = GradeRules(covering)
        return grade


class RuleBook:
    """All versions of all regions, immutable. `at` answers in a dictionary's and a bisection's time."""

    def __init__(self, versions: Iterable[RuleVersion] = ()) -> None:
        self._regions: dict[str, list[RuleVersion]] = defaultdict(list)
        for version in versions:
            self._regions[version.region].append(version)
        self._timelines: dict[tuple[str | None, str | None], tuple[list[datetime], list[RuleSet]]] = {}

    def with_rules(self, proposed: RuleVersion) -> "RuleBook":
        """A book in which the proposed version is all that its region has ever had."""
        others = [one for region, versions in self._regions.items() if region != proposed.region for one in versions]
        return RuleBook([*others, proposed])

    def at(self, country: str | None, region: str | None, moment: datetime) -> RuleSet:
        """The rules for a price that holds from the moment on, at a station that lies there."""
        timeline = self._timelines.get((country, region))
        if timeline is None:
            timeline = self._timelines[country, region] = self._timeline(country, region)
        starts, sets = timeline
        return sets[bisect_right(starts, moment)]

    def _timeline(self, country: str | None, region: str | None) -> tuple[list[datetime], list[RuleSet]]:
        """The moments from which other rules hold, and the rules before the first and after each."""
        places = [self._regions.get(place, []) for place in dict.fromkeys((region, country, WORLD)) if place]
        starts = sorted({one.valid_from for versions in places for one in versions})
        holding = [[one for versions in places if (one := in_force(versions, start))] for start in starts]
        return starts, [RuleSet([]), *(RuleSet(versions) for versions in holding)]
