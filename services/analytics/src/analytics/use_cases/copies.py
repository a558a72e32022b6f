"""Analysts' copies of topics with personal data: each analyst's own, with pseudonyms in the place of people.

A copy is made at least once: an event's `ce_id` always becomes the same other one, so who has seen it drops it. What
was read is committed when its copies are acknowledged. Only fields of the models are copied: one that this release does
not know may be anything, also personal data.

Copies of all analysts have one pace (use_cases.pace), since the process that makes them may fold views and answer
questions: a tenth of its time, some 1,000 events a second. Who needs more runs a worker for them (analytics.worker).
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from analytics.domain.analysts import Analyst, event_id_of, pseudonymous
from analytics.repository import analysts
from analytics.settings import Settings
from analytics.use_cases.context import Analytics
from analytics.use_cases.pace import Pace
from schemas.base import Event
from schemas.catalogue import COPIED, COPIES_KEEP_MS
from servicekit import kafka
from servicekit.envelope import MalformedMessage, Message
from servicekit.reading import GroupReader
from servicekit.store import StoreUnavailable
from servicekit.telemetry import ANALYST_COPIES

log = logging.getLogger(__name__)

REGISTER_SECONDS = 1.0
CANCEL_AGAIN_SECONDS = 3.0
TURN = 50
"""Records copied in a turn: some 4 ms, in which the process does nothing else."""
KEPT = timedelta(milliseconds=COPIES_KEEP_MS)
HEADERS = ("ce_specversion", "ce_source", "ce_type", "ce_time", "content-type")
"""What a copy has of a record's headers, beside an id of its own; a trace would lead to the request of a person."""


class Copies:
    """Makes copies for everybody in the register, from a moment after they come until a moment after they go."""

    def __init__(self, analytics: Analytics, pace: Pace) -> None:
        self._analytics = analytics
        self._pace = pace
        self._running: dict[Analyst, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Looks into the register until cancelled; while the database is away it goes on as it was."""
        try:
            while True:
                try:
                    await self._follow(await analysts.everyone(self._analytics.store))
                except StoreUnavailable as error:
                    log.warning("the register of analysts is away", extra={"error": str(error)})
                await asyncio.sleep(REGISTER_SECONDS)
        finally:
            await _end(list(self._running.values()))

    async def _follow(self, wanted: Sequence[Analyst]) -> None:
        gone = self._running.keys() - set(wanted)
        await _end([self._running.pop(analyst) for analyst in gone])
        for analyst in wanted:
            task = self._running.get(analyst)
            if task is not None and task.done() and not task.cancelled():
                log.error("copying crashed, starting again", extra={"error": repr(task.exception())})
            if task is None or task.done():
                copier = Copier(self._analytics.settings, analyst, self._pace)
                self._running[analyst] = asyncio.create_task(copier.run(), name=copier.name)


class Copier(GroupReader):
    """Copies for one analyst. Processes of the service share the partitions."""

    max_records = TURN

    def __init__(self, settings: Settings, analyst: Analyst, pace: Pace) -> None:
        super().__init__(settings, analyst.group(settings.service), [topic.name for topic in COPIED])
        self.name = self.measured_as = f"{settings.service}.copy.{analyst.name}"
        self._analyst = analyst
        self._pace = pace
        self._names = analyst.pseudonyms(settings.pseudonym_key.get_secret_value())

    async def _run_client(self) -> None:
        self._producer = producer = kafka.make_producer(self._settings)  # a new one with each client
        try:
            await producer.start()
            await super()._run_client()
        finally:
            await producer.stop()

    async def _process(self, messages: Sequence[Message]) -> None:
        """Sends the copies in a turn, and waits until all are acknowledged."""
        sent: list[asyncio.Future[Any]] = []
        async with self._pace.turn():
            for message in messages:
                event = _readable(message)
                ANALYST_COPIES.labels(message.topic, "left out" if event is None else "copied").inc()
                if event is not None:
                    sent.append(await self._send(message, pseudonymous(event, self._names)))
        await asyncio.gather(*sent)

    async def _send(self, message: Message, event: Event) -> "asyncio.Future[Any]":
        headers = [(name, message.headers[name].encode()) for name in HEADERS if name in message.headers]
        headers.append(("ce_id", event_id_of(message.identity, self._names).encode()))
        return await self._producer.send(
            self._analyst.copy_of(message.topic), event.to_json(), key=event.key().encode(), headers=headers,
            timestamp_ms=round(message.published_at.timestamp() * 1000),
        )  # fmt: skip


def _readable(message: Message) -> Event | None:
    """The event, or None where there is nothing to copy: what is of a later release is not known to be nobody's."""
    if message.published_at < datetime.now(UTC) - KEPT:
        return None
    try:
        return message.event()
    except MalformedMessage:
        log.warning("not copied, since it is no event", extra={"topic": message.topic, "offset": message.offset})
        return None


async def _end(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Cancels until they have ended: aiokafka may take a cancellation for its own task's and go on."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)
