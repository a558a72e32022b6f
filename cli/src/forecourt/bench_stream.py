"""`bench stream`: thousands of readers of one price; what each costs, and when the last has heard of a change."""

import asyncio
import re
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, cast

import msgspec

from feeds.platform import PlatformClient
from forecourt.bench_processes import Started, allow_open_files, own_gateway, started
from forecourt.bench_world import FUELS, STATIONS, BenchFeed, bench_client, known_stations
from local_stack.config import Config, StackError
from local_stack.ports import free_port

READERS = 5_000
SPARE_FILES = 1_000
AT_ONCE = 100
CHANGES = 15
WANTED_KIB_EACH, WANTED_RATIO = 8, 2.0
PATIENCE_SECONDS = 60.0
REQUEST = "GET /v1/prices/stream?station_id={}&fuel=e5 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
MARK = b"event: price"
_DATA = re.compile(rb"data: (.+)")


class Reader(asyncio.Protocol):
    """One open stream."""

    __slots__ = ("_crowd", "_is_new", "transport")

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._is_new = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self.transport = cast(asyncio.WriteTransport, transport)
        self.transport.write(self._crowd.greeting)

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        if self._is_new:
            self._is_new = False
            self._crowd.count()
        elif MARK in data:
            self._crowd.message = data
            self._crowd.count()


class Crowd:
    """All readers of one server; it counts who is there, and then, change by change, who has heard of it."""

    def __init__(self, greeting: bytes) -> None:
        self.greeting = greeting
        """What each reader says first."""
        self.message = b""
        """A change as the last reader got it."""
        self._readers: list[Reader] = []
        self._counted, self._expected = 0, READERS
        self._complete = asyncio.Event()

    async def gather(self, port: int) -> None:
        """Opens every stream, some at a time because a listening queue has an end; returns when all are served."""
        loop = asyncio.get_running_loop()
        for _ in range(0, READERS, AT_ONCE):
            opening = (loop.create_connection(lambda: Reader(self), "127.0.0.1", port) for _ in range(AT_ONCE))
            self._readers += [reader for _, reader in await asyncio.gather(*opening)]
        await self.complete()

    async def first(self, port: int) -> None:
        """Opens one stream and closes it: who is served finds the server loaded with all it will keep."""
        self._expected = 1
        _, reader = await asyncio.get_running_loop().create_connection(lambda: Reader(self), "127.0.0.1", port)
        await self.complete()
        reader.transport.close()
        self._expected = READERS

    def leave(self) -> None:
        """Closes every stream."""
        for reader in self._readers:
            reader.transport.close()

    def count(self) -> None:
        """One reader more."""
        self._counted += 1
        if self._counted == self._expected:
            self._complete.set()

    async def complete(self) -> float:
        """Waits for the last reader; returns when it was (seconds since the epoch). StackError where it stays away."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._complete.wait()
        except TimeoutError:
            raise StackError(f"only {self._counted:,} of {self._expected:,} readers were served in time") from None
        self._counted = 0
        self._complete.clear()
        return time.time()


async def measure_stream(config: Config) -> list[dict[str, Any]]:
    """The gateway's memory for each reader, and the time from Kafka to the last of them, beside a bare send loop."""
    allow_open_files(2 * READERS + SPARE_FILES)
    async with bench_client(config) as client, AsyncExitStack() as stack:
        station_id = (await known_stations(client, BenchFeed(0))).station_ids["bench-0"]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="forecourt-bench-")))
        gateway = await stack.enter_async_context(
            own_gateway(config, folder, stream_connections=READERS, stream_connections_per_address=READERS)
        )
        sender = await stack.enter_async_context(
            started("the send loop", (sys.executable, "-m", "forecourt.bench_sender", str(port := free_port())), port)
        )
        crowd, bare = Crowd(REQUEST.format(station_id).encode()), Crowd(b"\n")
        stack.callback(bare.leave)
        stack.callback(crowd.leave)
        await crowd.first(gateway.port)
        before = gateway.resident_bytes()
        await crowd.gather(gateway.port)
        await bare.gather(sender.port)
        taken, bare_taken = await _take_turns(client, station_id, crowd, bare, sender)
        kib_each = (gateway.resident_bytes() - before) / 1024 / READERS
    return _figures(kib_each, median(taken) * 1000, median(bare_taken) * 1000)


async def _take_turns(
    client: PlatformClient, station_id: str, crowd: Crowd, bare: Crowd, sender: Started
) -> tuple[list[float], list[float]]:  # fmt: skip
    """Seconds to the last reader, change by change: of the gateway, and of the same bytes by the bare loop."""
    _, publisher = await asyncio.open_connection("127.0.0.1", sender.port)
    feed, taken, bare_taken = BenchFeed(0), [], []
    for change in range(CHANGES):
        report = {"station_id": station_id, **feed.report(1 + change * STATIONS * len(FUELS))}
        await client.post("/v1/price-reports", {"reports": [report]})
        taken.append(await crowd.complete() - _published_at(crowd.message))
        began = time.time()
        publisher.write(crowd.message.hex().encode() + b"\n")
        bare_taken.append(await bare.complete() - began)
    publisher.close()
    return taken, bare_taken


def _published_at(message: bytes) -> float:
    """When Kafka got the change, in seconds since the epoch."""
    data = _DATA.search(message)
    if data is None:
        raise StackError("a change came in pieces; run it again")
    return datetime.fromisoformat(msgspec.json.decode(data[1])["published_at"]).timestamp()


def _figures(kib_each: float, milliseconds: float, bare_milliseconds: float) -> list[dict[str, Any]]:
    ratio = milliseconds / bare_milliseconds
    return [
        {
            "figure": f"memory for each of {READERS:,} readers", "value": kib_each, "unit": "KiB", "floor": None,
            "ratio": None, "wanted": f"<= {WANTED_KIB_EACH} KiB", "kept": kib_each <= WANTED_KIB_EACH,
        },
        {
            "figure": "from Kafka to the last reader, median, floor: a bare send loop", "value": milliseconds,
            "unit": "ms", "floor": bare_milliseconds, "ratio": ratio, "wanted": f"<= {WANTED_RATIO:g} x",
            "kept": ratio <= WANTED_RATIO,
        },
    ]  # fmt: skip
