"""The key files of a stack: made once, private, changed whole."""

import base64
import stat
from pathlib import Path

import pytest

from local_stack import keyrings
from local_stack.config import Config
from local_stack.services import UPSTREAMS
from servicekit.keyring import Keys, parse_keys


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A stack with its key files."""
    config = Config(tmp_path, 18080)
    keyrings.ensure(config, {})
    return config


def keys_of(config: Config, name: str) -> Keys:
    """What a key file says."""
    return parse_keys(keyrings.path(config, name).read_text())


def test_every_service_with_a_store_has_keys_of_its_own_and_so_has_the_audit_log(config: Config) -> None:
    names = [*(service.name for service in UPSTREAMS), keyrings.AUDIT]
    assert len({keys_of(config, name).current for name in names}) == len(names)
    assert {stat.S_IMODE(keyrings.path(config, name).stat().st_mode) for name in names} == {0o600}


def test_keys_that_are_there_stay(config: Config) -> None:
    before = keys_of(config, "pricing")
    keyrings.ensure(config, {})
    assert keys_of(config, "pricing") == before


def test_identity_goes_on_with_the_key_that_it_had_before_there_were_files(tmp_path: Path) -> None:
    config, old = Config(tmp_path, 18080), b"k" * 32
    keyrings.ensure(config, {keyrings.OLD_IDENTITY_KEY: base64.urlsafe_b64encode(old).decode()})
    assert list(keys_of(config, "identity").by_id.values()) == [old]
    assert list(keys_of(config, keyrings.AUDIT).by_id.values()) != [old]


def test_key_is_staged_promoted_and_the_older_one_pruned(config: Config) -> None:
    first = keys_of(config, "pricing").current
    keyrings.stage(config, "pricing")
    assert keys_of(config, "pricing").current == first
    keyrings.promote(config, "pricing")
    second = keys_of(config, "pricing").current
    assert set(keys_of(config, "pricing").by_id) == {first, second}
    keyrings.prune(config, "pricing")
    assert list(keys_of(config, "pricing").by_id) == [second] != [first]
    assert stat.S_IMODE(keyrings.path(config, "pricing").stat().st_mode) == 0o600
