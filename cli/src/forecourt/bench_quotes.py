"""`bench loyalty`, its part about quotes: one operator with 200 live campaigns, drivers with coupons and points.

At a fixed rate that waits for nothing: through the gateway, and at the service itself, beside a read there that is one
row of the database. What is measured is the answer to a driver who asks what a fill would cost.
"""

import asyncio
import json
from collections.abc import Awaitable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle
from statistics import quantiles
from time import perf_counter
from typing import Any
from uuid import UUID

import aiohttp

from forecourt.bench_load import connected_load
from forecourt.bench_processes import family_seconds, running_part
from forecourt.bench_quote_world import CAMPAIGNS, FUELS, quote_world
from forecourt.sign_in import Session, SignIns
from local_stack.config import Config, StackError
from local_stack.environment import service_environment
from local_stack.services import SERVICE_BY_NAME
from loyalty.settings import Settings
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.points import award
from loyalty.use_cases.quotes import Wish, quote_fill
from servicekit.postgres import PostgresStore
from servicekit.testkit import settings_from

RATE, SECONDS, WARM_UP_SECONDS = 300, 10.0, 2.0
CONNECTIONS = 32
DRIVERS = 16
POINTS = 1_000
IDLE_SECONDS = 3.0
KNOWN_SECONDS = 10.0
WANTED_P99_MS = 20.0
PARTS = ("gateway", "loyalty", "postgres")
QUOTE = (
    "POST /v1/quotes HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: forecourt-bench\r\nauthorization: Bearer {token}\r\n"
    "content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
)
ROW = (
    "GET /v1/me/birth-month HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: forecourt-bench\r\n"
    "authorization: Bearer {token}\r\n\r\n"
)
"""The floor: a read of one row, at the same service, with the same token."""

Figures = list[dict[str, Any]]


async def measure_quotes(config: Config) -> Figures:
    """The time of a quote at the gateway and at the service, its processor time by part, and its statements."""
    async with aiohttp.ClientSession(config.gateway_url) as http:
        people = SignIns(config, http)
        sessions = [await people.driver_with_wechat(f"bench-quotes-{number}") for number in range(DRIVERS)]
        drivers = [await _driver_id(http, session) for session in sessions]
        async with quote_world(config, drivers) as stations:
            statements = await _statements(config, drivers, stations[0])
            bodies = [_body(stations[number % len(stations)], number) for number in range(len(FUELS) * len(stations))]
            await _known(http, sessions[0], bodies[0])
            tokens = [session.access_token for session in sessions]
            quotes = [_quote(token, body) for body in bodies for token in tokens]
            rows = [ROW.format(token=token).encode() for token in tokens]
            return await _measure(config, quotes, rows, statements)


async def _driver_id(http: aiohttp.ClientSession, session: Session) -> str:
    headers = {"Authorization": f"Bearer {session.access_token}"}
    async with http.get("/v1/me", headers=headers) as reply:
        return (await reply.json())["user_id"]


def _body(station_id: UUID, number: int) -> str:
    """A fill of 20 to 49 litres, with all points, whichever coupon is best."""
    wish = {"station_id": str(station_id), "fuel": FUELS[number % len(FUELS)], "points": "most"}
    return json.dumps(wish | {"volume_ml": 20_000 + number % 30 * 1_000})


def _quote(token: str, body: str) -> bytes:
    return QUOTE.format(token=token, length=len(body), body=body).encode()


async def _known(http: aiohttp.ClientSession, session: Session, body: str) -> None:
    """Returns once a quote has a coupon and a campaign in it. StackError where none ever has."""
    headers = {"Authorization": f"Bearer {session.access_token}", "Content-Type": "application/json"}
    deadline, kinds = perf_counter() + KNOWN_SECONDS, set[str]()
    while not {"campaign", "coupon", "points"} <= kinds:
        if perf_counter() > deadline:
            raise StackError(f"a quote has nothing but {sorted(kinds)} in it: does loyalty run? `./forecourt status`")
        await asyncio.sleep(0.1)
        async with http.post("/v1/quotes", data=body, headers=headers) as reply:
            document = await reply.json()
            kinds = {part["kind"] for part in document.get("breakdown", ())}


async def _statements(config: Config, drivers: Sequence[str], station_id: UUID) -> int:
    """How often the use case asks the database for one quote, counted at the driver of a process of our own.

    That process also gives each driver points, once for all runs: the ledger takes nothing back.
    """
    settings, asked = settings_from(Settings, service_environment(config, "loyalty"), postgres_pool_size=1), list[str]()
    async with PostgresStore.connect(settings) as store:
        loyalty = Loyalty(settings, store)
        for driver_id in drivers:
            await store.transact(lambda tx, driver_id=driver_id: award(
                loyalty, tx, driver_id, POINTS, reason="reward", key=f"bench-quotes|{driver_id}", at=datetime.now(UTC)
            ))  # fmt: skip
        await loyalty.campaigns.read()
        await loyalty.earning.read()
        holder = await store.pool.acquire()
        holder.add_query_logger(lambda query: asked.append(query.query))
        await store.pool.release(holder)
        for _ in range(2):  # the second time its statement is prepared
            asked.clear()
            await quote_fill(loyalty, drivers[0], Wish(station_id, FUELS[0], volume_ml=30_000))
    return len(asked)


async def _measure(config: Config, quotes: Sequence[bytes], rows: Sequence[bytes], statements: int) -> Figures:
    service = SERVICE_BY_NAME["loyalty"].port(config)
    idle, _ = await _spent(config, asyncio.sleep(IDLE_SECONDS))
    forwarded, spent = await _at_rate(config, "the gateway", config.port, cycle(quotes), idle)
    direct, _ = await _at_rate(config, "loyalty", service, cycle(quotes), idle)
    floor, row = await _at_rate(config, "loyalty", service, cycle(rows), idle)
    return [
        *_times("through the gateway", forwarded, floor), *_times("at the service", direct, floor),
        _processor("CPU of a quote at the service, floor: the read of a row", spent["loyalty"], row["loyalty"]),
        *(_processor(f"CPU of a quote at {name}", spent[name], None) for name in PARTS if name != "loyalty"),
        {"figure": "statements of a quote", "value": statements, "unit": "", "floor": None, "ratio": None,
         "wanted": "<= 1", "kept": statements <= 1},
    ]  # fmt: skip


async def _at_rate(
    config: Config, name: str, port: int, requests: Iterator[bytes], idle: dict[str, float]
) -> tuple[list[float], dict[str, float]]:
    """The seconds of each answer, and CPU seconds of each part for one, less what it spends anyway."""
    seconds: list[float] = []
    async with connected_load(name, port, lambda: next(requests), CONNECTIONS) as load:
        await load.at_rate(RATE, WARM_UP_SECONDS)

        async def run() -> None:
            seconds.extend(await load.at_rate(RATE, SECONDS))

        spent, took = await _spent(config, run())
    calls = len(seconds)
    return seconds, {part: (spent[part] - idle[part] / IDLE_SECONDS * took) / calls for part in PARTS}


async def _spent(config: Config, work: Awaitable[object]) -> tuple[dict[str, float], float]:
    """(CPU seconds of each part, seconds) while the work is done."""
    parts = {name: running_part(config, name) for name in PARTS}
    before, began = {name: family_seconds(part) for name, part in parts.items()}, perf_counter()
    await work
    return {name: family_seconds(part) - before[name] for name, part in parts.items()}, perf_counter() - began


def _times(where: str, seconds: Sequence[float], floor: Sequence[float]) -> Figures:
    cuts, bare = quantiles(seconds, n=100), quantiles(floor, n=100)
    return [
        {"figure": f"quote {where} at {RATE}/s, {CAMPAIGNS} live campaigns, p{percent}, floor: the read of a row",
         "value": cuts[percent - 1] * 1_000, "unit": "ms", "floor": bare[percent - 1] * 1_000,
         "ratio": cuts[percent - 1] / bare[percent - 1], "wanted": f"<= {WANTED_P99_MS:g} ms" if percent == 99 else "",
         "kept": cuts[percent - 1] * 1_000 <= WANTED_P99_MS if percent == 99 else None}
        for percent in (50, 99)
    ]  # fmt: skip


def _processor(figure: str, value: float, floor: float | None) -> dict[str, Any]:
    return {
        "figure": figure, "value": value * 1_000, "unit": "ms", "floor": floor and floor * 1_000,
        "ratio": value / floor if floor else None, "wanted": "", "kept": None,
    }  # fmt: skip
