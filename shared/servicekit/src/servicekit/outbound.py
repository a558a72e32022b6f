"""HTTP to platforms outside: only to addresses that settings name, with no redirects, and a bound on everything.

A platform's answer to a proof is one of few things, whatever its own words are: the exceptions here.
"""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from typing import IO, Annotated, Any, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from pydantic import AfterValidator
from yarl import URL

from servicekit.bodies import TooLong, read_whole

TIMEOUT_SECONDS = 5.0
CONNECT_SECONDS = 3.0
MAX_CONNECTIONS = 50
MAX_BODY_BYTES = 64 * 1024


class PlatformAway(Exception):
    """No answer, or none that makes sense; `was_sent`: the platform may have done what it was asked all the same."""

    def __init__(self, reason: str, *, was_sent: bool = True) -> None:
        super().__init__(reason)
        self.was_sent = was_sent


class CodeRefused(Exception):
    """The code is not good: unknown, used, too old, or another app's."""


class PersonRefused(Exception):
    """The platform holds the person for a risk and lets nobody in for them."""


class TooOften(Exception):
    """The platform's rate limit; ask again after `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("the platform's rate limit")
        self.retry_after_seconds = retry_after_seconds


def checked_base_url(url: str) -> str:
    """The URL without a slash at its end. Raises ValueError for one that secrets must not be sent to."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("a base URL is https://<host>[:port][/path]")
    address = _literal(parts.hostname)
    if address is not None and not address.is_global and not address.is_loopback:
        raise ValueError("a platform outside has no private address")
    if parts.scheme == "http" and not (address and address.is_loopback):
        raise ValueError("a platform is asked by https; http is for 127.0.0.1, where its simulator is")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(checked_base_url)]
"""Where a platform's API is."""


class PublicAddresses(AbstractResolver):
    """Resolves names to public addresses only: a name that someone points into our network leads nowhere."""

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See AbstractResolver. Raises OSError where no address is left."""
        found = await self._resolver.resolve(host, port, family)
        public = [one for one in found if ip_address(one["host"].partition("%")[0]).is_global]
        if not public:
            raise OSError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        """See AbstractResolver."""
        await self._resolver.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a platform answered, as it came; `headers` are found in either case of letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Outbound:
    """The process's one pool of connections to platforms; it opens with the first request."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, method: str, url: str, **request: Any) -> tuple[int, bytes]:
        """Status and body; see `exchange`."""
        answer = await self.exchange(method, url, **request)
        return answer.status, answer.body

    async def exchange(
        self, method: str, url: str | URL, *, timeout_seconds: float = TIMEOUT_SECONDS, **request: Any
    ) -> Answer:
        """The answer; `request` is aiohttp's: params, data, json, headers, auth. Raises PlatformAway.

        A URL whose very bytes count, as where they are signed, comes as `URL(text, encoded=True)`.
        """
        timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds))
        async with self._asked(method, url, timeout=timeout, **request) as response:
            body = await read_whole(response.content, MAX_BODY_BYTES)
            return Answer(response.status, response.headers, body)

    async def download(
        self, url: str | URL, file: IO[bytes], max_bytes: int, *, timeout_seconds: float, **request: Any
    ) -> int:
        """Writes a body of at most `max_bytes` to the file, piece by piece; the status. Raises PlatformAway."""
        timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds))
        async with self._asked("GET", url, timeout=timeout, **request) as response:
            length = 0
            async for piece in response.content.iter_any():
                if (length := length + len(piece)) > max_bytes:
                    raise TooLong(f"the body is longer than {max_bytes:,} bytes")
                file.write(piece)
            return response.status

    @asynccontextmanager
    async def _asked(self, method: str, url: str | URL, **request: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer while it is read. Whatever goes wrong is PlatformAway.

        What went wrong is told without the address: a query may hold a secret, and a log would keep it.
        """
        try:
            async with self._opened().request(method, url, allow_redirects=False, **request) as response:
                yield response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise PlatformAway(f"no connection ({type(error).__name__})", was_sent=False) from None
        except TooLong:
            raise PlatformAway("an answer without end") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise PlatformAway(f"no answer ({type(error).__name__})") from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, resolver=PublicAddresses()),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _literal(host: str) -> Any:
    try:
        return ip_address(host)
    except ValueError:
        return None
