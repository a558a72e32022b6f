"""`keys`, run as a person runs it, on the real databases."""

import json
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from forecourt import keys
from forecourt.keys import app
from local_stack import keyrings
from local_stack.config import Config, StackError
from local_stack.environment import service_environment
from local_stack.secrets import write_private
from local_stack.services import UPSTREAMS
from servicekit.keyring import parse_keys
from servicekit.migrations import migrate
from servicekit.rewrap import service_vault

Run = Callable[..., str]


@pytest.fixture
async def config(infrastructure: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A stack with every service's schema, and nobody to wait for."""
    for service in UPSTREAMS:
        await migrate(service.name, service_environment(infrastructure, service.name))
    for name, value in infrastructure.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(keys, "SETTLE_SECONDS", 0.0)
    return infrastructure


@pytest.fixture
def run(config: Config, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs `keys` with these arguments; what it wrote."""

    def run(*arguments: str) -> str:
        capfd.readouterr()
        code: Any = app(list(arguments), standalone_mode=False)
        assert not code
        return str(capfd.readouterr().out)

    return run


def age(config: Config, name: str) -> None:
    """Lets the keys have changed long ago."""
    long_ago = time.time() - keys.PRUNE_AFTER_SECONDS
    os.utime(keyrings.path(config, name), (long_ago, long_ago))


def known(config: Config, name: str) -> list[bytes]:
    """The ids of a service's keys, the newest first."""
    return list(parse_keys(keyrings.path(config, name).read_text()).by_id)


async def seal_something(config: Config) -> None:
    """A person's data key at the stations service."""
    async with service_vault("stations", service_environment(config, "stations")) as (store, _, vault):
        await store.transact(lambda tx: vault.shred(tx, "keys-test"))
        await store.transact(lambda tx: vault.box(tx, "keys-test"))


async def test_security_40_keys_are_rotated_counted_and_pruned(config: Config, run: Run) -> None:
    await seal_something(config)
    run("rotate", "stations")
    new, *older = (key.hex() for key in known(config, "stations"))
    status = json.loads(run("status", "stations", "--json"))
    assert status["stations"]["current"] == new
    assert set(status["stations"]["keys"]) == {new, *older}
    assert status["stations"]["uses"]["data keys"].keys() == {new}
    with pytest.raises(StackError, match="try again in"):
        run("prune", "stations")
    age(config, "stations")
    run("prune", "stations")
    assert [key.hex() for key in known(config, "stations")] == [new]


async def test_key_in_use_is_not_pruned(config: Config, run: Run) -> None:
    await seal_something(config)
    keyrings.stage(config, "stations")
    keyrings.promote(config, "stations")
    age(config, "stations")
    with pytest.raises(StackError, match=r"still protect \d+ data keys"):
        run("prune", "stations")
    run("renew", "stations")
    age(config, "stations")
    run("prune", "stations")
    assert len(known(config, "stations")) == 1


async def test_key_that_is_gone_but_needed_is_shown(config: Config, run: Run) -> None:
    await seal_something(config)
    file = keyrings.path(config, "stations")
    kept = file.read_text()
    try:
        keyrings.promote(config, "stations")
        keyrings.stage(config, "stations")
        keyrings.promote(config, "stations")
        keyrings.prune(config, "stations")
        assert "not in the key file" in run("status", "stations")
        with pytest.raises(StackError, match="says why above"):
            run("renew", "stations")
    finally:
        write_private(file, kept)
    assert "not in the key file" not in run("status", "stations")


async def test_interrupted_rotation_goes_on_with_the_key_that_was_staged(config: Config, run: Run) -> None:
    keyrings.stage(config, "identity")
    staged = known(config, "identity")
    run("rotate", "identity")
    assert known(config, "identity") == staged
    assert parse_keys(keyrings.path(config, "identity").read_text()).current == staged[0]


async def test_audit_log_gets_a_new_key_and_keeps_the_old_ones(config: Config, run: Run) -> None:
    before = known(config, keyrings.AUDIT)
    run("rotate", keyrings.AUDIT)
    assert known(config, keyrings.AUDIT)[1:] == before
    for command in ("prune", "renew"):
        with pytest.raises(StackError, match="keeps all of its keys"):
            run(command, keyrings.AUDIT)


def test_unknown_service_is_refused(run: Run) -> None:
    with pytest.raises(StackError, match="choose one of identity, pricing, stations"):
        run("rotate", "canteen")
