"""A patient client of the public API: it gets its own token, waits out a restart, and says what is really wrong."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

PATIENCE_SECONDS = 180.0
FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS = 0.1, 3.0
TOKEN_RESERVE_SECONDS = 60.0
LATER = frozenset({429, 502, 503, 504})
Parameters = Mapping[str, str | int] | Sequence[tuple[str, str]]


class PlatformError(Exception):
    """The platform refuses, or stays away for longer than one can wait; the text says which and what to do.

    `kind` is the slug of a refusal's problem, e.g. `price-changed`, and `status` its HTTP status; empty and 0 where the
    platform was away.
    """

    def __init__(self, text: str, kind: str = "", status: int = 0) -> None:
        super().__init__(text)
        self.kind = kind
        self.status = status


class PlatformClient:
    """One client of the platform: a machine by its own id and secret, a person by the access token of a sign-in, or
    nobody in particular, who may only read.

    All its requests may be sent twice without harm.
    """

    def __init__(
        self, session: aiohttp.ClientSession, url: str, credentials: tuple[str, str] | None = None,
        access_token: str = "",
    ) -> None:  # fmt: skip
        self._session = session
        self._url = url.rstrip("/")
        self._credentials = aiohttp.encode_basic_auth(*credentials) if credentials else None
        self._token = access_token
        self._token_good_until = 0.0

    def use(self, access_token: str) -> None:
        """Goes on as the same person with a newer token."""
        self._token = access_token

    async def get(self, path: str, parameters: Parameters = ()) -> Any:
        """The JSON answer to a GET. Raises PlatformError."""
        return await self._request("GET", path, params=parameters)

    async def file(self, path: str, parameters: Parameters = ()) -> bytes:
        """The bytes that a GET answers with. Raises PlatformError."""
        return await self._request("GET", path, params=parameters, decode=bytes)

    async def post(self, path: str, body: Any, idempotency_key: str | None = None) -> Any:
        """The JSON answer to a POST of a JSON-able body, or of none. Raises PlatformError."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        data = None if body is None else msgspec.json.encode(body)
        return await self._request("POST", path, headers, data=data)

    async def put(self, path: str, body: Any) -> Any:
        """The JSON answer to a PUT of a JSON-able body. Raises PlatformError."""
        return await self._request("PUT", path, data=msgspec.json.encode(body))

    async def delete(self, path: str) -> None:
        """A DELETE. Raises PlatformError."""
        await self._request("DELETE", path)

    async def token(self) -> str:
        """An access token that is good for at least a minute more. Raises PlatformError."""
        if self._credentials is None and not self._token:
            raise PlatformError("this needs a client id and a secret, or somebody who is signed in")
        if self._credentials is not None and time.monotonic() > self._token_good_until:
            reply = await self._patiently(
                "POST", "/v1/oauth/token", {"Authorization": self._credentials},
                data={"grant_type": "client_credentials"},
            )  # fmt: skip
            self._token = reply["access_token"]
            self._token_good_until = time.monotonic() + reply["expires_in"] - TOKEN_RESERVE_SECONDS
        return self._token

    async def _request(self, method: str, path: str, more_headers: Mapping[str, str] | None = None, **how: Any) -> Any:
        headers = {"Content-Type": "application/json", **(more_headers or {})}
        if self._credentials or self._token:
            headers["Authorization"] = f"Bearer {await self.token()}"
        return await self._patiently(method, path, headers, **how)

    async def _patiently(
        self, method: str, path: str, headers: dict[str, str], decode: Callable[[bytes], Any] = msgspec.json.decode,
        **how: Any,
    ) -> Any:  # fmt: skip
        """Sends until an answer comes that is not `later`; a dead connection counts as `later`, too."""
        deadline, wait_seconds = time.monotonic() + PATIENCE_SECONDS, FIRST_WAIT_SECONDS
        while True:
            trouble = "no answer"
            try:
                async with self._session.request(method, self._url + path, headers=headers, **how) as response:
                    body = await response.read()
                    if response.status < 300:
                        return decode(body) if body else None
                    trouble = _what(response.status, body)
                    if response.status not in LATER:
                        raise PlatformError(f"{method} {path}: {trouble}", _kind(body), response.status)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                trouble = str(error) or repr(error)
            if time.monotonic() > deadline:
                raise PlatformError(f"{method} {path}: still {trouble} after {PATIENCE_SECONDS:.0f} s")
            await asyncio.sleep(wait_seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter is no secret
            wait_seconds = min(wait_seconds * 2, LAST_WAIT_SECONDS)


def _kind(body: bytes) -> str:
    """The slug of the problem that the answer is, if it is one."""
    try:
        return str(msgspec.json.decode(body)["type"]).rpartition(":")[2]
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""


def _what(status: int, body: bytes) -> str:
    """The problem's own words where the answer has them."""
    try:
        document = msgspec.json.decode(body)
        return f"{status} {document.get('detail') or document.get('error_description') or document}"
    except (msgspec.DecodeError, AttributeError):
        return f"{status} {body[:200].decode(errors='replace')}"


@asynccontextmanager
async def connected(
    url: str, credentials: tuple[str, str] | None = None, access_token: str = ""
) -> AsyncIterator[PlatformClient]:
    """A client with an open session: a machine's `credentials`, id and secret, or a person's access token."""
    timeout = aiohttp.ClientTimeout(total=60, connect=5)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=32)) as session:
        yield PlatformClient(session, url, credentials, access_token)
