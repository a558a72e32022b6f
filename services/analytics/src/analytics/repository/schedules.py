"""Schedules of reports, the recipient's address sealed in the owner's box; and where their owners may read reports."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import DESCENDING, ReturnDocument

from analytics.domain.schedules import MOST_RUNS, Cadence, Code, Format, Run, Schedule, Status, Terms
from servicekit.mongo import MongoStore
from servicekit.vault import Box, Vault

Session = AsyncIOMotorClientSession
LEASE = timedelta(minutes=5)
"""Longer than a report takes to be made and sent; whoever began and does not end it loses it to another one then."""
_TERMS = ("report", "station_id", "operator", "time_zone", "cadence", "hour", "format", "language")
_STATE = ("status", "reason", "next_at", "try_at", "tries", "failures", "version")


@dataclass(frozen=True, slots=True)
class Bindings:
    """Where a person may read reports."""

    operators: frozenset[str]
    stations: frozenset[str]


class Schedules:
    """Schedules for the use cases; reads without a transaction see what is committed."""

    def __init__(self, store: MongoStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._schedules = store.database.report_schedules

    async def insert(self, tx: Session, schedule: Schedule) -> None:
        """Stores a new one."""
        box = await self._vault.box(tx, schedule.owner)
        sealed = box.seal(schedule.recipient, recipient_context(schedule.schedule_id))
        await self._schedules.insert_one(_document(schedule) | {"recipient": sealed}, session=tx)

    async def find(self, owner: str, schedule_id: UUID, tx: Session | None = None) -> Schedule | None:
        """The owner's schedule."""
        async with self._store.available():
            found = await self._schedules.find_one({"_id": schedule_id, "owner": owner}, session=tx)
            return await self._opened(found, tx) if found else None

    async def page(self, owner: str, before: UUID | None, limit: int) -> list[Schedule]:
        """The owner's schedules, the newest first."""
        asked = {"owner": owner} | ({"_id": {"$lt": before}} if before else {})
        async with self._store.available():
            found = await self._schedules.find(asked).sort("_id", DESCENDING).limit(limit).to_list(None)
            return [one for document in found if (one := await self._opened(document, None))]

    async def count(self, tx: Session, owner: str) -> int:
        """How many the owner has."""
        return await self._schedules.count_documents({"owner": owner}, session=tx)

    async def save(self, before: Schedule, after: Schedule, tx: Session | None = None) -> bool:
        """Stores what became of it, unless something else did since; whether it was stored."""
        async with self._store.available():
            changes = _document(after)
            if after.recipient != before.recipient:
                box = await self._vault.box(tx, after.owner)
                changes["recipient"] = box.seal(after.recipient, recipient_context(after.schedule_id))
            known = {"_id": before.schedule_id, "version": before.version}
            changes.pop("_id")
            return (await self._schedules.update_one(known, {"$set": changes}, session=tx)).matched_count == 1

    async def reload(self, schedule: Schedule) -> Schedule | None:
        """The same as it is now; None where it is gone."""
        return await self.find(schedule.owner, schedule.schedule_id)

    async def note_run(self, schedule_id: UUID, run: Run) -> None:
        """Adds a run to a schedule that was changed while it ran."""
        push = {"$each": [_run_document(run)], "$position": 0, "$slice": MOST_RUNS}
        async with self._store.available():
            await self._schedules.update_one({"_id": schedule_id}, {"$push": {"runs": push}})

    async def claim(self, now: datetime) -> Schedule | None:
        """The one for which something has been due longest, for LEASE; nobody else gets it meanwhile."""
        async with self._store.available():
            while True:
                found = await self._schedules.find_one_and_update(
                    {"try_at": {"$lte": now}},
                    {"$set": {"try_at": now + LEASE}, "$inc": {"tries": 1, "version": 1}},
                    sort=[("try_at", 1)], return_document=ReturnDocument.AFTER,
                )  # fmt: skip
                if found is None:
                    return None
                if (schedule := await self._opened(found, None)) is not None:
                    return schedule

    async def delete(self, tx: Session, owner: str, schedule_id: UUID) -> bool:
        """Deletes one; whether it was there."""
        return (await self._schedules.delete_one({"_id": schedule_id, "owner": owner}, session=tx)).deleted_count == 1

    async def delete_all(self, tx: Session, owners: Sequence[str]) -> int:
        """Deletes all of some people; how many."""
        return (await self._schedules.delete_many({"owner": {"$in": list(owners)}}, session=tx)).deleted_count

    async def of_owners(self, owners: Sequence[str], tx: Session | None = None) -> list[Schedule]:
        """All of some people."""
        async with self._store.available():
            found = self._schedules.find({"owner": {"$in": list(owners)}}, session=tx).sort("_id", 1)
            return [one for document in await found.to_list(None) if (one := await self._opened(document, tx))]

    async def hand_over(self, tx: Session, schedule: Schedule, into: str) -> None:
        """Makes it another account's; the address is sealed anew in that one's box."""
        box = await self._vault.box(tx, into)
        sealed = box.seal(schedule.recipient, recipient_context(schedule.schedule_id))
        change = {"$set": {"owner": into, "recipient": sealed}, "$inc": {"version": 1}}
        await self._schedules.update_one({"_id": schedule.schedule_id}, change, session=tx)

    async def _opened(self, document: Mapping[str, Any], tx: Session | None) -> Schedule | None:
        """The schedule; None where its owner was erased right now, and the address cannot be read."""
        boxes = await self._vault.boxes(tx, [document["owner"]])
        return _schedule(document, boxes[document["owner"]]) if boxes else None


class Readers:
    """Where people may read reports, as identity says by its events, and how many codes they had sent."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self._readers = store.database.report_readers

    async def note(self, tx: Session, subject: str, version: int, bindings: Bindings) -> None:
        """What holds as of this version, unless a later one is known."""
        known = await self._readers.find_one({"_id": subject}, {"version": 1}, session=tx)
        if known is None or known.get("version", 0) < version:
            what = {"version": version, "operators": sorted(bindings.operators), "stations": sorted(bindings.stations)}
            await self._readers.update_one({"_id": subject}, {"$set": what}, upsert=True, session=tx)

    async def find(self, subject: str) -> Bindings:
        """Where the person may read reports now; nowhere, where nobody said so."""
        async with self._store.available():
            found = await self._readers.find_one({"_id": subject}) or {}
        return Bindings(frozenset(found.get("operators", ())), frozenset(found.get("stations", ())))

    async def count_code(self, tx: Session, subject: str, now: datetime, most: int) -> bool:
        """Counts a code that is to be sent; False where there were as many within a day already."""
        found = await self._readers.find_one({"_id": subject}, {"codes": 1}, session=tx) or {}
        recent = [moment for moment in found.get("codes", ()) if moment > now - timedelta(days=1)]
        if len(recent) >= most:
            return False
        await self._readers.update_one({"_id": subject}, {"$set": {"codes": [*recent, now]}}, upsert=True, session=tx)
        return True

    async def delete(self, tx: Session, subjects: Sequence[str]) -> None:
        """Forgets people."""
        await self._readers.delete_many({"_id": {"$in": list(subjects)}}, session=tx)


def recipient_context(schedule_id: UUID) -> str:
    """What an address is sealed for."""
    return f"report_schedules.recipient|{schedule_id}"


def _document(schedule: Schedule) -> dict[str, Any]:
    """All but the address."""
    terms, code = schedule.terms, schedule.code
    return {
        "_id": schedule.schedule_id, "owner": schedule.owner, "created_at": schedule.created_at,
        **{name: _plain(getattr(terms, name)) for name in _TERMS},
        **{name: _plain(getattr(schedule, name)) for name in _STATE},
        "code": asdict(code) if code else None, "runs": [_run_document(run) for run in schedule.runs],
    }  # fmt: skip


def _run_document(run: Run) -> dict[str, Any]:
    days = {"first_day": f"{run.first_day}", "last_day": f"{run.last_day}"}
    return {name: _plain(value) for name, value in asdict(run).items()} | days


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _schedule(document: Mapping[str, Any], box: Box) -> Schedule:
    schedule_id, code = document["_id"], document["code"]
    terms: dict[str, Any] = {name: document[name] for name in _TERMS}
    typed = terms | {"cadence": Cadence(terms["cadence"]), "format": Format(terms["format"])}
    state: dict[str, Any] = {name: document[name] for name in _STATE} | {"status": Status(document["status"])}
    return Schedule(
        schedule_id=schedule_id, owner=document["owner"], terms=Terms(**typed), created_at=document["created_at"],
        recipient=box.open(document["recipient"], recipient_context(schedule_id)),
        code=Code(**code) if code else None, runs=tuple(map(_run, document["runs"])), **state,
    )  # fmt: skip


def _run(document: Mapping[str, Any]) -> Run:
    days = {name: date.fromisoformat(document[name]) for name in ("first_day", "last_day")}
    return Run(**{**document, **days})


def stored(moment: datetime) -> datetime:
    """The moment as exactly as MongoDB keeps it."""
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
