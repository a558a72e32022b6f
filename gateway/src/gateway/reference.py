"""Keeps the public OpenAPI document current from the services' own."""

import asyncio
import logging
from collections.abc import Iterable, Mapping

import aiohttp
import msgspec

from gateway.answers import Answer
from gateway.openapi import GATEWAY, Document, merge
from gateway.routing import Route
from servicekit.bodies import read_whole

log = logging.getLogger(__name__)

FETCH_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
FIRST_REFRESH_SECONDS = 2.0
"""How often to ask until every service has answered once."""


class Reference:
    """The merged document. A service that is away keeps the paths it last had."""

    def __init__(self, urls: Mapping[str, str], own: Document, routes: Iterable[Route], refresh_seconds: float) -> None:
        self._urls = urls
        self._routes = tuple(routes)
        self._refresh_seconds = refresh_seconds
        self._documents: dict[str, Document] = {GATEWAY: own}
        self.answer = self._merged()
        """The document as clients get it, made once for all of them."""

    async def keep_current(self, session: aiohttp.ClientSession) -> None:
        """Asks every service again and again, for ever."""
        while True:
            before = dict(self._documents)
            await asyncio.gather(*(self._fetch(session, service) for service in self._urls))
            if self._documents != before:
                self.answer = await asyncio.to_thread(self._merged)  # beside the loop: it takes some milliseconds
            known = all(service in self._documents for service in self._urls)
            await asyncio.sleep(self._refresh_seconds if known else FIRST_REFRESH_SECONDS)

    def _merged(self) -> Answer:
        document = msgspec.json.encode(merge(self._documents, self._routes))
        return Answer(200, [(b"content-type", b"application/json")], document)

    async def _fetch(self, session: aiohttp.ClientSession, service: str) -> None:
        url = f"{self._urls[service].rstrip('/')}/openapi.json"
        try:
            async with session.get(url, timeout=FETCH_TIMEOUT, allow_redirects=False) as response:
                response.raise_for_status()
                content = await read_whole(response.content, MAX_DOCUMENT_BYTES)
            self._documents[service] = msgspec.json.decode(content, type=dict)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            log.info("a service's OpenAPI document is not to be had", extra={"upstream": service, "error": repr(error)})
