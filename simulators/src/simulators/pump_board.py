"""A station's live board of orders: followed for ever, and after a loss of the line from where it was left."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from feeds.platform import PlatformClient, PlatformError
from servicekit.backoff import Backoff

log = logging.getLogger(__name__)

QUIET_SECONDS = 60.0
"""A stream that says nothing for so long, not even that it is alive, is dead."""
OPEN_STATUSES = ("placed", "authorised", "paid")
PAGE = 100
REFUSALS = frozenset({400, 403, 404, 422})


@dataclass
class Event:
    """One server-sent event."""

    id: str = ""
    name: str = "message"
    data: list[str] = field(default_factory=list)


class Board:
    """The orders of one station as they change. `line` is open while the station is online."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, client: PlatformClient, station_id: str, line: asyncio.Event
    ) -> None:
        self._session = session
        self._path = f"/v1/stations/{station_id}/orders"
        self._url = url.rstrip("/")
        self._client = client
        self._line = line
        self._last_id = ""

    async def orders(self) -> AsyncIterator[dict[str, Any]]:
        """Each order whenever it changes; one may come twice. Raises PlatformError where we may not look."""
        backoff = Backoff()
        while True:
            await self._line.wait()
            try:
                async for event in self._events():
                    backoff = Backoff()
                    async for order in self._orders_of(event):
                        yield order
            except (aiohttp.ClientError, TimeoutError, OSError, PlatformError) as error:
                if isinstance(error, PlatformError) and error.status:
                    raise
                log.warning("the board is away", extra={"error": str(error) or type(error).__name__})
            await backoff.wait()

    async def _orders_of(self, event: Event) -> AsyncIterator[dict[str, Any]]:
        if event.name == "order":
            self._last_id = event.id or self._last_id
            yield json.loads("\n".join(event.data))["order"]
        elif event.name == "reset":  # some may be missing: the list has them all
            async for order in self._listed():
                yield order

    async def _events(self) -> AsyncIterator[Event]:
        """The events of one connection, until it ends or the station goes offline."""
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {await self._client.token()}"}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=QUIET_SECONDS)
        async with self._session.get(f"{self._url}{self._path}/stream", headers=headers, timeout=timeout) as response:
            if response.status in REFUSALS:
                text = f"GET {self._path}/stream: {response.status} {await response.text()}"
                raise PlatformError(text, "refused", response.status)
            response.raise_for_status()
            event = Event()
            async for line in response.content:
                if not self._line.is_set():
                    return
                text = line.decode().rstrip("\r\n")
                if text:
                    _take(event, text)
                elif event.data:
                    yield event
                    event = Event()

    async def _listed(self) -> AsyncIterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            parameters = [("limit", str(PAGE)), *(("status", status) for status in OPEN_STATUSES)]
            page = await self._client.get(self._path, parameters + ([("cursor", cursor)] if cursor else []))
            for order in page["orders"]:
                yield order
            if (cursor := page["next_cursor"]) is None:
                return


def _take(event: Event, line: str) -> None:
    """One line of an event; a comment says only that the stream is alive."""
    name, _, value = line.partition(":")
    value = value.removeprefix(" ")
    if name == "data":
        event.data.append(value)
    elif name == "event":
        event.name = value
    elif name == "id":
        event.id = value
