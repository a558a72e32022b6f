"""Made-up stations of a continent for `bench nearby`: a database of their own, and a service that reads it."""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import aiohttp
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from pymongo import AsyncMongoClient

from forecourt.bench_processes import Started, mongo_root_url, started
from forecourt.console import errors
from local_stack.config import Config, StackError
from local_stack.environment import kafka_credentials, service_environment
from local_stack.ports import free_port
from local_stack.processes import Process
from schemas.catalogue import TOPIC_BY_NAME
from schemas.vocabulary import Fuel
from servicekit.migrations import migrate
from servicekit.mongo import CODEC
from stations.consumer import STORED_TOPICS
from stations.domain.stations import Station
from stations.repository.stations import stored_fields

STATIONS = 500_000
SOUTH, NORTH, WEST, EAST = 36.0, 62.0, -10.0, 30.0
"""About Europe: the ten nearest lie within some ten kilometres, as in life."""
DATABASE = "bench_nearby"
SERVICE = "stations.bench"
"""A name of its own gives the service a consumer group of its own: the platform's keeps its place."""
GRADES = (Fuel.DIESEL_B7, Fuel.E5, Fuel.E10)
BATCH = 5_000
CACHE_BYTES = 1 << 30
"""The stack's server has a small cache for laptops; here all that it reads fits in, which is its best case."""
LOADING_SECONDS = 900.0
_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_BRANDS = ("Aral", "Shell", "Esso", "Total", "Jet", "Repsol", "Eni", None)


class Continent(NamedTuple):
    """The running service, its base address, and the server and collection it reads."""

    service: Started
    url: str
    stations: Any
    server: psutil.Process


@asynccontextmanager
async def continent(config: Config) -> AsyncIterator[Continent]:
    """The service once it is ready; all that was made is gone afterwards."""
    running = Process(config.data, "mongo").running()
    if running is None:
        raise StackError("MongoDB does not run: `./forecourt up` starts it")
    client: AsyncMongoClient[Any] = AsyncMongoClient(mongo_root_url(config), tz_aware=True)
    cache_before = await _cache_bytes(client)
    try:
        await client.drop_database(DATABASE)
        await _set_cache(client, CACHE_BYTES)
        database = client.get_database(DATABASE, codec_options=CODEC)
        await _fill(config, database)
        with tempfile.TemporaryDirectory() as folder:
            environment = _environment(config, Path(folder))
            await _read_nothing_old(config)
            argv = (sys.executable, "-m", "servicekit.serve", "stations.main:create_app")
            port = int(environment["STATIONS_PORT"])
            async with started("the service of stations", argv, port, environment) as service:
                url = f"http://127.0.0.1:{port}"
                await _ready(url)
                yield Continent(service, url, database.stations, psutil.Process(running.pid))
    finally:
        await client.drop_database(DATABASE)
        await _set_cache(client, cache_before)
        await client.close()


async def _fill(config: Config, database: Any) -> None:
    """Stations first, indexes afterwards: that is the quicker way round."""
    began = time.monotonic()
    chance = random.Random(4)  # noqa: S311 - the same continent in every run
    batch: list[dict[str, Any]] = []
    for document in _documents(chance):
        batch.append(document)
        if len(batch) == BATCH:
            await database.stations.insert_many(batch, ordered=False)
            batch = []
    await migrate("stations", _environment(config, config.data))
    errors.print(f"[dim]{STATIONS:,} stations stored in {time.monotonic() - began:.0f} s[/]")


def _documents(chance: random.Random) -> Iterator[dict[str, Any]]:
    now = datetime.now(UTC).replace(microsecond=0)
    for number in range(STATIONS):
        profile = _profile(number, chance)
        station = Station(UUID(int=number + 1), "bench", f"bench-{number}", 1, profile, (), now, now)
        prices = {grade.value: _price(chance, now) for grade in GRADES}
        yield {"_id": station.id, **stored_fields(station), "prices": prices}


def _profile(number: int, chance: random.Random) -> dict[str, Any]:
    opens, closes = chance.choice((("00:00", "24:00"), ("06:00", "22:00"), ("05:30", "23:00")))
    return {
        "name": f"Station {number}", "brand": chance.choice(_BRANDS), "country": "DE", "region": None,
        "address": {"street": "Main Street", "house_number": str(number % 200), "post_code": str(number % 99_999),
                    "city": f"Town {number % 5_000}"},
        "time_zone": "Europe/Berlin", "currency": "EUR", "fuels": None, "holiday_region": None,
        "facilities": ["shop"] if number % 2 else [], "lat": chance.uniform(SOUTH, NORTH),
        "lon": chance.uniform(WEST, EAST),
        "opening_hours": {"weekly": [{"days": _DAYS, "opens": opens, "closes": closes}], "exceptions": []},
    }  # fmt: skip


def _price(chance: random.Random, now: datetime) -> dict[str, Any]:
    at = now - timedelta(minutes=chance.randrange(6_000))
    return {
        "price_mills": chance.randrange(1_500, 2_000), "currency": "EUR", "version": 1, "effective_at": at,
        "submitted_at": at, "received_at": at, "published_at": at,
    }  # fmt: skip


def _environment(config: Config, folder: Path) -> dict[str, str]:
    """As the platform's service has it, with another database, port, name and traces file."""
    changed = {
        "MONGO_URL": mongo_root_url(config), "MONGO_DATABASE": DATABASE, "PORT": str(free_port()), "SERVICE": SERVICE,
        "TRACES_FILE": str(folder / "stations.jsonl"),
    }  # fmt: skip
    return service_environment(config, "stations") | {f"STATIONS_{name}": value for name, value in changed.items()}


async def _read_nothing_old(config: Config) -> None:
    """The service's group begins where the topics end: the prices of other stations are not its own."""
    consumer = AIOKafkaConsumer(
        **kafka_credentials(config, "stations"), group_id=f"{SERVICE}.main", enable_auto_commit=False
    )
    await consumer.start()
    try:
        from_topics = [(name, TOPIC_BY_NAME[name].partitions) for name in STORED_TOPICS]
        partitions = [TopicPartition(name, number) for name, count in from_topics for number in range(count)]
        consumer.assign(partitions)
        await consumer.commit(await consumer.end_offsets(partitions))
    finally:
        await consumer.stop()


async def _ready(url: str) -> None:
    began = time.monotonic()
    async with aiohttp.ClientSession(url) as session:
        while True:
            async with session.get("/readyz") as reply:
                if reply.status == 200:
                    break
                why = await reply.text()
            if time.monotonic() - began > LOADING_SECONDS:
                raise StackError(f"the service does not get ready: {json.loads(why).get('detail', why)}")
            await asyncio.sleep(0.1)
    errors.print(f"[dim]loaded in {time.monotonic() - began:.0f} s[/]")


async def _cache_bytes(client: Any) -> int:
    status = await client.admin.command("serverStatus")
    return int(status["wiredTiger"]["cache"]["maximum bytes configured"])


async def _set_cache(client: Any, size: int) -> None:
    await client.admin.command("setParameter", 1, wiredTigerEngineRuntimeConfig=f"cache_size={size >> 20}M")
