"""`bench identity`: what a token check and a refresh cost, beside a bare signature and a bare row of the database."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from secrets import token_urlsafe
from typing import Any

import aiohttp
import asyncpg
import psutil
from joserfc import jwt
from joserfc.jwk import KeySet

from forecourt.bench_processes import family_seconds, running_part
from forecourt.sign_in import Session, SignIns
from forecourt.staff import ensure_staff
from local_stack.config import Config
from local_stack.environment import service_environment
from local_stack.services import SERVICE_BY_NAME
from servicekit.auth import ALGORITHMS, Verifier
from servicekit.settings import ServiceSettings

CHECKS, FIRST_CHECKS = 50_000, 2_000
SESSIONS, REFRESHES, WARM_UP = 16, 100, 10
IDLE_SECONDS = 3.0
UPDATES = 200
PASSWORDS = 3
WANTED_CHECK_US = 30.0
WANTED_REFRESHES = 500.0
TABLE = "bench_identity_rows"
UPDATE = f"UPDATE {TABLE} SET n = n + 1 WHERE id = $1"  # noqa: S608 - a constant

Figures = list[dict[str, Any]]


async def measure_identity(config: Config) -> Figures:
    """Token checks in this process, refreshes over HTTP against the running service, sign-ins by password."""
    async with aiohttp.ClientSession(config.gateway_url) as http:
        people = SignIns(config, http)
        sessions = [await people.driver_with_wechat(f"bench-identity-{number}") for number in range(SESSIONS)]
        return [
            *await _checks(config, sessions[0].access_token),
            *await _refreshes(config, sessions),
            *await _passwords(config, people),
        ]


async def _checks(config: Config, token: str) -> Figures:
    """CPU of one check by a service's verifier: of a token that it knows, and of one that it meets now."""
    verifier, keys = await _verifier(config)
    await verifier.verify(token)

    async def first() -> None:
        verifier._remembered.clear()
        await verifier.verify(token)

    async def bare() -> None:
        jwt.decode(token, keys, algorithms=ALGORITHMS)

    floor = await _cpu_us(bare, FIRST_CHECKS)
    known = await _cpu_us(lambda: verifier.verify(token), CHECKS)
    new = await _cpu_us(first, FIRST_CHECKS)
    common = {"unit": "us", "floor": floor}
    return [
        {"figure": "check of a token that a service knows, CPU, floor: bare joserfc verify", "value": known,
         "ratio": known / floor, "wanted": f"<= {WANTED_CHECK_US:g} us", "kept": known <= WANTED_CHECK_US} | common,
        {"figure": "check of a token for the first time, CPU, floor: the same", "value": new, "ratio": new / floor,
         "wanted": "", "kept": None} | common,
    ]  # fmt: skip


async def _verifier(config: Config) -> tuple[Verifier, KeySet]:
    prefix = "GATEWAY_"
    environment = service_environment(config, "gateway")
    values: dict[str, Any] = {k.removeprefix(prefix).lower(): v for k, v in environment.items() if k.startswith(prefix)}
    settings = ServiceSettings(service="bench", **values)
    async with aiohttp.ClientSession() as http, http.get(settings.jwks_url) as reply:
        return Verifier(settings), KeySet.import_key_set(await reply.json())


async def _cpu_us(work: Callable[[], Awaitable[object]], times: int) -> float:
    for _ in range(times // 10):
        await work()
    before = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - before) / times * 1e6


async def _refreshes(config: Config, sessions: Sequence[Session]) -> Figures:
    """Each session refreshes as soon as it has its answer; then as many connections update a row each."""
    service, url = running_part(config, "identity"), SERVICE_BY_NAME["identity"].url(config)
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as http:
        direct = SignIns(config, http)
        sessions = await _refresh_all(direct, sessions, WARM_UP)
        idle, idle_seconds = await _spent(service, asyncio.sleep(IDLE_SECONDS))
        cpu, seconds = await _spent(service, _refresh_all(direct, sessions, REFRESHES))
    cpu -= idle / idle_seconds * seconds  # its consumer and its relay go round meanwhile, whoever refreshes
    count = len(sessions) * REFRESHES
    floor = await _updates_per_second(config)
    carried = count / cpu
    return [
        {"figure": "refreshes that one core of the service carries", "value": carried, "unit": "/s", "floor": None,
         "ratio": None, "wanted": f">= {WANTED_REFRESHES:,.0f} /s", "kept": carried >= WANTED_REFRESHES},
        {"figure": f"refreshes by {len(sessions)} at once, floor: single-row updates", "value": count / seconds,
         "unit": "/s", "floor": floor, "ratio": count / seconds / floor, "wanted": "", "kept": None},
    ]  # fmt: skip


async def _spent(service: psutil.Process, work: Awaitable[object]) -> tuple[float, float]:
    """(CPU seconds of the service, seconds) while the work is done."""
    cpu, began = family_seconds(service), time.perf_counter()
    await work
    return family_seconds(service) - cpu, time.perf_counter() - began


async def _refresh_all(people: SignIns, sessions: Sequence[Session], times: int) -> list[Session]:
    async def one(session: Session) -> Session:
        for _ in range(times):
            session = await people.refresh(session)
        return session

    return list(await asyncio.gather(*map(one, sessions)))


async def _updates_per_second(config: Config) -> float:
    """What Postgres does for as many connections at once, each with a row and a transaction of its own."""

    async def update(pool: asyncpg.Pool, row: int) -> None:
        async with pool.acquire() as connection:
            for _ in range(UPDATES):
                await connection.execute(UPDATE, row)

    async with _rows(config) as pool:
        await asyncio.gather(*(update(pool, row) for row in range(SESSIONS)))
        began = time.perf_counter()
        await asyncio.gather(*(update(pool, row) for row in range(SESSIONS)))
        return SESSIONS * UPDATES / (time.perf_counter() - began)


@asynccontextmanager
async def _rows(config: Config) -> AsyncIterator[asyncpg.Pool]:
    """A table of identity's own with a row for each connection; it is gone afterwards."""
    dsn = service_environment(config, "identity")["IDENTITY_POSTGRES_DSN"]
    async with asyncpg.create_pool(dsn, min_size=SESSIONS, max_size=SESSIONS) as pool:
        await pool.execute(f"DROP TABLE IF EXISTS {TABLE}")
        await pool.execute(f"CREATE TABLE {TABLE} (id int PRIMARY KEY, n int NOT NULL)")
        try:
            await pool.execute(f"INSERT INTO {TABLE} SELECT id, 0 FROM generate_series(0, $1) AS id", SESSIONS)  # noqa: S608 - a constant
            yield pool
        finally:
            await pool.execute(f"DROP TABLE {TABLE}")


async def _passwords(config: Config, people: SignIns) -> Figures:
    """CPU of the service for a whole sign-in by password and second factor; argon2 is meant to cost most of it."""
    service, password = running_part(config, "identity"), token_urlsafe(18)
    staff = [
        await asyncio.to_thread(
            ensure_staff, config, f"bench-{number}@bench.example", password, ["agent"], name=f"Bench {number}"
        )
        for number in range(PASSWORDS)
    ]
    before = family_seconds(service)
    for one in staff:
        await people.staff(one)
    spent = (family_seconds(service) - before) / len(staff) * 1_000
    return [
        {"figure": "sign-in by password and second factor, CPU of the service", "value": spent, "unit": "ms",
         "floor": None, "ratio": None, "wanted": "", "kept": None},
    ]  # fmt: skip
