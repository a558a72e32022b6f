"""One reader of a live stream: what it is sent goes straight to its connection, and not through a task of its own."""

from collections.abc import Callable, Iterable
from typing import Protocol

from gateway.boxes import Box
from gateway.wire import LAST_CHUNK, chunk


class Interest:
    """What a reader wants: some stations, or all within a box; one grade, or all."""

    __slots__ = ("box", "fuel", "stations")

    def __init__(self, stations: frozenset[str], box: Box | None, fuel: str | None) -> None:
        self.stations = stations
        self.box = box
        self.fuel = fuel


class Sink(Protocol):
    """What a reader needs of a connection; asyncio's transports have it."""

    def write(self, data: bytes) -> None:
        """Sends the data, or keeps it until there is room."""

    def get_write_buffer_size(self) -> int:
        """How many bytes are kept."""
        ...

    def close(self) -> None:
        """Closes the connection once all is sent."""

    def abort(self) -> None:
        """Closes the connection at once."""


class Subscriber:
    """A reader and its bounds. Slots, and no queue of its own: there may be thousands."""

    __slots__ = ("_early", "_forget", "_limit_bytes", "_sink", "address", "beat", "interest")

    def __init__(
        self, interest: Interest, address: str, limit_bytes: int, opening: Iterable[bytes],
        forget: "Callable[[Subscriber], None]",
    ) -> None:  # fmt: skip
        self.interest = interest
        self.address = address
        self.beat = 0
        """The group in which it hears heartbeats."""
        self._limit_bytes = limit_bytes
        self._early: bytes | None = b"".join(map(chunk, opening))
        """What there is to send before the connection is there; None afterwards."""
        self._sink: Sink | None = None
        self._forget = forget

    def opened(self, sink: Sink) -> None:
        """The head of the answer is sent; all that follows is ours."""
        self._sink = sink
        if self._early is not None:
            sink.write(self._early)
            self._early = None

    def closed(self) -> None:
        """The reader has left."""
        self._sink = None
        self._forget(self)

    def offer(self, chunk: bytes) -> bool:
        """Sends an encoded chunk; False where the reader is too far behind."""
        sink = self._sink
        if sink is None:
            return self._keep(chunk)
        if sink.get_write_buffer_size() > self._limit_bytes:
            return False
        sink.write(chunk)
        return True

    def _keep(self, chunk: bytes) -> bool:
        if self._early is None:  # it has left
            return True
        self._early += chunk
        return len(self._early) <= self._limit_bytes

    def end(self) -> None:
        """Completes the stream; its reader can resume elsewhere."""
        if self._sink is not None:
            self._sink.write(LAST_CHUNK)
            self._sink.close()

    def drop(self) -> None:
        """Cuts the stream off."""
        if self._sink is not None:
            self._sink.abort()
