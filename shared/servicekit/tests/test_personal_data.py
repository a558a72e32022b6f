"""What becomes of a person's data, on both kinds of store: whatever comes twice, late, out of order or in between."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.base import Event
from schemas.events import UserErasedV1, UserMergedV1
from servicekit.consumer import Received
from servicekit.envelope import Message
from servicekit.erasures import Erasures, MongoErasures, PostgresErasures, require_present
from servicekit.ids import new_id
from servicekit.mongo import MongoStore
from servicekit.personal_data import PeopleDesk
from servicekit.postgres import PostgresStore
from servicekit.problems import Problem

from .conftest import Backend

NOW = datetime(2026, 4, 30, 10, tzinfo=UTC)
MESSAGE = Message("identity.users", 0, 0, None, None, {}, NOW)


class PostgresNotes:
    """A service's personal data: texts, each of one person, and a book that stays."""

    kept = frozenset({"book"})

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, tx: Any, subject: str, text: str) -> None:
        await tx.execute("INSERT INTO notes (note) VALUES ($1)", f"{subject}|{text}")

    async def collect(self, subject: str) -> dict[str, Any]:
        async with self._store.connection() as connection:
            rows = await connection.fetch("SELECT note FROM notes WHERE note LIKE $1 || '|%'", subject)
        return {"notes": sorted(row["note"].partition("|")[2] for row in rows), "book": ["paid", "paid"]}

    async def erase(self, tx: Any, subject: str) -> dict[str, int]:
        return {"notes": len(await tx.fetch("DELETE FROM notes WHERE note LIKE $1 || '|%' RETURNING 1", subject))}

    async def merge(self, tx: Any, subject: str, into: str) -> None:
        await tx.execute("UPDATE notes SET note = replace(note, $1, $2) WHERE note LIKE $1 || '|%'", subject, into)


class MongoNotes:
    """The same."""

    kept = frozenset({"book"})

    def __init__(self, store: MongoStore) -> None:
        self._notes = store.database.notes

    async def add(self, tx: Any, subject: str, text: str) -> None:
        await self._notes.insert_one({"_id": new_id(), "subject": subject, "text": text}, session=tx)

    async def collect(self, subject: str) -> dict[str, Any]:
        texts = [document["text"] async for document in self._notes.find({"subject": subject})]
        return {"notes": sorted(texts), "book": ["paid", "paid"]}

    async def erase(self, tx: Any, subject: str) -> dict[str, int]:
        return {"notes": (await self._notes.delete_many({"subject": subject}, session=tx)).deleted_count}

    async def merge(self, tx: Any, subject: str, into: str) -> None:
        await self._notes.update_many({"subject": subject}, {"$set": {"subject": into}}, session=tx)


@dataclass
class Notes:
    """A tiny service with personal data."""

    store: Any
    data: Any
    erasures: Erasures
    desk: PeopleDesk

    async def write(self, subject: UUID, text: str) -> None:
        """What a route of the service does for a person."""

        async def work(tx: Any) -> None:
            await require_present(self.erasures, tx, str(subject))
            await self.data.add(tx, str(subject), text)

        await self.store.transact(work)

    async def take(self, *events: Event) -> None:
        """A batch of events, in one transaction, as the consumer does."""

        async def work(tx: Any) -> None:
            for event in events:
                await self.desk.subscriptions[type(event)](tx, [Received(event, MESSAGE)])

        await self.store.transact(work)

    async def of(self, subject: UUID) -> list[str]:
        """The person's notes."""
        return (await self.desk.account_of(str(subject)))["data"]["notes"]


@pytest.fixture
async def notes(backend: Backend) -> AsyncIterator[Notes]:
    async with backend.connect() as store:
        in_mongo = isinstance(store, MongoStore)
        data = MongoNotes(store) if in_mongo else PostgresNotes(store)
        erasures = MongoErasures(store) if in_mongo else PostgresErasures(store)
        yield Notes(store, data, erasures, PeopleDesk("kit", data, erasures))


def erased(user_id: UUID) -> UserErasedV1:
    return UserErasedV1(user_id=user_id, version=2, occurred_at=NOW)


def merged(user_id: UUID, into: UUID) -> UserMergedV1:
    return UserMergedV1(user_id=user_id, into_user_id=into, version=2, occurred_at=NOW)


async def test_an_erasure_deletes_what_is_the_persons_and_says_how_much(notes: Notes) -> None:
    me, other = new_id(), new_id()
    for subject, text in ((me, "a"), (me, "b"), (other, "c")):
        await notes.write(subject, text)
    before = await notes.desk.account_of(str(me))
    assert before["data"] == {"notes": ["a", "b"], "book": ["paid", "paid"]}
    assert (before["erased_at"], before["erased"], before["kept"]) == (None, {}, {})
    await notes.take(erased(me))
    after = await notes.desk.account_of(str(me))
    assert (after["service"], after["subject"], after["data"]) == ("kit", str(me), {"notes": []})
    assert (after["erased"], after["kept"], after["merged_into"]) == ({"notes": 2}, {"book": 2}, None)
    assert after["erased_at"] > NOW
    assert await notes.of(other) == ["c"]


async def test_an_erasure_that_comes_again_keeps_the_first_ones_count(notes: Notes) -> None:
    """After a restore it is sent again, and finds what the backup brought back."""
    me = new_id()
    await notes.write(me, "a")
    for _ in range(2):
        await notes.take(erased(me))
    assert (await notes.desk.account_of(str(me)))["erased"] == {"notes": 1}
    await notes.store.transact(lambda tx: notes.data.add(tx, str(me), "came back"))
    await notes.take(erased(me))
    again = await notes.desk.account_of(str(me))
    assert (again["data"], again["erased"]) == ({"notes": []}, {"notes": 2})


async def test_somebody_of_whom_nothing_is_known_is_erased_as_well(notes: Notes) -> None:
    me = new_id()
    await notes.take(erased(me))
    assert (await notes.desk.account_of(str(me)))["erased"] == {"notes": 0}
    with pytest.raises(Problem):
        await notes.write(me, "late")


@pytest.mark.parametrize("how", ["erased", "merged"])
async def test_nothing_is_written_for_somebody_who_is_gone(notes: Notes, how: str) -> None:
    """An access token may be good for a moment longer than its owner's account."""
    me, other = new_id(), new_id()
    await notes.write(me, "a")
    await notes.take(erased(me) if how == "erased" else merged(me, other))
    with pytest.raises(Problem) as refused:
        await notes.write(me, "late")
    assert (refused.value.status, refused.value.slug) == (401, "account-gone")
    assert await notes.of(me) == []
    await notes.write(other, "mine")


@pytest.mark.parametrize("first", ["write", "erasure"])
async def test_a_write_and_an_erasure_that_meet_leave_nothing(notes: Notes, first: str) -> None:
    """The first has done all its work and not yet committed when the second begins."""
    me, done, commit = new_id(), asyncio.Event(), asyncio.Event()
    received = [Received(erased(me), MESSAGE)]
    await notes.write(me, "old")

    async def work(tx: Any) -> None:
        if first == "write":
            await require_present(notes.erasures, tx, str(me))
            await notes.data.add(tx, str(me), "new")
        else:
            await notes.desk.take_erasures(tx, received)
        done.set()
        await commit.wait()

    one = asyncio.create_task(notes.store.transact(work))
    await done.wait()
    other = asyncio.create_task(notes.take(erased(me)) if first == "write" else notes.write(me, "new"))
    await asyncio.wait({other}, timeout=0.2)
    commit.set()
    results = await asyncio.gather(one, other, return_exceptions=True)
    refused = [type(result) for result in results if result is not None]
    assert refused == ([] if first == "write" else [Problem])
    account = await notes.desk.account_of(str(me))
    assert (account["data"], account["erased"]) == ({"notes": []}, {"notes": 2 if first == "write" else 1})


async def test_many_first_writes_of_one_person_at_once_all_succeed(notes: Notes) -> None:
    me = new_id()
    await asyncio.gather(*(notes.write(me, str(number)) for number in range(6)))
    assert len(await notes.of(me)) == 6


async def test_a_merged_persons_data_is_the_survivors_and_stays_so(notes: Notes) -> None:
    me, other = new_id(), new_id()
    await notes.write(me, "a")
    await notes.write(other, "b")
    for _ in range(2):
        await notes.take(merged(me, other))
    assert (await notes.of(me), await notes.of(other)) == ([], ["a", "b"])
    assert (await notes.desk.account_of(str(me)))["merged_into"] == str(other)
    await notes.take(erased(other))
    assert await notes.of(other) == []


async def test_a_merge_that_comes_after_the_survivors_end_follows_it(notes: Notes) -> None:
    """Events of two people have no order: each has a key of its own."""
    first, second, third = new_id(), new_id(), new_id()
    await notes.write(first, "a")
    await notes.take(merged(second, third))
    await notes.take(merged(first, second))
    assert await notes.of(third) == ["a"]
    late = new_id()
    await notes.write(late, "b")
    await notes.take(erased(third))
    await notes.take(merged(late, second))
    account = await notes.desk.account_of(str(late))
    assert (account["data"], account["erased"], account["merged_into"]) == ({"notes": []}, {"notes": 1}, None)
    assert await notes.of(third) == []


async def test_a_circle_of_merges_is_refused(notes: Notes) -> None:
    first, second = new_id(), new_id()
    await notes.take(merged(first, second))
    with pytest.raises(ValueError, match="circle"):
        await notes.take(merged(second, first))


PEOPLE = [UUID(int=number) for number in range(1, 5)]
MERGE_OF = {PEOPLE[0]: PEOPLE[1], PEOPLE[1]: PEOPLE[2]}
"""Person 0 became 1, then 1 became 2; 2 and 3 may be erased in the end."""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gone=st.sets(st.sampled_from(PEOPLE[2:])),
    order=st.permutations(range(4)),
    again=st.lists(st.integers(0, 3), max_size=3),
)
async def test_in_whatever_order_events_come_the_end_is_the_same(
    notes: Notes, gone: set[UUID], order: list[int], again: list[int]
) -> None:
    names = {one: new_id() for one in PEOPLE}
    for number, one in enumerate(PEOPLE):
        await notes.write(names[one], str(number))
    told = [merged(names[one], names[into]) for one, into in MERGE_OF.items()] + [erased(names[one]) for one in gone]
    for number in [*order, *again]:
        if number < len(told):
            await notes.take(told[number])
    left = {one: await notes.of(names[one]) for one in PEOPLE}
    kept = {PEOPLE[2]: ["0", "1", "2"], PEOPLE[3]: ["3"]}
    assert left == {one: [] if one in gone else kept.get(one, []) for one in PEOPLE}
