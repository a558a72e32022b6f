"""The audit log takes new entries only, and shows whatever else was done to it."""

import asyncio
import json
import logging
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.domain.audit import START, Broken, Entry, Head, Stored, check_end, follow
from identity.settings import Settings
from identity.use_cases import audit
from identity.use_cases.context import Identity as Process
from identity.use_cases.people import register
from servicekit.keyring import KeyRingError, pruned, rotated
from servicekit.testkit import eventually

from .conftest import Identity

ENTRIES = 7


async def write(identity: Identity, count: int = ENTRIES, process: Process | None = None) -> Head:
    """Appends so many entries; the newest."""
    chosen = process or identity.process
    for number in range(count):
        await chosen.store.transact(
            lambda tx, number=number: audit.append(chosen, tx, "operator", "tried", f"subject-{number}", {"n": number})
        )
    return await audit.verify(chosen, {})


async def as_owner(identity: Identity, *statements: str) -> None:
    """Changes the log as whoever owns the table can: with its guard off."""
    async with identity.store.connection() as connection, connection.transaction():
        await connection.execute("ALTER TABLE audit_log DISABLE TRIGGER append_only")
        for statement in statements:
            await connection.execute(statement)
        await connection.execute("ALTER TABLE audit_log ENABLE ALWAYS TRIGGER append_only")


async def broken_at(identity: Identity, known: dict[int, bytes] | None = None) -> int:
    """The entry that the check names."""
    with pytest.raises(Broken) as caught:
        await audit.verify(identity.process, known or {})
    return caught.value.sequence


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log WHERE sequence = 3", "TRUNCATE audit_log",
     "DELETE FROM audit_head", "TRUNCATE audit_head"],
)  # fmt: skip
async def test_security_43_database_refuses_to_change_the_audit_log(identity: Identity, statement: str) -> None:
    await write(identity)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="new entries only"):
        await identity.sql(statement)


async def test_security_43_untouched_log_is_found_good_in_batches(identity: Identity) -> None:
    steps: list[tuple[int, int]] = []
    with patch.object(audit, "BATCH", 3):
        await write(identity)
        head = await audit.verify(identity.process, {}, lambda done, whole: steps.append((done, whole)))
    assert head.sequence == ENTRIES
    assert steps == [(3, 7), (6, 7), (7, 7)]


@pytest.mark.parametrize(
    ("statements", "sequence"),
    [
        (["UPDATE audit_log SET actor = 'somebody' WHERE sequence = 4"], 4),
        (["UPDATE audit_log SET at = at + interval '1 microsecond' WHERE sequence = 4"], 4),
        (["""UPDATE audit_log SET details = '{"n": 9}' WHERE sequence = 4"""], 4),
        (["UPDATE audit_log SET hash = hash || '\\x00' WHERE sequence = 4"], 4),
        (["UPDATE audit_log SET hash = (SELECT hash FROM audit_log WHERE sequence = 5) WHERE sequence = 4"], 4),
        (["DELETE FROM audit_log WHERE sequence = 4"], 4),
        (["DELETE FROM audit_log WHERE sequence = 1"], 1),
        (["DELETE FROM audit_log WHERE sequence > 5"], 6),
        (["DELETE FROM audit_log"], 1),
        (["DELETE FROM audit_log WHERE sequence = 4",
          "UPDATE audit_log SET sequence = sequence - 1 WHERE sequence > 4"], 4),
        (["UPDATE audit_log SET sequence = 100 WHERE sequence = 4",
          "UPDATE audit_log SET sequence = 4 WHERE sequence = 5",
          "UPDATE audit_log SET sequence = 5 WHERE sequence = 100"], 4),
        (["INSERT INTO audit_log SELECT 8, at, actor, action, subject, details, hash FROM audit_log "
          "WHERE sequence = 7"], 8),
    ],
)  # fmt: skip
async def test_security_43_tampering_is_found_at_its_first_entry(
    identity: Identity, statements: list[str], sequence: int
) -> None:
    await write(identity)
    await as_owner(identity, *statements)
    assert await broken_at(identity) == sequence


async def test_security_43_log_cut_off_with_its_head_is_found(identity: Identity) -> None:
    """The head of an older entry has an anchor that only the service could make."""
    await write(identity)
    await as_owner(
        identity, "DELETE FROM audit_log WHERE sequence > 5",
        "UPDATE audit_head SET sequence = 5, hash = (SELECT hash FROM audit_log WHERE sequence = 5)",
    )  # fmt: skip
    assert await broken_at(identity) == 5


async def test_security_43_older_copy_of_log_and_head_is_found_by_what_was_logged(identity: Identity) -> None:
    await write(identity, 5)
    kept = await identity.sql("SELECT to_jsonb(audit_head)::text FROM audit_head")
    head = await write(identity, 2)
    await as_owner(
        identity, "DELETE FROM audit_log WHERE sequence > 5",
        "UPDATE audit_head SET (sequence, hash, anchor) = "  # noqa: S608 - our own row
        f"(SELECT sequence, hash, anchor FROM jsonb_populate_record(NULL::audit_head, '{kept}'))",
    )  # fmt: skip
    assert (await audit.verify(identity.process, {})).sequence == 5, "by itself the older copy is a good log"
    assert await broken_at(identity, {head.sequence: head.hash}) == 6


async def test_security_43_log_written_anew_is_found_by_what_was_logged(identity: Identity) -> None:
    """Whoever has the keys as well can write another log, but not what has been logged already."""
    before = await write(identity)
    await as_owner(identity, "DELETE FROM audit_log", "UPDATE audit_head SET sequence = 0, hash = '', anchor = ''")
    await write(identity)
    assert await broken_at(identity, {before.sequence: before.hash}) == before.sequence


async def test_head_is_logged_when_it_changes(identity: Identity, caplog: pytest.LogCaptureFixture) -> None:
    head = await write(identity)

    async def noted() -> bool:
        return any(getattr(record, "hash", "") == head.hash.hex() for record in caplog.records)

    with caplog.at_level(logging.INFO, audit.__name__), patch.object(audit, "NOTE_SECONDS", 0.01):
        task = asyncio.create_task(audit.note_heads(identity.process))
        await eventually(noted)
        task.cancel()
    assert {record.message for record in caplog.records if hasattr(record, "hash")} == {audit.NOTE}


async def test_many_at_once_make_one_chain(identity: Identity) -> None:
    async def one(number: int) -> None:
        async def work(tx) -> None:
            await audit.append(identity.process, tx, "operator", "tried", str(number))
            if number % 3 == 0:
                raise LookupError

        with pytest.raises(LookupError) if number % 3 == 0 else nullcontext():
            await identity.store.transact(work)

    await asyncio.gather(*(one(number) for number in range(30)))
    assert (await audit.verify(identity.process, {})).sequence == 20


async def test_entry_comes_and_goes_with_its_change(identity: Identity) -> None:
    async def work(tx) -> None:
        await register(identity.process, tx, is_driver=True)
        raise LookupError

    with pytest.raises(LookupError):
        await identity.store.transact(work)
    assert (await audit.verify(identity.process, {})) == START
    user = await identity.store.transact(lambda tx: register(identity.process, tx, is_driver=True))
    (entry,) = await audit.list_entries(identity.process, 10, subject=str(user.id))
    assert (entry.entry.action, entry.entry.actor) == ("registered", str(user.id))
    assert await audit.list_entries(identity.process, 10, action="erased") == []


async def test_old_entries_are_checked_after_the_log_got_a_new_key(identity: Identity, tmp_path: Path) -> None:
    await write(identity)
    keys = _with_new_key(identity.settings.audit_keyring_file, tmp_path)
    later = Process(
        Settings.model_validate(identity.settings.model_dump() | {"audit_keyring_file": str(keys)}), identity.store
    )
    assert (await write(identity, 2, later)).sequence == ENTRIES + 2
    keys.write_text(pruned(keys.read_text()))
    lost = Process(later.settings, identity.store)
    with pytest.raises(KeyRingError, match="put it back"):
        await audit.verify(lost, {})


def _with_new_key(old: str, folder: Path) -> Path:
    keys = folder / "audit.json"
    keys.write_text(rotated(Path(old).read_text(), b"n" * 32))
    return keys


details = st.dictionaries(
    st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    st.recursive(
        st.text(st.characters(exclude_characters="\0", codec="utf-8")) | st.integers() | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=3), max_leaves=5,
    ), max_size=4,
)  # fmt: skip


def digest(text: str) -> bytes:
    return text.encode()


def chain(contents: list[dict[str, object]]) -> list[Stored]:
    head, stored = START, []
    for content in contents:
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=len(stored))
        entry = Entry(head.sequence + 1, at, "a", "b", "c", content)
        stored.append(Stored(entry, digest(entry.text(head.hash))))
        head = Head(entry.sequence, stored[-1].hash)
    return stored


def check(stored: list[Stored], end: Head) -> None:
    head = START
    for one in stored:
        head = follow(head, one, lambda made, text: made == digest(text))
    check_end(head, end, digest(end.text()), {}, lambda made, text: made == digest(text))


@given(st.lists(details, min_size=1, max_size=6), st.data())
def test_security_43_any_other_log_is_not_the_one_that_was_written(
    contents: list[dict[str, object]], data: st.DataObject
) -> None:
    stored = chain(contents)
    end = Head(len(stored), stored[-1].hash)
    check(stored, end)
    places = data.draw(st.lists(st.integers(0, len(stored) - 1), max_size=len(stored) + 1), "order")
    other = [stored[place] for place in places]
    if other == stored:
        changed = data.draw(st.integers(0, len(stored) - 1), "changed")
        other[changed] = replace(stored[changed], entry=replace(stored[changed].entry, actor="another"))
    with pytest.raises(Broken):
        check(other, end)


@given(details)
def test_details_have_one_writing(content: dict[str, object]) -> None:
    entry = Entry(1, datetime(2026, 1, 1, tzinfo=UTC), "a", "b", "c", content)
    assert replace(entry, details=json.loads(json.dumps(content))).text(b"") == entry.text(b"")
