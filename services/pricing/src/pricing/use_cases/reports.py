"""Takes price reports."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pricing.domain.reports import Change, Decision, Price, PriceKey, Report, Sender, Verdict, decide
from pricing.repository import reports as repository
from schemas.base import Event
from schemas.events import (
    PriceChangedV1,
    PriceConfirmedV1,
    PriceReport,
    PriceReportRejectedV1,
)
from servicekit.access import Permission
from servicekit.auth import InvalidToken, Principal
from servicekit.consumer import Received
from servicekit.envelope import to_records
from servicekit.postgres import Connection, append_to_outbox


async def submit_reports(tx: Connection, reports: Sequence[Report]) -> list[Verdict]:
    """Decides on reports and writes prices, verdicts and events in the transaction; a verdict per report, in order."""
    decision = decide(reports, await repository.load_knowledge(tx, reports))
    if decision.recorded:
        await repository.save_decision(tx, decision)
        await append_to_outbox(tx, to_records(_events(decision)))
    return decision.verdicts


async def take_raw_reports(tx: Connection, received: Sequence[Received]) -> None:
    """Reports that came by topic `pricing.reports`, under the rules of HTTP. Raises InvalidToken without the scope."""
    now = datetime.now(UTC)
    reports: list[Report] = []
    for event, _, sender in received:
        if sender is None or Permission.PRICES_WRITE not in sender.scopes:
            raise InvalidToken(f"it lacks the scope {Permission.PRICES_WRITE}")
        reports += to_reports(event.reports, sender, event.submitted_at, now)
    await submit_reports(tx, reports)


def to_reports(
    items: Sequence[PriceReport], principal: Principal, submitted_at: datetime, received_at: datetime
) -> list[Report]:
    """The items of one submission; a sender's clock that runs ahead does not make it submit in the future."""
    sender = Sender(principal.subject, *principal.bindings(Permission.PRICES_WRITE))
    submitted_at = min(submitted_at, received_at)
    return [
        Report(
            item.report_id, item.station_id, item.fuel, item.price_mills, item.currency,
            item.effective_at.astimezone(UTC), submitted_at, received_at, sender,
        )
        for item in items
    ]  # fmt: skip


def _events(decision: Decision) -> list[Event]:
    return [
        *(_price_changed(change) for change in decision.changes),
        *(_price_confirmed(key, decision.prices[key]) for key in decision.told),
        *(_rejected(report, verdict) for report, verdict in decision.rejections),
    ]


def _price_changed(change: Change) -> PriceChangedV1:
    report = change.report
    return PriceChangedV1(
        station_id=report.station_id, fuel=report.fuel, version=change.version, price_mills=report.price_mills,
        previous_price_mills=change.previous_price_mills, currency=report.currency, report_id=report.report_id,
        effective_at=report.effective_at, submitted_at=report.submitted_at, received_at=report.received_at,
    )  # fmt: skip


def _price_confirmed(key: PriceKey, price: Price) -> PriceConfirmedV1:
    station_id, fuel = key
    return PriceConfirmedV1(station_id=station_id, fuel=fuel, version=price.version, confirmed_at=price.confirmed_at)


def _rejected(report: Report, verdict: Verdict) -> PriceReportRejectedV1:
    return PriceReportRejectedV1(
        station_id=report.station_id, fuel=report.fuel, report_id=report.report_id, price_mills=report.price_mills,
        currency=report.currency, reason=str(verdict.reason), rule=verdict.rule, effective_at=report.effective_at,
        submitted_at=report.submitted_at, received_at=report.received_at,
    )  # fmt: skip
