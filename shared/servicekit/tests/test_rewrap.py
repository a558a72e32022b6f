"""Data keys come under a service's newest key on either kind of store; whoever is erased meanwhile stays erased."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from servicekit import rewrap
from servicekit.data_keys import MongoDataKeys, PostgresDataKeys
from servicekit.keyring import FileKeys, KeyRing, KeyRingError, pruned, rotated
from servicekit.mongo import MongoStore
from servicekit.vault import Vault

from .conftest import Backend

PEOPLE = [f"person-{number}" for number in range(7)]


class World:
    """A service's store with people's data keys, and its key file."""

    def __init__(self, store: Any, path: Path) -> None:
        self.store, self.path = store, path
        self.keys = MongoDataKeys(store.database) if isinstance(store, MongoStore) else PostgresDataKeys()
        self.sealed: dict[str, bytes] = {}

    def vault(self) -> Vault:
        return Vault(KeyRing(FileKeys(self.path)), self.keys)

    def change_keys(self, change: Callable[[str], str]) -> Vault:
        self.path.write_text(change(self.path.read_text()))
        return self.vault()

    async def write(self, vault: Vault) -> None:
        for subject in PEOPLE:
            box = await self.store.transact(lambda tx, subject=subject: vault.box(tx, subject))
            self.sealed[subject] = box.seal(f"secret of {subject}", "here")

    async def read(self, vault: Vault) -> dict[str, str]:
        boxes = await self.store.transact(lambda tx: vault.boxes(tx, PEOPLE))
        return {subject: box.open(self.sealed[subject], "here") for subject, box in boxes.items()}


@pytest.fixture
async def world(backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(rewrap, "BATCH", 3)
    path = tmp_path / "keys.json"
    path.write_text(rotated(None, os.urandom(32)))
    async with backend.connect() as store:
        yield World(store, path)


def new_key(text: str) -> str:
    return rotated(text, os.urandom(32))


async def test_security_40_data_keys_come_under_the_new_key_and_the_old_one_can_go(world: World) -> None:
    await world.write(world.vault())
    both = world.change_keys(new_key)
    noted: list[int] = []
    assert await rewrap.renew_data_keys(world.store, both, noted.append) == len(PEOPLE)
    assert noted == [3, 3, 1]
    assert await rewrap.renew_data_keys(world.store, both) == 0
    current = KeyRing(FileKeys(world.path)).key_ids[0].hex()
    assert await rewrap.data_key_uses(world.store, both) == {current: len(PEOPLE)}
    after = world.change_keys(pruned)
    assert await world.read(after) == {subject: f"secret of {subject}" for subject in PEOPLE}


async def test_key_that_went_too_early_is_named(world: World) -> None:
    await world.write(world.vault())
    lost = world.change_keys(lambda text: pruned(new_key(text)))
    with pytest.raises(KeyRingError, match="put it back"):
        await rewrap.renew_data_keys(world.store, lost)


async def test_person_who_is_erased_in_the_middle_stays_erased(world: World) -> None:
    await world.write(world.vault())
    both = world.change_keys(new_key)
    page = await world.store.transact(lambda tx: both.page(tx, "", 10))
    await world.store.transact(lambda tx: both.shred(tx, PEOPLE[0]))
    await world.store.transact(lambda tx: both.renew(tx, page))
    assert set(await world.read(both)) == set(PEOPLE[1:])


async def test_person_who_was_renewed_in_the_middle_is_not_set_back(world: World) -> None:
    await world.write(world.vault())
    both = world.change_keys(new_key)
    page = await world.store.transact(lambda tx: both.page(tx, "", 10))
    await rewrap.renew_data_keys(world.store, both)
    renewed = await world.store.transact(lambda tx: both.page(tx, "", 10))
    await world.store.transact(lambda tx: both.renew(tx, page))
    assert await world.store.transact(lambda tx: both.page(tx, "", 10)) == renewed


async def test_command_renews_and_counts(world: World, backend: Backend) -> None:
    await world.write(world.vault())
    world.change_keys(new_key)
    environment = _environment(backend, world.path)
    before = _run(environment, "--count")
    old, current = before["keys"][1], before["current"]
    assert before["uses"] == {"data keys": {old: len(PEOPLE)}}
    assert _run(environment)["uses"] == {"data keys": {current: len(PEOPLE)}}


def _environment(backend: Backend, key_file: Path) -> dict[str, str]:
    values = {name: str(getattr(value, "get_secret_value", lambda value=value: value)())
              for name, value in backend.settings if value is not None}  # fmt: skip
    own = {f"KIT_{name.upper()}": value for name, value in values.items()} | {"KIT_KEYRING_FILE": str(key_file)}
    return dict(os.environ) | own


def _run(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    argv = [sys.executable, "-m", "servicekit.rewrap", "kit", *arguments]
    result = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_command_without_keys_says_so() -> None:
    argv = [sys.executable, "-m", "servicekit.rewrap", "kit"]
    result = subprocess.run(argv, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)  # noqa: S603
    assert result.returncode == 1
    assert result.stderr.startswith("error: the key file")
