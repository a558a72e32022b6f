"""Token buckets in Valkey: one atomic script for all who ask at the same moment, and never a long wait for it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from pydantic import SecretStr
from valkey.asyncio import Valkey
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff
from valkey.exceptions import ValkeyError

from gateway.settings import Rate
from servicekit.telemetry import RATE_LIMITS_SHARED

log = logging.getLogger(__name__)

PREFIX = "forecourt:rate:"
MAX_BATCH = 512
MAX_WAITING = 4_096
PROBE_SECONDS = 0.5
MICROSECONDS = 1_000_000

SCRIPT = """
-- KEYS: buckets. ARGV: for each, microseconds per token and how many tokens it holds.
-- A bucket is the moment when it is full again, by the server's clock. Returns for each how many microseconds to wait
-- (0: a token was taken) and in how many it will be full.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answers = {}
for index, key in ipairs(KEYS) do
    local interval, burst = tonumber(ARGV[2 * index - 1]), tonumber(ARGV[2 * index])
    local full_at = math.max(now, tonumber(redis.call('GET', key) or now))
    local wait = full_at - (burst - 1) * interval - now
    if wait <= 0 then
        wait = 0
        full_at = full_at + interval
        redis.call('SET', key, string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
    end
    answers[2 * index - 1] = math.ceil(wait)
    answers[2 * index] = math.floor(full_at - now)
end
return answers
"""


class Answer(NamedTuple):
    """What became of one request: 0 seconds to wait means that a token was taken."""

    wait_seconds: float
    full_in_seconds: float


class _Request(NamedTuple):
    key: str
    rate: Rate
    answer: asyncio.Future[Answer | None]


class ValkeyBuckets:
    """Buckets that all replicas share. While a script runs, those who ask next wait for the next one, together.

    After a failure `available` is False, and nobody is made to wait again until `keep_connected` has seen the server
    answer. A request waits at most for the script that runs and for its own: twice the timeout, once per outage.
    """

    def __init__(self, url: SecretStr, timeout_seconds: float) -> None:
        self.available = False
        self._timeout_seconds = timeout_seconds
        self._client = Valkey.from_url(
            url.get_secret_value(), socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0), max_connections=4,
        )  # fmt: skip
        self._script = self._client.register_script(SCRIPT)
        self._waiting: list[_Request] = []
        self._sender: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()

    async def take(self, bucket: str, rate: Rate) -> Answer | None:
        """Takes a token of a bucket; None where Valkey does not answer in time."""
        if not self.available or len(self._waiting) >= MAX_WAITING:
            return None
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(PREFIX + bucket, rate, answer))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_waiting())
        return await answer

    async def _send_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            answers = await self._ask(batch) if self.available else None
            for index, request in enumerate(batch):
                if not request.answer.done():  # it is where its client has left
                    request.answer.set_result(answers[index] if answers else None)
        self._sender = None

    async def _ask(self, batch: list[_Request]) -> list[Answer] | None:
        limits = [number for _, rate, _ in batch for number in (round(MICROSECONDS / rate.per_second) or 1, rate.burst)]
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer: Any = await self._script([request.key for request in batch], limits)
        except (ValkeyError, OSError) as error:  # TimeoutError is an OSError
            self._lose(error)
            return None
        seconds = [number / MICROSECONDS for number in answer]
        return [Answer(*pair) for pair in zip(seconds[::2], seconds[1::2], strict=True)]

    def _lose(self, error: Exception) -> None:
        if self.available:
            log.warning("shared rate limits are away; this replica limits alone", extra={"error": repr(error)})
        self.available = False
        RATE_LIMITS_SHARED.set(0)
        self._lost.set()

    async def connect(self) -> bool:
        """Whether the server answers; from then on it decides."""
        with suppress(ValkeyError, OSError):
            async with asyncio.timeout(self._timeout_seconds * 2):
                await self._client.connection_pool.disconnect()
                await self._script([PREFIX + "probe"], [1, 1])  # not PING: a server that cannot write helps nobody
            log.info("rate limits are shared")
            self._lost.clear()
            self.available = True
            RATE_LIMITS_SHARED.set(1)
        return self.available

    async def keep_connected(self) -> None:
        """Looks for the server again and again while it is away, for ever."""
        while True:
            if not self.available and not await self.connect():
                await asyncio.sleep(PROBE_SECONDS)
                continue
            await self._lost.wait()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """For the life of the gateway; it starts without the server, too."""
        if not await self.connect():
            log.warning("shared rate limits are not there yet; this replica limits alone")
        try:
            yield
        finally:
            self.available = False
            await self._client.aclose()
