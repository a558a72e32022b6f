"""What becomes of a report: which changes a price, which confirms it, which comes too late, which is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from pricing.domain.rule_book import Before, Finding, GradeRules, RuleBook
from schemas.events import RejectionReason
from schemas.vocabulary import Fuel

MAX_AHEAD = timedelta(minutes=5)
"""How far a station's clock may run ahead; a change planned for later is not a report."""

MILLS = (1, 10_000_000)
"""What a price may be by the contracts of the suite, whatever the rules of its region."""

CONFIRMED_EVERY = timedelta(hours=1)
"""So far may the confirmations that others have heard of lag behind."""

NO_RULES = RuleBook()
PriceKey = tuple[UUID, Fuel]


class Outcome(StrEnum):
    """What became of a report."""

    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"


# Looking a member up in its enum is Python code in 3.11, and costs more than the rest of a decision.
ACCEPTED, UNCHANGED, SUPERSEDED, REJECTED = Outcome


@dataclass(frozen=True, slots=True)
class Sender:
    """Whoever reports: its name and what it is bound to."""

    name: str
    operators: frozenset[str]
    stations: frozenset[str]

    def may_report_for(self, station: "Station") -> bool:
        """Whether the station is the sender's, by itself or through its operator."""
        return station.operator in self.operators or str(station.station_id) in self.stations


@dataclass(frozen=True, slots=True)
class Station:
    """What pricing knows of a station; `fuels` is None where its operator does not declare the grades."""

    station_id: UUID
    operator: str
    currency: str
    fuels: frozenset[str] | None
    closed: bool
    country: str | None = None
    region: str | None = None
    time_zone: str | None = None


class Report(NamedTuple):
    """A price as a station system reported it, with the times it was sent and taken in."""

    report_id: str
    station_id: UUID
    fuel: Fuel
    price_mills: int | None
    currency: str
    effective_at: datetime
    submitted_at: datetime
    received_at: datetime
    sender: Sender

    @property
    def key(self) -> PriceKey:
        """The price it is about."""
        return self.station_id, self.fuel

    @property
    def identity(self) -> tuple[str, UUID, Fuel]:
        """What makes it the same report when it is sent again."""
        return self.report_id, self.station_id, self.fuel

    @property
    def says(self) -> tuple[int | None, str, datetime]:
        """Its content."""
        return self.price_mills, self.currency, self.effective_at


class Price(NamedTuple):
    """The current price of a grade at a station; `price_mills` None: no longer sold.

    `effective_at` is when it began to hold, `confirmed_at` the latest time that a report spoke of, `told_at` the latest
    of these that others heard of (None: the change itself). `last_mills` is what it was when it was last sold.
    """

    price_mills: int | None
    currency: str
    version: int
    effective_at: datetime
    confirmed_at: datetime
    told_at: datetime | None = None
    last_mills: int | None = None

    @property
    def sold_for(self) -> int | None:
        """What it is, or was when it was last sold: a pause does not make a higher price another thing than a rise."""
        return self.last_mills if self.price_mills is None else self.price_mills

    @property
    def is_to_be_told(self) -> bool:
        """Whether its confirmation is news to others."""
        return self.confirmed_at - (self.told_at or self.effective_at) >= CONFIRMED_EVERY


class Verdict(NamedTuple):
    """What became of a report; `repeated` when it was decided before and is only told again.

    `rule` names the price rule that refused it, `findings` what rules noted about one that was taken.
    """

    outcome: Outcome
    received_at: datetime
    reason: RejectionReason | None = None
    version: int | None = None
    repeated: bool = False
    rule: str | None = None
    findings: tuple[Finding, ...] = ()


class Decided(NamedTuple):
    """A report decided on earlier: what it said and what became of it."""

    says: tuple[int | None, str, datetime]
    verdict: Verdict


class Change(NamedTuple):
    """A report that changed a price: PriceChanged is made from it.

    `previous_confirmed_at` is until when the price before was said to hold; None where nobody confirmed it, or where it
    was in another currency.
    """

    report: Report
    previous_price_mills: int | None
    version: int
    previous_confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the decision rests on, all read in the transaction that locked the stations."""

    stations: Mapping[UUID, Station]
    prices: Mapping[PriceKey, Price]
    decided: Mapping[tuple[str, UUID, Fuel], Decided]
    rules: RuleBook = NO_RULES


@dataclass(slots=True)
class Decision:
    """The outcome for a batch: a verdict per report in order, and all that has to be written and said."""

    verdicts: list[Verdict] = field(default_factory=list)
    recorded: dict[tuple[str, UUID, Fuel], tuple[Report, Verdict]] = field(default_factory=dict)
    prices: dict[PriceKey, Price] = field(default_factory=dict)
    confirmed: set[PriceKey] = field(default_factory=set)
    told: list[PriceKey] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    rejections: list[tuple[Report, Verdict]] = field(default_factory=list)


def decide(reports: Sequence[Report], knowledge: Knowledge) -> Decision:
    """Decides on the reports one after the other, as if each had come alone."""
    decision = Decision()
    for report in reports:
        decision.verdicts.append(_decide_one(report, knowledge, decision))
    _tell_confirmations(decision)
    return decision


def _decide_one(report: Report, knowledge: Knowledge, decision: Decision) -> Verdict:
    earlier = _earlier(report, knowledge, decision)
    if earlier and earlier.verdict.outcome is not REJECTED:
        if earlier.says != report.says:
            return _rejected(report, RejectionReason.REPORT_ID_REUSED)
        return earlier.verdict._replace(repeated=True)
    verdict = _judge(report, knowledge, decision)
    if verdict.outcome is REJECTED and earlier is None:  # refused before: it was said then
        decision.rejections.append((report, verdict))
    decision.recorded[report.identity] = report, verdict
    return verdict


def _earlier(report: Report, knowledge: Knowledge, decision: Decision) -> Decided | None:
    if in_this_batch := decision.recorded.get(report.identity):
        first, verdict = in_this_batch
        return Decided(first.says, verdict)
    return knowledge.decided.get(report.identity)


def _judge(report: Report, knowledge: Knowledge, decision: Decision) -> Verdict:
    station = knowledge.stations.get(report.station_id)
    if station is None:
        return _rejected(report, RejectionReason.UNKNOWN_STATION)
    if reason := refusal(report, station):
        return _rejected(report, reason)
    holding = knowledge.rules.at(station.country, station.region, report.effective_at)
    rules = holding.for_grade(report.fuel, report.currency)
    if breach := rules.breach(report, station.time_zone):
        return _rejected(report, *breach)
    if report.price_mills is not None and not MILLS[0] <= report.price_mills <= MILLS[1]:
        return _rejected(report, RejectionReason.OUTSIDE_SANE_BOUNDS)
    return _apply(report, station, rules, decision, decision.prices.get(report.key) or knowledge.prices.get(report.key))


def _rejected(report: Report, reason: RejectionReason, rule: str | None = None) -> Verdict:
    return Verdict(REJECTED, report.received_at, reason, rule=rule)


def _apply(report: Report, station: Station, rules: GradeRules, decision: Decision, price: Price | None) -> Verdict:
    """Changes, confirms or leaves the price; a report that speaks of an earlier time than another is superseded."""
    if price and report.effective_at < price.confirmed_at:
        return Verdict(SUPERSEDED, report.received_at, findings=rules.findings(report))
    if price and (report.price_mills, report.currency) == (price.price_mills, price.currency):
        decision.prices[report.key] = price._replace(confirmed_at=report.effective_at)
        decision.confirmed.add(report.key)
        return Verdict(UNCHANGED, report.received_at)
    if breach := rules.breach_of_rise(report, _before(report, price), station.time_zone):
        return _rejected(report, *breach)
    version = price.version + 1 if price else 1
    decision.confirmed.discard(report.key)
    decision.prices[report.key] = Price(
        report.price_mills, report.currency, version, report.effective_at, report.effective_at,
        last_mills=price.sold_for if price and report.price_mills is None else None,
    )  # fmt: skip
    decision.changes.append(_change(report, price, version))
    return Verdict(ACCEPTED, report.received_at, version=version, findings=rules.findings(report))


def _change(report: Report, price: Price | None, version: int) -> Change:
    if price is None:
        return Change(report, None, version)
    was_confirmed = price.confirmed_at > price.effective_at and price.currency == report.currency
    return Change(report, price.price_mills, version, price.confirmed_at if was_confirmed else None)


def _before(report: Report, price: Price | None) -> Before | None:
    """What the report's price is a rise or a fall from; amounts of two currencies are not compared."""
    if price is None or price.sold_for is None or price.currency != report.currency:
        return None
    return Before(price.sold_for, price.effective_at)


def _tell_confirmations(decision: Decision) -> None:
    """Picks the confirmations that others hear of: of each price the last one, where it is news."""
    for key in decision.confirmed:
        price = decision.prices[key]
        if price.is_to_be_told:
            decision.prices[key] = price._replace(told_at=price.confirmed_at)
            decision.told.append(key)


def refusal(report: Report, station: Station) -> RejectionReason | None:
    """Why the station takes no such report, whatever its price and the rules; None if it does."""
    if not report.sender.may_report_for(station):
        return RejectionReason.NOT_YOUR_STATION
    if station.closed:
        return RejectionReason.STATION_CLOSED
    if station.fuels is not None and report.fuel not in station.fuels:
        return RejectionReason.GRADE_NOT_SOLD
    if report.currency != station.currency:
        return RejectionReason.WRONG_CURRENCY
    if report.effective_at > report.received_at + MAX_AHEAD:
        return RejectionReason.TOO_FAR_IN_FUTURE
    return None
