"""The report of ninety days of one station: what it costs the service to answer, at the running platform.

The station, its days and their orders are the benchmark's own. They are folded as the service's workers do it, straight
into what serves: no topic hears of them, and they are gone afterwards.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID

import aiohttp
from aiohttp import ClientSession
from psutil import Process

from analytics.domain.catalogue import VIEW_BY_NAME
from analytics.settings import Settings
from analytics.use_cases.context import Analytics
from analytics.use_cases.folding import Folding
from feeds.platform import PlatformClient
from forecourt.bench_processes import family_seconds, running_part
from forecourt.bench_views_world import orders
from forecourt.sign_in import SignIns
from forecourt.staff import ensure_staff
from local_stack.config import Config, StackError
from local_stack.environment import service_environment
from schemas.events import StationRegisteredV1
from servicekit.envelope import Message, event_headers, source_of, to_record
from servicekit.ids import new_id
from servicekit.mongo import MongoStore
from servicekit.testkit import settings_from

OPERATOR = "bench-views"
DAYS = 90
ORDERS_A_DAY = 200
WARM_UP, READS = 10, 50
ANYWAY_SECONDS = 4.0
WANTED_MS = 30.0
BATCH = 5_000
VIEWS = tuple(VIEW_BY_NAME[name] for name in ("stations", "station-hours", "station-drivers"))


class Spent(NamedTuple):
    """Seconds by the clock, and of processor time of the service and its store."""

    clock: float
    service: float
    store: float


async def measure_report(config: Config) -> list[dict[str, Any]]:
    """CPU of the service, and of MongoDB beside it, for a report by days as JSON, less what they spend anyway."""
    service, mongod = running_part(config, "analytics"), running_part(config, "mongo")
    days = {"from": str(_first_day()), "to": str(_first_day() + timedelta(DAYS - 1))}
    async with _station(config) as station_id, aiohttp.ClientSession(config.gateway_url) as http:
        client = PlatformClient(http, "", access_token=await _manager(config, http))
        path = f"/v1/reports/stations/{station_id}/days"
        rows = [(await client.get(path, days))["rows"] for _ in range(WARM_UP)][-1]
        if len(rows) != DAYS or not all(row["orders"] for row in rows):
            raise StackError(f"the report has {len(rows)} days, or not the benchmark's orders")
        anyway = await _spent(service, mongod, lambda: asyncio.sleep(ANYWAY_SECONDS))
        spent = await _spent(service, mongod, lambda: _read(client, path, days))
    share = spent.clock / anyway.clock
    own, store = (
        (one - share * idle) / READS * 1_000
        for one, idle in ((spent.service, anyway.service), (spent.store, anyway.store))
    )
    return [
        {
            "figure": f"CPU of the service for a report of {DAYS} days of a station", "value": own, "unit": "ms",
            "floor": None, "ratio": None, "wanted": f"<= {WANTED_MS:.0f} ms", "kept": own <= WANTED_MS,
        },
        {
            "figure": "CPU of MongoDB for it", "value": store, "unit": "ms", "floor": None, "ratio": None,
            "wanted": "", "kept": None,
        },
    ]  # fmt: skip


async def _read(client: PlatformClient, path: str, days: Mapping[str, str]) -> None:
    for _ in range(READS):
        await client.get(path, days)


async def _spent(service: Process, mongod: Process, work: Callable[[], Awaitable[None]]) -> Spent:
    """What the work costs, with what the service does anyway: it folds views."""
    began, own, store = perf_counter(), family_seconds(service), family_seconds(mongod)
    await work()
    return Spent(perf_counter() - began, family_seconds(service) - own, family_seconds(mongod) - store)


def _first_day() -> date:
    return (datetime.now(UTC) - timedelta(DAYS)).date()


async def _manager(config: Config, http: ClientSession) -> str:
    """The access token of a manager of the benchmark's operator."""
    who = await asyncio.to_thread(
        ensure_staff, config, "views@bench.example", secrets.token_urlsafe(24), ["manager"], [OPERATOR], name="Bench"
    )
    return (await SignIns(config, http).staff(who)).access_token


@asynccontextmanager
async def _station(config: Config) -> AsyncIterator[UUID]:
    """A station with its days, in the views that its report is read from."""
    settings, station_id = settings_from(Settings, service_environment(config, "analytics")), new_id()
    async with MongoStore.connect(settings) as store:
        analytics = Analytics(settings, store)
        serving = {view.name: await analytics.views.serving(view.name) for view in VIEWS}
        folding = Folding(analytics, VIEWS, serving)
        messages = [_message(event) for event in _events(station_id)]
        try:
            for start in range(0, len(messages), BATCH):
                await folding.take(messages[start : start + BATCH])
            yield station_id
        finally:
            own = {"_id": {"$gte": str(station_id), "$lt": f"{station_id}~"}}
            for view in VIEWS:
                await analytics.views.of(view, serving[view.name]).delete_many(own)


def _events(station_id: UUID) -> Iterator[Any]:
    begins_at = datetime.combine(_first_day() - timedelta(days=1), datetime.min.time(), UTC)
    yield StationRegisteredV1(
        station_id=station_id, version=1, operator=OPERATOR, external_id="bench", name="Bench", country="CN",
        time_zone="Asia/Shanghai", currency="CNY", lat=39.9, lon=116.4, occurred_at=begins_at,
    )  # fmt: skip
    ends_at = datetime.now(UTC) - timedelta(minutes=1)
    until_now: Iterator[Any] = orders(begins_at, [station_id], ORDERS_A_DAY)
    yield from takewhile(lambda event: event.occurred_at < ends_at, until_now)


def _message(event: Any) -> Message:
    """The event as a consumer gets it."""
    record, at = to_record(event, None), event.occurred_at
    headers = event_headers(record, new_id(), source_of(event.service).encode(), at.isoformat().encode())
    texts = {name: raw.decode() for name, raw in headers}
    return Message(record.topic, 0, 0, record.key.encode(), record.payload, texts, at)
