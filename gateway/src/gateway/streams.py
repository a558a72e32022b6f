"""A connection on which nothing but a stream goes out: thousands may be open, so it holds next to nothing."""

import asyncio
from typing import Any, Protocol


class Stream(Protocol):
    """An answer without end that writes to the connection by itself."""

    def opened(self, sink: asyncio.WriteTransport) -> None:
        """The head is sent, and the connection is the stream's."""

    def closed(self) -> None:
        """The connection is closed, or was before it was handed over."""


class StreamConnection(asyncio.Protocol):
    """Takes a connection over; what the client still says is not listened to."""

    __slots__ = ("_connections", "_stream")

    def __init__(self, transport: asyncio.Transport, stream: Stream, connections: set[Any]) -> None:
        self._stream = stream
        self._connections = connections
        """Those that uvicorn waits for when it stops."""
        connections.add(self)
        stream.opened(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's."""
        self._connections.discard(self)
        self._stream.closed()

    def shutdown(self) -> None:
        """uvicorn's; the hub has ended the stream by now."""
