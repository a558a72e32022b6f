"""Load on an HTTP/1.1 server over a fixed number of connections: as fast as it goes, or at a fixed rate."""

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from local_stack.config import StackError

END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
Request = bytes | Callable[[], bytes]
"""Its bytes, always the same or the next ones."""


class Asker(asyncio.Protocol):
    """One connection with one request at a time. An answer that is no 200 with a length ends the benchmark."""

    def __init__(self, request: Request, answered: "Callable[[Asker], None]", failed: Callable[[str], None]) -> None:
        self._request = request
        self._answered = answered
        self._failed = failed
        self._received = b""
        self.due = 0.0

    def ask(self, due: float) -> None:
        """Sends the request, which should have been sent at `due`."""
        self.due = due
        self._transport.write(self._request if isinstance(self._request, bytes) else self._request())

    def close(self) -> None:
        """Ends the connection."""
        self._failed = lambda _: None
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's."""
        self._failed("it closed a connection")

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        self._received += data
        end = self._received.find(END_OF_HEAD)
        if end < 0:
            return
        length = _LENGTH.search(self._received, 0, end)
        if not self._received.startswith(b"HTTP/1.1 200") or length is None:
            return self._failed(self._received[:300].decode(errors="replace"))
        if len(self._received) >= end + len(END_OF_HEAD) + int(length[1]):
            self._received = b""
            self._answered(self)


class Load:
    """The open connections to one server."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._idle: list[Asker] = []
        self._late: deque[float] = deque()
        """Requests that are due and have no connection."""
        self._left = 0
        self._seconds: list[float] = []
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def connect(self, port: int, request: Request) -> None:
        """Opens one more connection."""
        _, asker = await asyncio.get_running_loop().create_connection(
            lambda: Asker(request, self._take_answer, self._fail), "127.0.0.1", port
        )
        self._idle.append(asker)

    def close(self) -> None:
        """Closes the connections that are not busy."""
        for asker in self._idle:
            asker.close()

    async def at_full_speed(self, requests: int) -> None:
        """So many requests, each connection asking again as soon as it has its answer. StackError if one fails."""
        now = time.perf_counter()
        self._begin(requests)
        self._late.extend([now] * requests)
        while self._idle and self._late:
            self._idle.pop().ask(self._late.popleft())
        await self._done

    async def at_rate(self, per_second: int, seconds: float) -> list[float]:
        """Sends at a fixed rate that waits for nothing; the seconds that each answer took from when it was due."""
        began, requests = time.perf_counter(), round(per_second * seconds)
        self._begin(requests)
        for number in range(requests):
            due = began + number / per_second
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            if self._idle:
                self._idle.pop().ask(due)
            else:
                self._late.append(due)
        await self._done
        return self._seconds

    def _begin(self, requests: int) -> None:
        self._left, self._seconds = requests, []
        self._done = asyncio.get_running_loop().create_future()

    def _take_answer(self, asker: Asker) -> None:
        self._seconds.append(time.perf_counter() - asker.due)
        self._left -= 1
        if self._late:
            asker.ask(self._late.popleft())
        else:
            self._idle.append(asker)
        if self._left == 0 and not self._done.done():
            self._done.set_result(None)

    def _fail(self, why: str) -> None:
        if not self._done.done():
            self._done.set_exception(StackError(f"{self._name} does not answer as it should: {why}"))


@asynccontextmanager
async def connected_load(name: str, port: int, request: Request, connections: int) -> AsyncIterator[Load]:
    """A load with its connections open; they close afterwards."""
    load = Load(name)
    try:
        for _ in range(connections):
            await load.connect(port, request)
        yield load
    finally:
        load.close()
