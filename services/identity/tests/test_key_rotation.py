"""A key ring's rotation while drivers sign in: nobody is turned away, nobody gets a second account, nothing stays."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from identity.domain.people import LoginKind
from identity.use_cases import key_rotation
from identity.use_cases.context import Identity as Process
from identity.use_cases.people import find_or_register_driver, logins_of
from servicekit import rewrap
from servicekit.keyring import KeyRing, Keys, parse_keys, promoted, pruned, rotated, staged
from servicekit.testkit import canary_phone

from .conftest import Identity

AT_ONCE = 6


class Glances:
    """Keys of a file that a process looks at when it is told to, and when it meets a key that it does not know."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.look()

    def look(self) -> None:
        self._keys = parse_keys(self._path.read_text())

    def load(self, *, anew: bool = False) -> Keys:
        if anew:
            self.look()
        return self._keys


class Replica:
    """One process of the service, with its own view of the key file."""

    def __init__(self, identity: Identity, path: Path) -> None:
        self.keys = Glances(path)
        self.process = Process(identity.settings, identity.store)
        self.process.ring = KeyRing(self.keys)
        self.process.vault._ring = self.process.ring

    async def sign_in(self, phone: str) -> UUID:
        async def work(tx) -> UUID:
            user = await find_or_register_driver(self.process, tx, LoginKind.PHONE, phone)
            assert [login.value for login in await logins_of(self.process, tx, user.id)] == [phone]
            return user.id

        return await self.process.store.transact(work)


class Drivers:
    """Drivers who sign in at both replicas at once, again and again; each has one account for ever."""

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self._replicas = replicas
        self.accounts: dict[str, UUID] = {}

    async def go_on(self) -> None:
        """Those who are known sign in, and some come for the first time, at every replica in the same moment."""
        phones = [*self.accounts, *{canary_phone() for _ in range(AT_ONCE)}]
        answers = await asyncio.gather(*(one.sign_in(phone) for phone in phones for one in self._replicas))
        for number, phone in enumerate(phones):
            ids = set(answers[number * len(self._replicas) : (number + 1) * len(self._replicas)])
            assert ids == {self.accounts.setdefault(phone, next(iter(ids)))}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.write_text(rotated(None, os.urandom(32)))
    return path


def change_keys(key_file: Path, change: Callable[[str], str]) -> None:
    key_file.write_text(change(key_file.read_text()))


async def rotate(key_file: Path, early: Replica, late: Replica, drivers: Drivers) -> None:
    """The rotation as the command does it; one process sees each change at once, the other at the last moment."""
    for change in (lambda text: staged(text, os.urandom(32)), promoted):
        change_keys(key_file, change)
        early.keys.look()
        await drivers.go_on()
        late.keys.look()
        await drivers.go_on()


async def test_security_40_ring_key_is_rotated_while_drivers_sign_in(
    identity: Identity, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrap, "BATCH", 3)
    monkeypatch.setattr(key_rotation, "BATCH", 3)
    await identity.sql("TRUNCATE signing_keys")
    early, late = Replica(identity, key_file), Replica(identity, key_file)
    drivers = Drivers([early, late])
    await drivers.go_on()
    old = early.process.ring.key_ids[0].hex()
    await rotate(key_file, early, late, drivers)
    renewing = asyncio.create_task(key_rotation.renew(late.process))
    while not renewing.done():
        await drivers.go_on()
    await renewing
    report = await key_rotation.uses_of_keys(early.process)
    people, current = len(drivers.accounts), report["current"]
    assert report["keys"] == [current, old]
    assert report["uses"]["logins"] == report["uses"]["data keys"] == {current: people}
    assert report["uses"]["signing keys"] == {current: 2}
    assert await identity.sql("SELECT count(*) FROM users") == people

    change_keys(key_file, pruned)
    early.keys.look()
    await drivers.go_on()
    late.keys.look()
    await drivers.go_on()


async def test_security_40_interrupted_rotation_goes_on(
    identity: Identity, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrap, "BATCH", 2)
    monkeypatch.setattr(key_rotation, "BATCH", 2)
    await identity.sql("TRUNCATE signing_keys")
    one = Replica(identity, key_file)
    drivers = Drivers([one])
    await drivers.go_on()
    change_keys(key_file, lambda text: rotated(text, os.urandom(32)))
    one.keys.look()

    for interrupted_after in (1, 4, 6):
        with pytest.raises(KeyboardInterrupt):
            await key_rotation.renew(one.process, _interrupt(interrupted_after))
        await drivers.go_on()
    await key_rotation.renew(one.process)
    report = await key_rotation.uses_of_keys(one.process)
    assert {key for count in report["uses"].values() for key in count} == {report["current"]}


def _interrupt(after: int) -> rewrap.Note:
    """Ends the command at its n-th batch, as a person does."""
    left = iter(range(after))

    def note(_: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    return note
