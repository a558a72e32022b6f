"""`bench history`: a year of one station's price in one page, beside the bare read of the same rows."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import aiohttp
import asyncpg
import psutil

from forecourt.bench_processes import family_seconds, process_seconds, running_part
from forecourt.bench_world import BenchFeed, bench_client, known_stations
from local_stack.config import Config, StackError
from local_stack.environment import service_environment
from local_stack.services import SERVICE_BY_NAME

YEAR = 2004
"""A leap year in which no station of a real feed reports: its months are made for the benchmark and dropped again."""
DAYS = 366
STATIONS = 2_000
CHANGES_A_DAY = 22
SINCE = datetime(YEAR, 1, 1, tzinfo=UTC) - timedelta(hours=1)
"""Midnight in Berlin, where the benchmarks' stations are."""
UNTIL = SINCE + timedelta(days=DAYS)
WARM_UP = 10
PAGES = 60
WANTED_MS = 20.0
PREFIX = "bench-history-"

FILL = f"""
    INSERT INTO price_history (station_id, fuel, effective_at, report_id, price_mills, currency, version, submitted_at,
                               received_at)
    SELECT station_id, 'e5', at, '{PREFIX}' || at || station_id, price_mills, 'EUR', 1, at, at FROM (
        SELECT $1::uuid AS station_id, 1600 + n * 37 % 200 AS price_mills,
               $2::timestamptz + n * interval '1 day' / {CHANGES_A_DAY} AS at
        FROM generate_series(1, {DAYS} * {CHANGES_A_DAY} - 1) AS n
        UNION ALL
        SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(station), 12, '0'))::uuid, 1600 + (station + day) % 200,
               $2::timestamptz + (day + station / {STATIONS + 1}.0) * interval '1 day'
        FROM generate_series(1, {STATIONS}) AS station, generate_series(0, {DAYS - 1}) AS day
    ) AS changes ORDER BY at"""  # noqa: S608 - constants
READ = """SELECT effective_at, price_mills FROM price_history
          WHERE station_id = $1 AND fuel = 'e5' AND effective_at >= $2 AND effective_at < $3 ORDER BY effective_at"""


class Year(NamedTuple):
    """A year of changes in the platform's own table, and whose they are."""

    postgres: asyncpg.Connection
    station_id: Any


async def measure_history(config: Config) -> list[dict[str, Any]]:
    """CPU of the service and of Postgres for a page, by day and by hour; the floor is Postgres and the bare driver."""
    service, postgres = running_part(config, "pricing"), running_part(config, "postgres")
    async with _year(config) as year, aiohttp.ClientSession(SERVICE_BY_NAME["pricing"].url(config)) as session:
        rows = await year.postgres.fetch(READ, year.station_id, SINCE, UNTIL)
        own = psutil.Process()
        floor = await _cpu_ms(
            lambda: year.postgres.fetch(READ, year.station_id, SINCE, UNTIL),
            lambda: process_seconds(own) + family_seconds(postgres),
        )
        figures = []
        for bucket, count, bound_ms in (("day", DAYS, WANTED_MS), ("hour", DAYS * 24, None)):
            page = await _page(session, year, bucket)
            is_right = len(page) == count and sum(one["changes"] for one in page) == len(rows)
            cost = await _cpu_ms(
                lambda bucket=bucket: _read(session, year, bucket),
                lambda: family_seconds(service) + family_seconds(postgres),
            )
            figures.append({
                "figure": f"{len(rows):,} changes of a year among {STATIONS * DAYS:,} others, by {bucket}, CPU a page",
                "value": cost, "unit": "ms", "floor": floor, "ratio": cost / floor,
                "wanted": f"<= {bound_ms:.0f} ms" if bound_ms else "",
                "kept": is_right and (bound_ms is None or cost <= bound_ms),
            })  # fmt: skip
        return figures


async def _read(session: aiohttp.ClientSession, year: Year, bucket: str) -> bytes:
    query = {"fuel": "e5", "from": SINCE.isoformat(), "to": UNTIL.isoformat(), "bucket": bucket}
    async with session.get(f"/v1/stations/{year.station_id}/prices/history", params=query) as reply:
        reply.raise_for_status()
        return await reply.read()


async def _page(session: aiohttp.ClientSession, year: Year, bucket: str) -> list[dict[str, Any]]:
    return json.loads(await _read(session, year, bucket))["buckets"]


async def _cpu_ms(work: Callable[[], Awaitable[object]], cpu_seconds: Callable[[], float]) -> float:
    for _ in range(WARM_UP):
        await work()
    before = cpu_seconds()
    for _ in range(PAGES):
        await work()
    return (cpu_seconds() - before) / PAGES * 1_000


@asynccontextmanager
async def _year(config: Config) -> AsyncIterator[Year]:
    """The year, vacuumed as old months are; all that was made is gone afterwards."""
    async with bench_client(config) as client:
        known = await known_stations(client, BenchFeed(0))
    postgres = await asyncpg.connect(service_environment(config, "pricing")["PRICING_POSTGRES_DSN"])
    try:
        await _drop_months(postgres)
        for month in range(1, 13):
            await postgres.execute("SELECT make_history_month($1)", datetime(YEAR, month, 1, tzinfo=UTC))
        station_id = next(iter(known.station_ids.values()))
        await postgres.execute(FILL, station_id, SINCE + timedelta(hours=1))
        await postgres.execute("VACUUM ANALYZE price_history")
        yield Year(postgres, station_id)
    finally:
        await _drop_months(postgres)
        await postgres.close()


async def _drop_months(postgres: asyncpg.Connection) -> None:
    for month in range(1, 13):
        table = f"price_history_{YEAR}_{month:02}"
        if await postgres.fetchval("SELECT to_regclass($1)", table) is None:
            continue
        others = f"SELECT EXISTS (SELECT FROM {table} WHERE report_id NOT LIKE '{PREFIX}%')"  # noqa: S608 - constants
        if await postgres.fetchval(others):
            raise StackError(f"this platform has prices of {YEAR}; measure on one that has none")
        await postgres.execute(f"DROP TABLE {table}")
