"""A payments process of its own, which a test kills at the moment that it chooses, and starts again."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from starlette.exceptions import HTTPException

from local_stack import platforms
from payments.domain.orders import Order
from servicekit.postgres import PostgresStore
from servicekit.testkit import Issuer, eventually

from .provider_kit import SECRETS, Played

COMMAND = (sys.executable, "-m", "servicekit.serve", "payments.main:create_app")
PATIENT_SECONDS = "30"
"""So long our end waits for an answer: it must not give up while the test prepares the kill."""


@dataclass
class Victim:
    """The process."""

    environment: dict[str, str]
    url: str
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts it, or starts it again; it is ready."""
        with self.log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *COMMAND, env=self.environment, stdout=output, stderr=output
            )
        await eventually(self._is_ready, 60.0)

    async def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()
        try:
            async with httpx.AsyncClient(base_url=self.url) as client:
                return (await client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    async def kill(self) -> None:
        """kill -9."""
        if self.process and self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)
            await self.process.wait()


def victim_of(environment: dict[str, str], world: Played, issuer: Issuer, log: Path) -> Victim:
    """The process, with the simulators as its providers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    own = {
        "PORT": url.rpartition(":")[2], "ISSUER": issuer.url, "JWKS_URL": issuer.jwks_url, "PUBLIC_URL": url,
        "WECHAT__TIMEOUT_SECONDS": PATIENT_SECONDS, **platforms.of_payments(SECRETS, world.url),
    }  # fmt: skip
    return Victim(os.environ | environment | {f"PAYMENTS_{name}": value for name, value in own.items()}, url, log)


@dataclass
class Brakes:
    """Stops the process at a chosen place: at a request to the provider, or before it can write what it learnt."""

    world: Played
    store: PostgresStore
    killed: asyncio.Event = field(default_factory=asyncio.Event)
    parts: AsyncExitStack = field(default_factory=AsyncExitStack)
    waiting: int = 0
    """Transactions of the process that wait for a lock of ours."""

    async def at_provider(self, operation: str, moment: str, go: Callable[[], Awaitable[object]]) -> None:
        """Lets the process go until the provider has this request: before it is done, or before it is answered."""
        reached = asyncio.Event()

        async def stop(seen_operation: str, seen_moment: str) -> None:
            if (seen_operation, seen_moment) == (operation, moment) and not reached.is_set():
                reached.set()
                await self.killed.wait()
                raise HTTPException(503)

        await self._until(reached, stop, go)

    async def before_write(self, operation: str, order: Order, go: Callable[[], Awaitable[object]]) -> None:
        """Lets the process go until it has the provider's answer, and cannot write it: the order is locked."""
        reached = asyncio.Event()

        async def stop(seen_operation: str, seen_moment: str) -> None:
            if (seen_operation, seen_moment) == (operation, "done") and not reached.is_set():
                await self.lock(order)
                reached.set()

        await self._until(reached, stop, go)
        await self.until_waiting()

    async def lock(self, order: Order) -> None:
        """Nobody else changes the order until the process is dead."""
        connection = await self.parts.enter_async_context(self.store.connection())
        transaction = connection.transaction()
        await transaction.start()
        self.parts.push_async_callback(transaction.rollback)
        await connection.execute("SELECT FROM orders WHERE order_id = $1 FOR UPDATE", order.order_id)

    async def until_waiting(self) -> None:
        """One more transaction waits for a lock of ours."""
        self.waiting += 1

        async def waits() -> bool:
            async with self.store.connection() as connection:
                query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'"
                return (await connection.fetchval(query) or 0) >= self.waiting

        await eventually(waits)

    async def _until(
        self, reached: asyncio.Event, stop: Callable[[str, str], Awaitable[None]], go: Callable[[], Awaitable[object]]
    ) -> None:
        self.world.wechat.plan.watch = stop
        self.begin(go)
        async with asyncio.timeout(15.0):
            await reached.wait()
        self.world.wechat.plan.watch = None

    def begin(self, go: Callable[[], Awaitable[object]]) -> None:
        """Starts what will not end."""
        self.parts.callback(asyncio.create_task(_ignore_the_end(go)).cancel)

    async def release(self) -> None:
        """The process is dead: lets go of everything."""
        self.killed.set()
        await self.parts.aclose()


async def _ignore_the_end(go: Callable[[], Awaitable[object]]) -> None:
    """The request of a client whose service is killed."""
    with suppress(httpx.TransportError):
        await go()
