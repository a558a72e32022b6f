"""The rules of a price: which report changes it, which confirms it, which comes too late, which is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from schemas.events import RejectionReason
from schemas.vocabulary import Fuel

MAX_AHEAD = timedelta(minutes=5)
"""How far a station's clock may run ahead; a change planned for later is not a report."""

SANE_BOUNDS_MILLS = {
    "EUR": (200, 6_000), "GBP": (200, 6_000), "USD": (200, 6_000), "AUD": (300, 8_000), "CNY": (1_500, 30_000),
}  # fmt: skip
"""What a litre may cost, by currency; a price outside is a slip of the keyboard or of the decimal point."""

WORLD_BOUNDS_MILLS = (1, 10_000_000)
HYDROGEN_FACTOR = 10
"""Hydrogen is sold by the kilogram, at several times the price of a litre."""

PriceKey = tuple[UUID, Fuel]


class Outcome(StrEnum):
    """What became of a report."""

    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"


# Looking a member up in its enum is Python code in 3.11, and costs more than the rest of a decision.
ACCEPTED, UNCHANGED, SUPERSEDED, REJECTED = Outcome
HYDROGEN = Fuel.HYDROGEN


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

    `effective_at` is when it began to hold, `confirmed_at` the latest time that a report spoke of.
    """

    price_mills: int | None
    currency: str
    version: int
    effective_at: datetime
    confirmed_at: datetime


class Verdict(NamedTuple):
    """What became of a report; `repeated` when it was decided before and is only told again."""

    outcome: Outcome
    received_at: datetime
    reason: RejectionReason | None = None
    version: int | None = None
    repeated: bool = False


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


@dataclass(slots=True)
class Decision:
    """The outcome for a batch: a verdict per report in order, and all that has to be written and said."""

    verdicts: list[Verdict] = field(default_factory=list)
    recorded: dict[tuple[str, UUID, Fuel], tuple[Report, Verdict]] = field(default_factory=dict)
    prices: dict[PriceKey, Price] = field(default_factory=dict)
    confirmed: set[PriceKey] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)
    rejections: list[tuple[Report, RejectionReason]] = field(default_factory=list)


def decide(reports: Sequence[Report], knowledge: Knowledge) -> Decision:
    """Decides on the reports one after the other, as if each had come alone."""
    decision = Decision()
    for report in reports:
        decision.verdicts.append(_decide_one(report, knowledge, decision))
    return decision


def _decide_one(report: Report, knowledge: Knowledge, decision: Decision) -> Verdict:
    earlier = _earlier(report, knowledge, decision)
    if earlier and earlier.verdict.outcome is not REJECTED:
        if earlier.says != report.says:
            return Verdict(REJECTED, report.received_at, RejectionReason.REPORT_ID_REUSED)
        return earlier.verdict._replace(repeated=True)
    reason = refusal(report, knowledge.stations.get(report.station_id))
    verdict = Verdict(REJECTED, report.received_at, reason) if reason else _apply(report, knowledge, decision)
    if reason and earlier is None:  # refused before: it was said then
        decision.rejections.append((report, reason))
    decision.recorded[report.identity] = report, verdict
    return verdict


def _earlier(report: Report, knowledge: Knowledge, decision: Decision) -> Decided | None:
    if in_this_batch := decision.recorded.get(report.identity):
        first, verdict = in_this_batch
        return Decided(first.says, verdict)
    return knowledge.decided.get(report.identity)


def _apply(report: Report, knowledge: Knowledge, decision: Decision) -> Verdict:
    """Changes, confirms or leaves the price; a report that speaks of an earlier time than another is superseded."""
    price = decision.prices.get(report.key) or knowledge.prices.get(report.key)
    if price and report.effective_at < price.confirmed_at:
        return Verdict(SUPERSEDED, report.received_at)
    if price and (report.price_mills, report.currency) == (price.price_mills, price.currency):
        decision.prices[report.key] = price._replace(confirmed_at=report.effective_at)
        decision.confirmed.add(report.key)
        return Verdict(UNCHANGED, report.received_at)
    version = price.version + 1 if price else 1
    decision.confirmed.discard(report.key)
    decision.prices[report.key] = Price(
        report.price_mills, report.currency, version, report.effective_at, report.effective_at
    )
    decision.changes.append(_change(report, price, version))
    return Verdict(ACCEPTED, report.received_at, version=version)


def _change(report: Report, before: Price | None, version: int) -> Change:
    if before is None:
        return Change(report, None, version)
    was_confirmed = before.confirmed_at > before.effective_at and before.currency == report.currency
    return Change(report, before.price_mills, version, before.confirmed_at if was_confirmed else None)


def refusal(report: Report, station: Station | None) -> RejectionReason | None:
    """Why a report is refused whatever the price is now; None if it is not."""
    if station is None:
        return RejectionReason.UNKNOWN_STATION
    if not report.sender.may_report_for(station):
        return RejectionReason.NOT_YOUR_STATION
    if station.closed:
        return RejectionReason.STATION_CLOSED
    if station.fuels is not None and report.fuel not in station.fuels:
        return RejectionReason.GRADE_NOT_SOLD
    return _refusal_of_content(report, station)


def _refusal_of_content(report: Report, station: Station) -> RejectionReason | None:
    if report.currency != station.currency:
        return RejectionReason.WRONG_CURRENCY
    if report.price_mills is not None and not is_sane(report.price_mills, report.currency, report.fuel):
        return RejectionReason.OUTSIDE_SANE_BOUNDS
    if report.effective_at > report.received_at + MAX_AHEAD:
        return RejectionReason.TOO_FAR_IN_FUTURE
    return None


def is_sane(price_mills: int, currency: str, fuel: Fuel) -> bool:
    """Whether the price lies within what anybody could have meant."""
    low, high = SANE_BOUNDS_MILLS.get(currency, WORLD_BOUNDS_MILLS)
    factor = HYDROGEN_FACTOR if fuel is HYDROGEN else 1
    return low <= price_mills <= min(high * factor, WORLD_BOUNDS_MILLS[1])
