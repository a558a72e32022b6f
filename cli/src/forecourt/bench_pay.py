"""`bench pay`: paying with a fuel card through the gateway, at a fixed rate that waits for nothing; and notifications.

The orders are dispensed and confirmed before: what is measured is the driver's one call, from the gateway's door until
the money has moved and is on the disk. Each asks loyalty on the way, where nothing is off it. For notifications see
bench_webhooks.
"""

import asyncio
import json
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from statistics import quantiles
from time import perf_counter
from typing import Any
from uuid import UUID

import psutil

from forecourt.bench_load import connected_load
from forecourt.bench_processes import family_seconds, running_part
from forecourt.bench_webhooks import measure_webhooks
from forecourt.chaos_world import Driver, World, chaos_world
from forecourt.fuel_stops import CURRENCY, FUEL, PRICE_MILLS
from local_stack.config import Config
from local_stack.environment import service_environment
from payments.domain.money import amount_of
from payments.domain.order_words import Measure, Mode, Status
from payments.domain.orders import Order, Step
from payments.repository import orders
from payments.settings import Settings
from payments.use_cases.card_payments import pay
from payments.use_cases.context import Payments
from payments.use_cases.paying import Payment
from schemas.vocabulary import Fuel
from servicekit.idempotency import IdempotentRequest
from servicekit.ids import new_id
from servicekit.postgres import Connection, PostgresStore
from servicekit.testkit import settings_from

RATE, SECONDS, WARM_UP_SECONDS = 100, 10.0, 2.0
CONNECTIONS = 32
IDLE_SECONDS = 3.0
VOLUME_ML = 1_000
SEED = 0
WANTED_P99_MS = 100.0
WANTED_ROUND_TRIPS = 3
PARTS = ("gateway", "payments", "loyalty", "postgres")
REQUEST = (
    "POST /v1/orders/{order_id}/pay HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: forecourt-bench\r\n"
    "authorization: Bearer {token}\r\nidempotency-key: {order_id}\r\ncontent-type: application/json\r\n"
    "content-length: {length}\r\n\r\n{body}"
)

Figures = list[dict[str, Any]]


async def measure_pay(config: Config) -> Figures:
    """The whole call: its time, its processor time by part, its round trips to the database; then notifications."""
    settings = settings_from(Settings, service_environment(config, "payments"))
    async with PostgresStore.connect(settings) as store, chaos_world(config, SEED, campaign=False) as world:
        payments, drivers = Payments(settings, store), await _drivers(world)
        async with payments.loyalty or nullcontext():
            round_trips = await _round_trips(payments, drivers[0])
        count = round(RATE * (SECONDS + WARM_UP_SECONDS))
        prepared = [await _prepared(payments, drivers[number % len(drivers)]) for number in range(count)]
        await _published(store)
        seconds, spent = await _measure(config, iter(prepared))
    return [*_times(seconds), *_processor(spent), _trips(round_trips), *await measure_webhooks(config)]


async def _drivers(world: World) -> list[tuple[str, str, str, str]]:
    """(id, access token, card, station) of each driver."""

    async def known(number: int, driver: Driver) -> tuple[str, str, str, str]:
        me = await (await driver.present()).get("/v1/me")
        station_id = world.station_ids[number % len(world.station_ids)]
        return me["user_id"], driver.session.access_token, driver.card_id, station_id

    return [await known(number, driver) for number, driver in enumerate(world.drivers)]


async def _prepared(payments: Payments, driver: tuple[str, str, str, str]) -> bytes:
    """A request to pay a new order of the driver's."""
    driver_id, token, card_id, station_id = driver
    order = await _dispensed(payments, driver_id, station_id)
    body = json.dumps({"method": "fuel_card", "card_id": card_id})
    return REQUEST.format(order_id=order.order_id, token=token, length=len(body), body=body).encode()


async def _dispensed(payments: Payments, driver_id: str, station_id: str) -> Order:
    """An order whose fuel was given, as if the driver had placed it and the station had confirmed it."""
    now, gross = datetime.now(UTC), amount_of(VOLUME_ML, PRICE_MILLS, CURRENCY)
    order = Order(
        new_id(), 1, driver_id, UUID(station_id), "chaos", new_id().hex[-12:], Fuel(FUEL), Mode.POST_PAY,
        Status.CONFIRMED, PRICE_MILLS, 1, CURRENCY, Measure.FILL_UP, now, volume_ml=VOLUME_ML, gross_minor=gross,
        waiting_since=now, dispensed_at=now, confirmed_at=now,
    )  # fmt: skip
    await payments.store.transact(lambda tx: orders.save(tx, [Step(order, None, None, None, "bench", now)]))
    return order


async def _round_trips(payments: Payments, driver: tuple[str, str, str, str]) -> int:
    """How often the use case asks the database for one payment, counted at the driver of a process of our own."""
    asked: list[str] = []

    async def watch(connection: Connection) -> None:
        connection.add_query_logger(lambda query: asked.append(query.query))

    for holder in [await payments.store.pool.acquire() for _ in range(payments.settings.postgres_pool_size)]:
        await watch(holder)
        await payments.store.pool.release(holder)
    driver_id, token, card_id, station_id = driver
    for _ in range(2 * payments.settings.postgres_pool_size):  # then every connection has prepared its statements
        order = await _dispensed(payments, driver_id, station_id)
        request = IdempotentRequest(driver_id, "bench", str(order.order_id), b"")
        asked.clear()
        await pay(payments, Payment(
            driver_id, token, order.order_id, "fuel_card", request, lambda order, payment: b"{}", UUID(card_id)
        ))  # fmt: skip
    return len(asked)


async def _published(store: PostgresStore) -> None:
    """Returns when the outbox is empty, so that the relay does not work on what was before."""
    async with store.connection() as connection:
        while await connection.fetchval("SELECT EXISTS (SELECT FROM outbox)"):  # noqa: ASYNC110 - another process's work
            await asyncio.sleep(0.05)


async def _measure(config: Config, requests: Iterator[bytes]) -> tuple[Sequence[float], dict[str, float]]:
    """The seconds of each call, and CPU seconds of each part for one call, less what it spends anyway."""
    parts = {name: running_part(config, name) for name in PARTS}
    idle = await _spent(parts, asyncio.sleep(IDLE_SECONDS))
    async with connected_load("the gateway", config.port, lambda: next(requests), CONNECTIONS) as load:
        await load.at_rate(RATE, WARM_UP_SECONDS)
        began, seconds = perf_counter(), [0.0]

        async def run() -> None:
            seconds[:] = await load.at_rate(RATE, SECONDS)

        spent, took = await _spent(parts, run()), perf_counter() - began
    calls = len(seconds)
    return seconds, {name: (spent[name] - idle[name] / IDLE_SECONDS * took) / calls for name in PARTS}


async def _spent(parts: dict[str, psutil.Process], work: Awaitable[object]) -> dict[str, float]:
    before = {name: family_seconds(part) for name, part in parts.items()}
    await work
    return {name: family_seconds(part) - before[name] for name, part in parts.items()}


def _times(seconds: Sequence[float]) -> Figures:
    cuts = quantiles(seconds, n=100)
    wanted = f"<= {WANTED_P99_MS:g} ms"
    return [
        {"figure": f"p{percent} of a payment by fuel card, {RATE} a second", "value": cuts[percent - 1] * 1_000,
         "unit": "ms", "floor": None, "ratio": None, "wanted": wanted if percent == 99 else "",
         "kept": cuts[percent - 1] * 1_000 <= WANTED_P99_MS if percent == 99 else None}
        for percent in (50, 99)
    ]  # fmt: skip


def _processor(spent: dict[str, float]) -> Figures:
    figures = {"CPU of one payment": sum(spent.values())} | {f"of it {name}": each for name, each in spent.items()}
    return [
        {"figure": figure, "value": value * 1_000, "unit": "ms", "floor": None, "ratio": None, "wanted": "",
         "kept": None} for figure, value in figures.items()
    ]  # fmt: skip


def _trips(count: int) -> dict[str, Any]:
    return {
        "figure": "round trips to the database of one payment", "value": count, "unit": "", "floor": None,
        "ratio": None, "wanted": f"<= {WANTED_ROUND_TRIPS}", "kept": count <= WANTED_ROUND_TRIPS,
    }  # fmt: skip
