"""Keeps the public OpenAPI document current from the services' own."""

import asyncio
import logging
from collections.abc import Iterable, Mapping

import aiohttp
import msgspec

from gateway.openapi import GATEWAY, Document, merge
from gateway.routes import Route

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
        self._merged = merge(self._documents, self._routes)

    def current(self) -> Document:
        """The document as of now."""
        return self._merged

    async def keep_current(self, session: aiohttp.ClientSession) -> None:
        """Asks every service again and again, for ever."""
        while True:
            await asyncio.gather(*(self._fetch(session, service) for service in self._urls))
            self._merged = merge(self._documents, self._routes)
            known = all(service in self._documents for service in self._urls)
            await asyncio.sleep(self._refresh_seconds if known else FIRST_REFRESH_SECONDS)

    async def _fetch(self, session: aiohttp.ClientSession, service: str) -> None:
        url = f"{self._urls[service].rstrip('/')}/openapi.json"
        try:
            async with session.get(url, timeout=FETCH_TIMEOUT, allow_redirects=False) as response:
                response.raise_for_status()
                content = await response.content.read(MAX_DOCUMENT_BYTES)
            self._documents[service] = msgspec.json.decode(content, type=dict)
        except (aiohttp.ClientError, OSError, msgspec.DecodeError) as error:
            log.info("a service's OpenAPI document is not to be had", extra={"upstream": service, "error": repr(error)})
