"""Secrets are made once, private, and completed when a newer version needs more."""

import json
import stat
from pathlib import Path

import pytest

from local_stack import secrets
from local_stack.config import Config, StackError
from local_stack.services import SERVICES
from schemas.catalogue import OBSERVER, STATION_SYSTEMS


def test_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    secrets.load_or_create(Config(tmp_path, 9000))
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_every_principal_has_its_own_secret(tmp_path: Path) -> None:
    known = secrets.load_or_create(Config(tmp_path, 9000))
    principals = {"admin", STATION_SYSTEMS, OBSERVER, *(service.name for service in SERVICES)}
    assert {f"kafka.{name}" for name in principals} <= known.keys()
    assert len(set(known.values())) == len(known)


def test_older_file_keeps_its_secrets_and_gets_the_missing(tmp_path: Path) -> None:
    config = Config(tmp_path, 9000)
    old = secrets.load_or_create(config)
    del old["kafka.gateway"]
    secrets.write_private(tmp_path / "secrets.json", json.dumps(old))
    new = secrets.load_or_create(config)
    assert new["kafka.gateway"]
    assert {name: new[name] for name in old} == old
    assert secrets.load(config) == new


def test_lost_file_beside_data_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    with pytest.raises(StackError, match="--wipe"):
        secrets.load_or_create(Config(tmp_path, 9000))


def test_unknown_stack_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="forecourt up"):
        secrets.load(Config(tmp_path, 9000))
