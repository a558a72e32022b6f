"""People's boxes on both kinds of store: one key for each person, and with the key goes all that it sealed."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.data_keys import MongoDataKeys, PostgresDataKeys
from servicekit.ids import new_id
from servicekit.keyring import KEY_BYTES, FileKeys, KeyRing, KeyRingError, rotated
from servicekit.mongo import MongoStore
from servicekit.vault import Box, DataKeyStore, Vault

from .conftest import Backend

PLATE = "B-CANARY 42"


@given(st.text(max_size=200), st.text(max_size=50), st.text(max_size=50))
def test_a_box_gives_back_what_was_put_in_for_the_same_context_only(text: str, context: str, other: str) -> None:
    box = Box(os.urandom(KEY_BYTES))
    sealed = box.seal(text, context)
    assert box.open(sealed, context) == text
    assert box.seal(text, context) != sealed
    if other != context:
        with pytest.raises(KeyRingError):
            box.open(sealed, other)


@given(st.binary(max_size=60))
def test_what_nobody_sealed_opens_for_nobody(made_up: bytes) -> None:
    with pytest.raises(KeyRingError):
        Box(os.urandom(KEY_BYTES)).open(made_up, "here")


def test_a_changed_text_says_where_and_never_what() -> None:
    box = Box(os.urandom(KEY_BYTES))
    sealed = box.seal(PLATE, "vehicles.plate|1")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(KeyRingError, match=r"vehicles\.plate\|1") as refused:
            box.open(bytes(changed), "vehicles.plate|1")
        assert "CANARY" not in str(refused.value)


@dataclass
class Kept:
    """A vault on a store."""

    store: Any
    keys: DataKeyStore
    key_file: Path

    @property
    def vault(self) -> Vault:
        """As a process sees it that has just started."""
        return Vault(KeyRing(FileKeys(self.key_file)), self.keys)

    async def box(self, subject: str) -> Box:
        return await self.store.transact(lambda tx: self.vault.box(tx, subject))

    async def boxes(self, *subjects: str) -> dict[str, Box]:
        return await self.store.transact(lambda tx: self.vault.boxes(tx, subjects))

    async def shred(self, subject: str) -> bool:
        return await self.store.transact(lambda tx: self.vault.shred(tx, subject))

    async def load(self, subject: str) -> bytes:
        return (await self.store.transact(lambda tx: self.keys.load(tx, [subject])))[subject]


@pytest.fixture
async def kept(backend: Backend, tmp_path: Path) -> AsyncIterator[Kept]:
    key_file = tmp_path / "keys.json"
    key_file.write_text(rotated(None, os.urandom(KEY_BYTES)))
    async with backend.connect() as store:
        keys = MongoDataKeys(store.database) if isinstance(store, MongoStore) else PostgresDataKeys()
        yield Kept(store, keys, key_file)


async def test_a_person_has_one_box_also_after_a_restart(kept: Kept) -> None:
    me, other = str(new_id()), str(new_id())
    sealed = (await kept.box(me)).seal(PLATE, "here")
    assert (await kept.box(me)).open(sealed, "here") == PLATE
    with pytest.raises(KeyRingError):
        (await kept.box(other)).open(sealed, "here")
    found = await kept.boxes(me, other, str(new_id()))
    assert found.keys() == {me, other}
    assert found[me].open(sealed, "here") == PLATE
    assert await kept.boxes() == {}


async def test_many_who_make_the_first_box_at_once_make_one(kept: Kept) -> None:
    me = str(new_id())
    boxes = await asyncio.gather(*(kept.box(me) for _ in range(6)))
    sealed = boxes[0].seal(PLATE, "here")
    assert {box.open(sealed, "here") for box in boxes} == {PLATE}


async def test_a_transaction_that_fails_leaves_no_key(kept: Kept) -> None:
    me = str(new_id())

    async def fail(tx: Any) -> None:
        await kept.vault.box(tx, me)
        raise RuntimeError("the work failed")

    with pytest.raises(RuntimeError):
        await kept.store.transact(fail)
    assert await kept.boxes(me) == {}


async def test_what_was_sealed_cannot_be_read_once_its_key_is_shredded(kept: Kept) -> None:
    """A backup of the data alone, or a log, then tells nothing; also when the same person comes again."""
    me, other = str(new_id()), str(new_id())
    sealed = (await kept.box(me)).seal(PLATE, "here")
    theirs = (await kept.box(other)).seal(PLATE, "here")
    assert (await kept.shred(me), await kept.shred(me)) == (True, False)
    assert (await kept.boxes(me, other)).keys() == {other}
    with pytest.raises(KeyRingError):
        (await kept.box(me)).open(sealed, "here")
    assert (await kept.box(other)).open(theirs, "here") == PLATE


async def test_a_shredding_that_is_rolled_back_shreds_nothing(kept: Kept) -> None:
    me = str(new_id())
    sealed = (await kept.box(me)).seal(PLATE, "here")

    async def fail(tx: Any) -> None:
        assert await kept.vault.shred(tx, me)
        raise RuntimeError("the erasure failed")

    with pytest.raises(RuntimeError):
        await kept.store.transact(fail)
    assert (await kept.box(me)).open(sealed, "here") == PLATE


async def test_nobody_can_be_given_anothers_key(kept: Kept) -> None:
    """Whoever can write to the store swaps no rows: a data key is sealed for its owner."""
    me, thief = str(new_id()), str(new_id())
    await kept.box(me)
    stolen = await kept.load(me)
    await kept.store.transact(lambda tx: kept.keys.add(tx, thief, stolen))
    with pytest.raises(KeyRingError):
        await kept.box(thief)


async def test_boxes_open_after_the_ring_has_a_new_key_and_not_without_the_old(kept: Kept) -> None:
    me, late = str(new_id()), str(new_id())
    sealed = (await kept.box(me)).seal(PLATE, "here")
    kept.key_file.write_text(rotated(kept.key_file.read_text(), os.urandom(KEY_BYTES)))
    assert (await kept.box(me)).open(sealed, "here") == PLATE
    await kept.box(late)
    kept.key_file.write_text(rotated(None, os.urandom(KEY_BYTES)))
    for subject in (me, late):
        with pytest.raises(KeyRingError, match="not in the key file"):
            await kept.boxes(subject)
