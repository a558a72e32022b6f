"""Publishes hours of stations that changed, each again at most every two seconds, and never an older state later."""

import logging
from collections.abc import Sequence

from analytics.domain.published_hours import Told, event_of, nothing_of
from analytics.repository.published_hours import Session
from analytics.use_cases.context import Analytics
from schemas.base import Event
from servicekit.envelope import to_records
from servicekit.mongo import LEASE_SECONDS
from servicekit.mongo_lease import MongoLease

log = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0
MARKS_AT_ONCE = 100
HOURS_AT_ONCE = 500
"""In one transaction."""


class Publisher:
    """One per process; a lease lets one of them work at a time, and were there two, transactions keep the order."""

    def __init__(self, analytics: Analytics) -> None:
        self._store = analytics.store
        self._hours = analytics.published_hours
        self._lease = MongoLease(analytics.store.database, "publisher", LEASE_SECONDS)

    async def publish(self) -> int:
        """Publishes what changed until now; how many events. Raises StoreUnavailable."""
        published, is_more = 0, True
        while is_more and await self._is_mine():
            marks = await self._hours.marks(await self._hours.serving(), MARKS_AT_ONCE)
            is_more = len(marks) == MARKS_AT_ONCE
            keys = sorted({key for mark in marks for key in mark.keys})
            for start in range(0, len(keys), HOURS_AT_ONCE):
                published += await self._publish_some(keys[start : start + HOURS_AT_ONCE])
            await self._hours.remove(marks)
        return published

    async def _publish_some(self, keys: Sequence[str]) -> int:
        return await self._store.transact(lambda tx: self._publish(tx, keys))

    async def _is_mine(self) -> bool:
        async with self._store.available():
            return await self._lease.keep()

    async def _publish(self, tx: Session, keys: Sequence[str]) -> int:
        """Reads what is and what was told in one snapshot, so that what is told is newer than what was. In an hour
        that was told and is no more nothing was sold."""
        told = await self._hours.told(tx, keys)
        gone = {key: nothing_of(key, one) for key, one in told.items()}
        events: list[Event] = []
        now_told: dict[str, Told] = {}
        for key, document in (gone | await self._hours.hours(tx, keys)).items():
            try:
                made = event_of(key, document, told.get(key))
            except ValueError as error:  # a newer payments knows a grade that this release does not
                log.error("an hour cannot be published", extra={"bucket": key, "error": repr(error)})
                continue
            if made is not None:
                events.append(made[0])
                now_told[key] = made[1]
        if events:
            await self._hours.note_told(tx, now_told)
            await self._store.append_to_outbox(tx, to_records(events))
        return len(events)
