"""What proposed rules would have said of past reports."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from pricing.domain.reports import Knowledge, Price, PriceKey, Report, Station, Verdict, decide
from pricing.domain.rule_book import RuleBook
from schemas.events import RejectionReason

MAX_EXAMPLES = 20
OF_RULES = (
    RejectionReason.OUTSIDE_SANE_BOUNDS, RejectionReason.ABOVE_CEILING, RejectionReason.RISE_NOT_ALLOWED_NOW,
)  # fmt: skip
"""Why rules refuse a report; one that was refused for another reason says nothing about rules."""


class Past(NamedTuple):
    """A report and what was decided on it."""

    report: Report
    verdict: Verdict


class Difference(NamedTuple):
    """A report on which the proposed rules decide otherwise."""

    report: Report
    decided: Verdict
    would_be: Verdict


@dataclass(slots=True)
class DryRun:
    """Decides anew on past reports, in the order in which they were taken in, and counts what comes of it.

    It is `decide` itself that is asked, with the prices as they would have become, so that one refused rise counts for
    those after it. `prices` are those before the first report.
    """

    rules: RuleBook
    prices: dict[PriceKey, Price]
    decided: Counter[str] = field(default_factory=Counter)
    would_be: Counter[str] = field(default_factory=Counter)
    refused_by: Counter[str] = field(default_factory=Counter)
    noted_by: Counter[str] = field(default_factory=Counter)
    changed: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[Difference] = field(default_factory=list)

    def add(self, past: Sequence[Past], stations: Mapping[UUID, Station]) -> None:
        """Takes the next reports; `stations` are theirs."""
        decision = decide([one.report for one in past], Knowledge(stations, self.prices, {}, self.rules))
        self.prices |= decision.prices
        for (report, decided), would_be in zip(past, decision.verdicts, strict=True):
            self._count(decided, would_be)
            if decided.outcome != would_be.outcome:
                self.changed[decided.outcome, would_be.outcome] += 1
                if len(self.examples) < MAX_EXAMPLES:
                    self.examples.append(Difference(report, decided, would_be))

    def _count(self, decided: Verdict, would_be: Verdict) -> None:
        self.decided[decided.outcome] += 1
        self.would_be[would_be.outcome] += 1
        if would_be.rule:
            self.refused_by[would_be.rule] += 1
        self.noted_by.update(finding.rule for finding in would_be.findings)
