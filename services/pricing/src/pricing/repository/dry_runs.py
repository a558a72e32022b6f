"""Past reports for a dry run: which there are, in order, and the prices before them."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pricing.domain.dry_runs import OF_RULES, Past
from pricing.domain.reports import Outcome, Price, PriceKey, Report, Sender, Station, Verdict
from schemas.events import RejectionReason
from schemas.vocabulary import Fuel
from servicekit.postgres import Connection

CHUNK = 500
"""So many reports are decided on at a time; other requests get their turn in between."""

LIES_IN = "($1 = 'world' OR s.region = $1 OR s.country = $1)"
PAST = f"""price_reports r JOIN stations s USING (station_id)
           WHERE {LIES_IN} AND r.received_at >= $2 AND r.received_at < $3 AND r.currency = s.currency
             AND (r.reason IS NULL OR r.reason = ANY($4))"""


class Window(NamedTuple):
    """Reports of a region's stations that were taken in from `since` until before `until`."""

    region: str
    since: datetime
    until: datetime


async def limit_seconds(tx: Connection, seconds: int) -> None:
    """Lets no statement of this transaction run longer; asyncpg.QueryCanceledError then."""
    await tx.execute("SELECT set_config('statement_timeout', $1, true)", f"{seconds}s")


async def newest_within(tx: Connection, window: Window, limit: int) -> Window:
    """The window, cut where it holds more reports than the limit, so that the newest are in it."""
    first_too_many = await tx.fetchval(
        f"SELECT r.received_at FROM {PAST} ORDER BY r.received_at DESC OFFSET $5 LIMIT 1",  # noqa: S608 - constants
        *window, OF_RULES, limit,
    )  # fmt: skip
    if first_too_many is None:
        return window
    since = await tx.fetchval("SELECT $1::timestamptz + interval '1 microsecond'", first_too_many)
    return window._replace(since=since)


async def prices_before(tx: Connection, window: Window) -> dict[PriceKey, Price]:
    """What each grade cost at each station before the window, by the reports taken in until then."""
    rows = await tx.fetch(
        f"""SELECT p.station_id, p.fuel, h.price_mills, h.currency, h.version, h.effective_at
            FROM prices p JOIN stations s USING (station_id) CROSS JOIN LATERAL (
                SELECT price_mills, currency, version, effective_at FROM price_history
                WHERE station_id = p.station_id AND fuel = p.fuel AND version IS NOT NULL AND received_at < $2
                ORDER BY effective_at DESC, version DESC LIMIT 1) h
            WHERE {LIES_IN}""",  # noqa: S608 - a constant
        window.region, window.since,
    )  # fmt: skip
    return {
        (station_id, Fuel(fuel)): Price(mills, currency, version, effective_at, effective_at)
        for station_id, fuel, mills, currency, version, effective_at in rows
    }


async def past_reports(tx: Connection, window: Window) -> AsyncIterator[tuple[list[Past], dict[UUID, Station]]]:
    """The reports in the order in which they were decided on, with their stations, chunk by chunk.

    The reports of one batch share a time: in it those come first that speak of earlier times, superseded ones last.
    """
    cursor = await tx.cursor(
        f"""SELECT r.report_id, r.station_id, r.fuel, r.price_mills, r.currency, r.effective_at, r.submitted_at,
                   r.received_at, r.verdict, r.reason, r.rule, r.version, s.operator, s.country, s.region, s.time_zone
            FROM {PAST}
            ORDER BY r.received_at, r.verdict = 'superseded', r.effective_at, r.version NULLS LAST""",  # noqa: S608
        *window, OF_RULES,
    )  # fmt: skip
    while rows := await cursor.fetch(CHUNK):
        yield [_past(row) for row in rows], {row["station_id"]: _open_station(row) for row in rows}


def _past(row: Any) -> Past:
    report = Report(
        row["report_id"], row["station_id"], Fuel(row["fuel"]), row["price_mills"], row["currency"],
        row["effective_at"], row["submitted_at"], row["received_at"],
        Sender("", frozenset({row["operator"]}), frozenset()),
    )  # fmt: skip
    reason = RejectionReason(row["reason"]) if row["reason"] else None
    return Past(report, Verdict(Outcome(row["verdict"]), row["received_at"], reason, row["version"], rule=row["rule"]))


def _open_station(row: Any) -> Station:
    """The station as far as rules look at it: whether it is still open or sells the grade today does not matter."""
    return Station(
        row["station_id"], row["operator"], row["currency"], None, False, row["country"], row["region"],
        row["time_zone"],
    )  # fmt: skip
