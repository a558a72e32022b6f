"""Live prices over real Kafka and real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import aiohttp
import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from local_stack.config import Config
from local_stack.environment import kafka_credentials
from schemas.base import Event
from schemas.events import PriceChangedV1, StationClosedV1, StationRegisteredV1
from schemas.vocabulary import Fuel
from servicekit.envelope import event_headers, source_of, to_record
from servicekit.ids import new_id
from servicekit.testkit import KafkaProbe, eventually

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Start = Callable[..., AbstractAsyncContextManager[aiohttp.ClientSession]]


class Sse(NamedTuple):
    """One block of a stream."""

    id: str | None
    event: str | None
    data: Any


class Reader:
    """Reads a stream's blocks."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def block(self) -> dict[str, str]:
        """The next block's fields."""
        lines = (await asyncio.wait_for(self.response.content.readuntil(b"\n\n"), 15)).decode().splitlines()
        return dict(line.split(": ", 1) for line in lines if line)

    async def until(self, event: str) -> Sse:
        """The next event of this name, others left out."""
        while True:
            block = await self.block()
            if block.get("event") == event:
                return Sse(block.get("id"), event, msgspec.json.decode(block["data"]))

    async def price(self) -> Sse:
        """The next price change."""
        return await self.until("price")

    async def position(self) -> str:
        """The next id that comes without an event."""
        while True:
            block = await self.block()
            if "id" in block and "event" not in block:
                return block["id"]


@asynccontextmanager
async def reading(client: aiohttp.ClientSession, query: str, **headers: str) -> AsyncIterator[Reader]:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    url = f"/v1/prices/stream?{query}"
    async with client.get(url, headers=headers, timeout=timeout) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        yield Reader(response)


def price_changed(station_id: UUID, mills: int, fuel: Fuel) -> PriceChangedV1:
    return PriceChangedV1(
        station_id=station_id, fuel=fuel, version=1, price_mills=mills, previous_price_mills=None, currency="EUR",
        report_id="r", effective_at=NOW, submitted_at=NOW, received_at=NOW,
    )  # fmt: skip


class Kafka:
    """Publishes as pricing and stations do."""

    def __init__(self, config: Config) -> None:
        self._config = config

    async def publish(self, event: Event) -> None:
        """Sends the event and waits for the broker."""
        record = to_record(event, None)
        probe = KafkaProbe(kafka_credentials(self._config, event.service))
        headers = event_headers(record, new_id(), source_of(event.service).encode(), b"2026-01-01T00:00:00Z")
        await probe.send(record.topic, record.payload, record.key.encode(), headers)

    async def price(self, station_id: UUID, mills: int, fuel: Fuel = Fuel.E5) -> None:
        """A price change."""
        await self.publish(price_changed(station_id, mills, fuel))

    async def prices(self, station_id: UUID, count: int) -> None:
        """Many changes of a station's price, in order."""
        event = price_changed(station_id, 1, Fuel.E5)
        record = to_record(event, None)
        headers = event_headers(record, new_id(), source_of(event.service).encode(), b"2026-01-01T00:00:00Z")
        producer = AIOKafkaProducer(**kafka_credentials(self._config, event.service), acks="all", linger_ms=5)
        await producer.start()
        try:
            sent = [
                await producer.send(record.topic, record.payload, key=record.key.encode(), headers=headers)
                for _ in range(count)
            ]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    async def station(self, station_id: UUID, lat: float, lon: float, kind: type[Any] = StationRegisteredV1) -> None:
        """A station's profile."""
        await self.publish(
            kind(
                station_id=station_id, version=1, operator="o", external_id="x", name="n", country="DE",
                time_zone="Europe/Berlin", currency="EUR", lat=lat, lon=lon, occurred_at=NOW,
            )
        )  # fmt: skip


@pytest.fixture
def kafka(infrastructure: Config) -> Kafka:
    return Kafka(infrastructure)


@pytest.fixture
def start(start_gateway: Start, infrastructure: Config) -> Start:
    credentials = kafka_credentials(infrastructure, "gateway")

    def start_with_kafka(**changes: Any) -> AbstractAsyncContextManager[aiohttp.ClientSession]:
        return start_gateway(
            kafka_bootstrap=credentials["bootstrap_servers"], kafka_password=credentials["sasl_plain_password"],
            **changes,
        )  # fmt: skip

    return start_with_kafka


async def test_price_of_a_followed_station_arrives(kafka: Kafka, start: Start) -> None:
    followed, other = new_id(), new_id()
    async with start() as client, reading(client, f"station_id={followed}&fuel=e5") as reader:
        await reader.position()
        await kafka.price(other, 1)
        await kafka.price(followed, 2, Fuel.E10)
        await kafka.price(followed, 1789)
        event = await reader.price()
    assert (event.data["station_id"], event.data["fuel"], event.data["price_mills"]) == (str(followed), "e5", 1789)
    assert datetime.fromisoformat(event.data["effective_at"]) == NOW
    assert event.data["published_at"].endswith("Z")
    assert "report_id" not in event.data


async def test_box_follows_stations_as_they_open_and_close(kafka: Kafka, start: Start) -> None:
    inside, outside, opened_later = new_id(), new_id(), new_id()
    await kafka.station(inside, 52.5, 13.4)
    await kafka.station(outside, 48.1, 11.5)
    async with start() as client, reading(client, "bbox=13,52,14,53") as reader:
        await reader.position()
        await kafka.price(outside, 1)
        await kafka.price(inside, 2)
        assert (await reader.price()).data["price_mills"] == 2
        await kafka.station(inside, 52.5, 13.4, StationClosedV1)
        await kafka.station(opened_later, 52.6, 13.5)

        async def follows_the_new_one_only() -> bool:
            """Stations and prices come over two topics, so the first price may be there before its station."""
            await kafka.price(inside, 3)
            await kafka.price(opened_later, 4)
            return (await reader.price()).data["station_id"] == str(opened_later)

        await eventually(follows_the_new_one_only)


async def test_reader_goes_on_at_another_replica_after_a_restart(kafka: Kafka, start: Start) -> None:
    stations = [new_id() for _ in range(8)]  # over several partitions
    query = "&".join(f"station_id={station}" for station in stations)
    async with start() as client, reading(client, query) as reader:
        await reader.position()
        await kafka.price(stations[0], 1)
        last_seen = (await reader.price()).id
    for station in stations:
        await kafka.price(station, 2)
    async with start() as client, reading(client, query, **{"Last-Event-ID": last_seen or ""}) as reader:
        missed = {(await reader.price()).data["station_id"] for _ in stations}
        assert missed == set(map(str, stations))
        await kafka.price(stations[3], 3)
        assert (await reader.price()).data["price_mills"] == 3


@pytest.mark.parametrize("position", ["0.0.0.0.0.0", "1.2", "nonsense", "9999.9999.9999.9999.9999.9999"])
async def test_reader_that_missed_too_much_is_told(kafka: Kafka, start: Start, position: str) -> None:
    station = new_id()
    for mills in range(1, 8):
        await kafka.price(station, mills)
    async with (
        start(stream_history_events=6) as client,
        reading(client, f"station_id={station}", **{"Last-Event-ID": position}) as reader,
    ):
        reset = await reader.until("reset")
        async with reading(client, f"station_id={station}", **{"Last-Event-ID": reset.id or ""}) as again:
            await kafka.price(station, 9)
            assert (await again.price()).data["price_mills"] == 9


async def test_quiet_reader_hears_a_heartbeat_with_the_position(start: Start) -> None:
    async with start(stream_heartbeat_seconds=0.5) as client, reading(client, f"station_id={new_id()}") as reader:
        opening = await reader.position()
        assert await reader.position() == opening


async def dropped(client: aiohttp.ClientSession) -> float:
    """How many readers were dropped as slow."""
    async with client.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    return float(next(line for line in lines if line.startswith("forecourt_stream_dropped_total ")).split()[1])


async def test_slow_reader_is_dropped_and_others_are_not(kafka: Kafka, start: Start, infrastructure: Config) -> None:
    station = new_id()
    async with start() as client, reading(client, f"station_id={station}") as reader:
        before = await dropped(client)
        async with client.get("/healthz") as response:
            address = response.url
        slow_reader, slow = await asyncio.open_connection(address.host, address.port, limit=1024)
        slow.write(f"GET /v1/prices/stream?station_id={station} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        await slow_reader.readuntil(b"\r\n\r\n")
        received = asyncio.create_task(read_until_mills(reader, 1_000_000))

        async def is_dropped() -> bool:
            await kafka.prices(station, 5_000)
            return await dropped(client) > before

        await eventually(is_dropped, 30)
        await kafka.price(station, 1_000_000)
        assert await asyncio.wait_for(received, 30) > 5_000
        while await slow_reader.read(65_536):  # what was on its way comes, then the end
            pass
        slow.close()


async def read_until_mills(reader: Reader, mills: int) -> int:
    """How many price changes came up to the one with this price."""
    count = 1
    while (await reader.price()).data["price_mills"] != mills:
        count += 1
    return count


async def test_streams_end_when_the_gateway_stops(start: Start) -> None:
    async with aiohttp.ClientSession() as outsider:
        async with start() as client, client.get("/healthz") as health:
            url = health.url.with_path("/v1/prices/stream").with_query(station_id=str(new_id()))
            response = await outsider.get(url)
        assert (await response.read()).endswith(b"\n\n")  # raises if the answer is cut off


async def test_streams_are_bounded_and_freed(start: Start) -> None:
    query = f"station_id={new_id()}"
    async with start(stream_connections_per_address=1) as client:
        async with reading(client, query) as reader:
            await reader.position()
            async with client.get(f"/v1/prices/stream?{query}") as refused:
                assert refused.status == 429

        async def freed() -> bool:
            async with client.get("/metrics") as response:
                return "forecourt_stream_subscribers 0.0" in await response.text()

        await eventually(freed)
        async with reading(client, query) as reader:
            await reader.position()
    async with start(stream_connections=1) as client, reading(client, query) as reader:
        await reader.position()
        async with client.get(f"/v1/prices/stream?{query}") as refused:
            assert refused.status == 503


@pytest.mark.parametrize(
    "query", ["", "station_id=x", "bbox=1,2,3", f"bbox=1,1,2,2&station_id={UUID(int=7)}", "fuel=e5"]
)
async def test_bad_interest_is_refused(start_gateway: Start, query: str) -> None:
    async with start_gateway() as client, client.get(f"/v1/prices/stream?{query}") as response:
        assert response.status == 422
        assert response.content_type == "application/problem+json"
