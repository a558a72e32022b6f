"""Reports, and all that deciding on them reads and writes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from pricing.domain.reports import Decided, Decision, Knowledge, Outcome, Price, Report, Station, Verdict
from pricing.domain.rule_book import Finding
from pricing.repository.columns import columns
from pricing.repository.history import make_months, months_as_known
from pricing.repository.rules import NEWEST_RULES, rule_book
from schemas.events import PriceChangedV1, RejectionReason
from schemas.vocabulary import Fuel
from servicekit.postgres import Connection
from servicekit.store import PendingRecord

ACCEPTED = Outcome.ACCEPTED
REMEMBERED = {ACCEPTED, Outcome.SUPERSEDED}
"""Of these reports the history is made."""


async def load_knowledge(tx: Connection, reports: Sequence[Report]) -> Knowledge:
    """What deciding on the reports needs. Locks their stations, in one order, until the transaction ends."""
    stations = await tx.fetch(
        """SELECT station_id, operator, currency, fuels, closed, country, region, time_zone FROM stations
           WHERE station_id = ANY($1) ORDER BY station_id FOR NO KEY UPDATE""",
        list({report.station_id for report in reports}),
    )
    known = await tx.fetch(
        f"""SELECT i.ordinal, CASE WHEN i.ordinal = 1 THEN ({NEWEST_RULES}) END, p.price_mills, p.currency, p.version,
                  p.effective_at, p.confirmed_at, p.told_at, p.last_mills, r.verdict, r.received_at, r.reason,
                  r.version, r.findings, r.price_mills, r.currency, r.effective_at
           FROM unnest($1::text[], $2::uuid[], $3::text[]) WITH ORDINALITY AS i (report_id, station_id, fuel, ordinal)
           LEFT JOIN prices p ON (p.station_id, p.fuel) = (i.station_id, i.fuel)
           LEFT JOIN price_reports r ON (r.report_id, r.station_id, r.fuel) = (i.report_id, i.station_id, i.fuel)
           WHERE p.version IS NOT NULL OR r.verdict IS NOT NULL OR i.ordinal = 1""",  # noqa: S608 - a constant
        [r.report_id for r in reports], [r.station_id for r in reports], [r.fuel for r in reports],
    )  # fmt: skip
    prices, decided, newest_rules = {}, {}, None
    for ordinal, rules_id, mills, currency, version, effective_at, confirmed_at, told_at, last, verdict, *said in known:
        report = reports[ordinal - 1]
        newest_rules = rules_id or newest_rules
        if version is not None:
            prices[report.key] = Price(mills, currency, version, effective_at, confirmed_at, told_at, last)
        if verdict is not None:
            decided[report.identity] = _decided(verdict, *said)
    by_id = {row["station_id"]: _station(row) for row in stations}
    return Knowledge(by_id, prices, decided, await rule_book(tx, newest_rules))


async def save_decision(tx: Connection, decision: Decision) -> None:
    """Writes the reports with their verdicts and, from the accepted ones, the prices they changed or confirmed."""
    told = (report.effective_at for report, verdict in decision.recorded.values() if verdict.outcome in REMEMBERED)
    await make_months(tx, told)
    with months_as_known():
        await _save_recorded(tx, decision)
    confirmed = ((key, decision.prices[key]) for key in decision.confirmed)
    await _confirm(tx, [(*key, price.confirmed_at, price.told_at) for key, price in confirmed])


async def _save_recorded(tx: Connection, decision: Decision) -> None:
    """All in one statement: the reports, the history of those that tell of a price, and the prices."""
    await tx.execute(
        """WITH decided AS (
               SELECT * FROM json_to_recordset($1::json) AS d (
                   report_id text, station_id uuid, fuel text, price_mills int, currency text,
                   effective_at timestamptz, submitted_at timestamptz, received_at timestamptz, reported_by text,
                   verdict text, reason text, rule text, findings json, version bigint, last_mills int,
                   previous_price_mills int, previous_confirmed_at timestamptz)
           ), recorded AS (
               INSERT INTO price_reports (report_id, station_id, fuel, price_mills, currency, effective_at,
                                          submitted_at, received_at, reported_by, verdict, reason, rule, findings,
                                          version)
               SELECT report_id, station_id, fuel, price_mills, currency, effective_at, submitted_at, received_at,
                      reported_by, verdict, reason, rule, findings, version FROM decided
               ON CONFLICT (report_id, station_id, fuel) DO UPDATE SET
                   (price_mills, currency, effective_at, submitted_at, received_at, reported_by, verdict, reason,
                    rule, findings, version)
                   = (excluded.price_mills, excluded.currency, excluded.effective_at, excluded.submitted_at,
                      excluded.received_at, excluded.reported_by, excluded.verdict, excluded.reason, excluded.rule,
                      excluded.findings, excluded.version)
               WHERE price_reports.verdict = 'rejected'
           ), remembered AS (
               INSERT INTO price_history (station_id, fuel, effective_at, report_id, price_mills, currency, version,
                                          previous_price_mills, previous_confirmed_at, submitted_at, received_at)
               SELECT station_id, fuel, effective_at, report_id, price_mills, currency, version,
                      previous_price_mills, previous_confirmed_at, submitted_at, received_at
               FROM decided WHERE verdict IN ('accepted', 'superseded')
           )
           INSERT INTO prices (station_id, fuel, price_mills, currency, version, report_id, effective_at,
                               confirmed_at, submitted_at, received_at, last_mills)
           SELECT DISTINCT ON (station_id, fuel) station_id, fuel, price_mills, currency, version, report_id,
                  effective_at, effective_at, submitted_at, received_at, last_mills
           FROM decided WHERE verdict = 'accepted' ORDER BY station_id, fuel, version DESC
           ON CONFLICT (station_id, fuel) DO UPDATE SET
               (price_mills, currency, version, report_id, effective_at, confirmed_at, submitted_at, received_at,
                last_mills, told_at, published_at)
               = (excluded.price_mills, excluded.currency, excluded.version, excluded.report_id,
                  excluded.effective_at, excluded.confirmed_at, excluded.submitted_at, excluded.received_at,
                  excluded.last_mills, NULL, NULL)""",
        _decided_json(decision),
    )  # fmt: skip


def _decided_json(decision: Decision) -> str:
    """The decided reports as one JSON text: for so many columns it costs half of what arrays do."""
    rows = {
        identity: {
            "report_id": r.report_id, "station_id": r.station_id, "fuel": r.fuel, "price_mills": r.price_mills,
            "currency": r.currency, "effective_at": r.effective_at, "submitted_at": r.submitted_at,
            "received_at": r.received_at, "reported_by": r.sender.name, "verdict": v.outcome, "reason": v.reason,
            "version": v.version,
        }
        for identity, (r, v) in decision.recorded.items()
    }  # fmt: skip
    for identity, (report, verdict) in decision.recorded.items():
        if verdict.rule or verdict.findings:
            rows[identity] |= {"rule": verdict.rule, "findings": [one._asdict() for one in verdict.findings] or None}
        if verdict.outcome is ACCEPTED and report.price_mills is None:
            rows[identity]["last_mills"] = decision.prices[report.key].last_mills
    for change in decision.changes:
        if change.previous_confirmed_at:
            rows[change.report.identity] |= {
                "previous_price_mills": change.previous_price_mills,
                "previous_confirmed_at": change.previous_confirmed_at,
            }
    return msgspec.json.encode(list(rows.values())).decode()


async def _confirm(tx: Connection, confirmed: list[tuple[UUID, Fuel, datetime, datetime | None]]) -> None:
    """Notes until when each price has been said to hold, and how much of that others have heard."""
    if confirmed:
        await tx.execute(
            """UPDATE prices SET confirmed_at = c.confirmed_at, told_at = c.told_at
               FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[])
                    AS c (station_id, fuel, confirmed_at, told_at)
               WHERE (prices.station_id, prices.fuel) = (c.station_id, c.fuel)""",
            *columns(confirmed),
        )


class _Published(msgspec.Struct):
    station_id: UUID
    fuel: str
    version: int


_decode_published = msgspec.json.Decoder(_Published).decode


async def note_published(tx: Connection, rows: Sequence[PendingRecord], published_at: datetime) -> None:
    """Completes the four times of the prices whose events just left; runs in the relay's transaction."""
    published = [_decode_published(r.record.payload) for r in rows if r.record.type == PriceChangedV1.type()]
    if published:
        await tx.execute(
            """UPDATE prices SET published_at = $4
               FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS e (station_id, fuel, version)
               WHERE (prices.station_id, prices.fuel, prices.version) = (e.station_id, e.fuel, e.version)""",
            *columns((p.station_id, p.fuel, p.version) for p in published), published_at,
        )  # fmt: skip


async def verdicts(tx: Connection, sender: str, report_ids: Sequence[str]) -> list[Any]:
    """The sender's reports of these ids with what became of them."""
    return await tx.fetch(
        """SELECT report_id, station_id, fuel, verdict, reason, rule, findings, version, received_at FROM price_reports
           WHERE report_id = ANY($1) AND reported_by = $2 ORDER BY report_id, station_id, fuel""",
        report_ids, sender,
    )  # fmt: skip


def _station(row: Any) -> Station:
    fuels = None if row["fuels"] is None else frozenset(row["fuels"])
    return Station(
        row["station_id"], row["operator"], row["currency"], fuels, row["closed"], row["country"], row["region"],
        row["time_zone"],
    )  # fmt: skip


def _decided(
    verdict: str, received_at: datetime, reason: str | None, version: int | None, findings: str | None,
    mills: int | None, currency: str, effective_at: datetime,
) -> Decided:  # fmt: skip
    rejection = RejectionReason(reason) if reason else None
    told = Verdict(Outcome(verdict), received_at, rejection, version, findings=findings_of(findings))
    return Decided((mills, currency, effective_at), told)


def findings_of(stored: str | None) -> tuple[Finding, ...]:
    """The findings as they were stored."""
    return tuple(Finding(**one) for one in msgspec.json.decode(stored)) if stored else ()
