"""Notifications to the merchant: sent until they are accepted, by the provider's own schedule, which can be compressed.

Each try is built anew, so its signature and time are fresh; its id stays, so that the merchant knows it again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import aiohttp

from simulators.faults import FaultPlan

log = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0
MAX_ANSWER_BYTES = 64 * 1024
MAX_WAITING = 50_000
MAX_REMEMBERED = 10_000


@dataclass
class Notification:
    """One message to the merchant, and how it went so far."""

    id: str
    number: str
    """The merchant's number of what it is about."""
    kind: str
    url: str
    build: Callable[[], tuple[bytes, Mapping[str, str]]]
    """The bytes and headers of one try."""
    statuses: list[int] = field(default_factory=list)
    """HTTP statuses of the tries; 0 where no answer came."""
    is_accepted: bool = False

    def shown(self) -> dict[str, Any]:
        """For the controls."""
        return {
            "id": self.id, "number": self.number, "kind": self.kind, "statuses": self.statuses,
            "accepted": self.is_accepted,
        }  # fmt: skip


class Notifier(AbstractAsyncContextManager["Notifier"]):
    """Sends notifications of one provider. `speed` divides the schedule's pauses."""

    def __init__(
        self, plan: FaultPlan, retry_seconds: Sequence[float], accepts: Callable[[int, bytes], bool], speed: float = 1.0
    ) -> None:
        self.speed = speed
        self.sent: deque[Notification] = deque(maxlen=MAX_REMEMBERED)
        self._plan = plan
        self._retry_seconds = retry_seconds
        self._accepts = accepts
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Notifier":
        """Opens the connections."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=64))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends what still waits."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    @property
    def waiting(self) -> int:
        """How many are on their way."""
        return len(self._tasks)

    def send(self, notification: Notification) -> None:
        """Takes it on its way."""
        self.sent.append(notification)
        if not self._plan.strikes("lost", "notification"):
            self.run(self._deliver(notification))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Does it beside the requests; what is too much is not done, as at a provider that has broken down."""
        if len(self._tasks) >= MAX_WAITING:
            work.close()
            log.warning("too many notifications wait")
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def send_now(self, notification: Notification) -> int:
        """One try: its HTTP status, 0 where no answer came."""
        assert self._session is not None  # noqa: S101 - it was entered
        body, headers = notification.build()
        try:
            async with self._session.post(
                notification.url, data=body, headers=headers, allow_redirects=False
            ) as response:
                answer = await response.content.read(MAX_ANSWER_BYTES)
                status, is_accepted = response.status, self._accepts(response.status, answer)
        except (aiohttp.ClientError, TimeoutError, ValueError):  # ValueError: the address is none
            status, is_accepted = 0, False
        notification.statuses.append(status)
        notification.is_accepted = notification.is_accepted or is_accepted
        return status

    async def _deliver(self, notification: Notification) -> None:
        plan = self._plan
        await plan.see("notification", "received")
        if plan.strikes("reorder", "notification"):
            await asyncio.sleep(plan.faults.reorder_seconds)
        for pause in (*self._retry_seconds, None):
            await self.send_now(notification)
            if notification.is_accepted or pause is None:
                break
            await asyncio.sleep(pause / self.speed)
        if plan.strikes("duplicate", "notification"):
            for _ in range(plan.faults.duplicates):
                await self.send_now(notification)
        await plan.see("notification", "answered")
