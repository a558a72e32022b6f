"""For tests: poll with a deadline, run an app in-process, issue real tokens, look into Kafka."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from unittest.mock import patch

import httpx
from aiohttp import web
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from schemas.base import Event, rfc3339
from servicekit.auth import ALGORITHMS, TOKEN_TYPE
from servicekit.envelope import Headers, Message, event_headers, source_of, to_record
from servicekit.ids import new_id
from servicekit.settings import ServiceSettings

Value = TypeVar("Value")
SomeSettings = TypeVar("SomeSettings", bound=ServiceSettings)


async def eventually(probe: Callable[[], Awaitable[Value]], timeout_seconds: float = 15.0) -> Value:
    """The first truthy answer of the probe, or AssertionError with the last one when time is up."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        value = await probe()
        if value:
            return value
        assert time.monotonic() < deadline, f"still {value!r} after {timeout_seconds} s"  # noqa: S101 - it is a test
        await asyncio.sleep(0.02)


def canary_phone() -> str:
    """A Chinese mobile number that nobody has (E.164): where one turns up in a log or an event, something leaks."""
    return f"+8619900{secrets.randbelow(10**6):06}"


def settings_from(kind: type[SomeSettings], environment: Mapping[str, str], **overrides: Any) -> SomeSettings:
    """A service's settings from the environment it would have, some of them replaced."""
    with patch.dict(os.environ, environment):
        return kind(**overrides)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The app with its lifespan, and a client that calls it without a socket."""
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://test"
        ) as client,
    ):
        yield client


class SharedService:
    """An app that goes on from one test to the next: to start one takes longer than most tests."""

    _all: ClassVar[list["SharedService"]] = []
    _folder: ClassVar[Path | None] = None

    def __init__(self, make: Callable[[], FastAPI]) -> None:
        self._all.append(self)
        self._make = make
        self._parts = AsyncExitStack()
        self._running: tuple[FastAPI, httpx.AsyncClient] | None = None

    async def serve(self) -> tuple[FastAPI, httpx.AsyncClient]:
        """The app, started where it does not run, and a client that calls it."""
        if self._running is None:
            app = self._make()
            self._running = app, await self._parts.enter_async_context(running(app))
        return self._running

    @classmethod
    async def enter(cls, folder: Path) -> None:
        """Ends whatever runs when another folder's tests begin: they run the same services, on the same topics."""
        if folder != cls._folder:
            cls._folder = folder
            for one in cls._all:
                await one.stop()

    async def stop(self) -> None:
        """Ends it where it runs: a test wants to be alone with the store and the topics."""
        self._running = None
        await self._parts.aclose()


def make_signing_key() -> ECKey:
    """A new key of the kind that access tokens are signed with."""
    return ECKey.generate_key("P-256", {"kid": str(new_id()), "use": "sig", "alg": "ES256"})


class Issuer:
    """A token issuer with its own key, whose JWKS is served on a local port."""

    def __init__(self, audience: str = "forecourt", key: ECKey | None = None) -> None:
        self.key = key or make_signing_key()
        self.published = [self.key]
        self.url = ""
        self._audience = audience

    @property
    def jwks_url(self) -> str:
        """Where the public keys are."""
        return f"{self.url}/jwks.json"

    def token(self, *scopes: str, key: ECKey | None = None, typ: str = TOKEN_TYPE, **claims: Any) -> str:
        """A signed access token; keyword arguments replace claims (None leaves one out)."""
        now = int(time.time())
        standard = {
            "iss": self.url, "aud": self._audience, "sub": "test-client", "iat": now, "exp": now + 300,
            "jti": str(new_id()), "scope": " ".join(scopes),
        }  # fmt: skip
        merged = {name: value for name, value in (standard | claims).items() if value is not None}
        signer = key or self.key
        return jwt.encode({"alg": ALGORITHMS[0], "kid": signer.kid, "typ": typ}, merged, signer)

    def bearer(self, *scopes: str, **claims: Any) -> dict[str, str]:
        """The Authorization header with such a token."""
        return {"Authorization": f"Bearer {self.token(*scopes, **claims)}"}

    async def serve_keys(self, _: web.Request) -> web.Response:
        """The JWKS document."""
        return web.json_response(KeySet(list(self.published)).as_dict(private=False))


@asynccontextmanager
async def running_issuer(key: ECKey | None = None, port: int = 0) -> AsyncIterator[Issuer]:
    """An issuer that listens on a free local port, or again on the one it had."""
    issuer = Issuer(key=key)
    app = web.Application()
    app.router.add_get("/jwks.json", issuer.serve_keys)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, reuse_address=True)
    await site.start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield issuer
    finally:
        await runner.cleanup()


class KafkaProbe:
    """Reads and writes topics with the credentials it is given, aiokafka's keyword arguments."""

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        self._connection = dict(credentials)

    async def send(self, topic: str, value: bytes, key: bytes | None = None, headers: Headers | None = None) -> None:
        """Writes one record and waits for all replicas."""
        producer = AIOKafkaProducer(**self._connection, acks="all", enable_idempotence=True)
        await producer.start()
        try:
            await producer.send_and_wait(topic, value, key=key, headers=headers or [])
        finally:
            await producer.stop()

    async def write(self, messages: Sequence[Message]) -> None:
        """Writes records as they are, in order, with the times that they say; their partitions follow from keys."""
        producer = AIOKafkaProducer(**self._connection, acks="all", enable_idempotence=True)
        await producer.start()
        try:
            sent = [
                await producer.send(
                    one.topic, one.value, key=one.key, timestamp_ms=round(one.published_at.timestamp() * 1000),
                    headers=[(name, text.encode()) for name, text in one.headers.items()],
                )
                for one in messages
            ]  # fmt: skip
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    async def publish(self, event: Event) -> str:
        """Writes an event as its owner's relay does, with nothing of a trace; returns its id."""
        event_id, record = new_id(), to_record(event, None)
        time, source = rfc3339(datetime.now(UTC)).encode(), source_of(event.service).encode()
        headers = event_headers(record, event_id, source, time)
        await self.send(record.topic, record.payload, key=record.key.encode(), headers=headers)
        return str(event_id)

    async def read(self, topic: str) -> list[Message]:
        """All records that the topic holds now, in order of time."""
        consumer = AIOKafkaConsumer(topic, **self._connection, auto_offset_reset="earliest", enable_auto_commit=False)
        await consumer.start()
        try:
            messages: list[Message] = []
            ends = await consumer.end_offsets(consumer.assignment())
            while any([await consumer.position(partition) < end for partition, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    messages += [Message.of(record) for record in records]
            return sorted(messages, key=lambda message: (message.published_at, message.partition, message.offset))
        finally:
            await consumer.stop()
