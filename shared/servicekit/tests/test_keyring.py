"""Versioned keys: what was sealed opens with its key and context only, and rotation stops nothing."""

import os
from pathlib import Path

import pytest

from servicekit import keyring
from servicekit.keyring import FileKeys, KeyRing, KeyRingError, encoded, parse_keys, promoted, pruned, rotated, staged


def ring(path: Path, text: str | None = None) -> KeyRing:
    path.write_text(text or rotated(None, os.urandom(32)))
    return KeyRing(FileKeys(path))


def test_sealed_text_opens_with_its_key_and_context_only(tmp_path: Path) -> None:
    mine, other = ring(tmp_path / "mine"), ring(tmp_path / "other")
    sealed = mine.seal(b"private", "here")
    assert b"private" not in sealed
    assert mine.open(sealed, "here") == b"private"
    with pytest.raises(KeyRingError, match="changed"):
        mine.open(sealed, "there")
    with pytest.raises(KeyRingError, match="changed"):
        mine.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "here")
    for cut_off in (sealed[:8], sealed[:12], sealed[:20], sealed[:-1]):
        with pytest.raises(KeyRingError, match="changed"):
            mine.open(cut_off, "here")
    with pytest.raises(KeyRingError, match="not in the key file"):
        other.open(sealed, "here")


def test_hashes_are_keyed_and_kept_apart_by_purpose(tmp_path: Path) -> None:
    mine, other = ring(tmp_path / "mine"), ring(tmp_path / "other")
    assert mine.hash("text", "login phone") == mine.hash("text", "login phone")
    assert len({mine.hash("text", "a"), mine.hash("text", "b"), mine.hash("txet", "a"), other.hash("text", "a")}) == 4


def test_after_a_rotation_old_texts_open_and_old_hashes_are_looked_for(tmp_path: Path) -> None:
    old = rotated(None, os.urandom(32))
    before = ring(tmp_path / "keys", old)
    sealed, digest = before.seal(b"text", "here"), before.hash("text", "x")
    after = ring(tmp_path / "keys", rotated(old, os.urandom(32)))
    assert after.open(sealed, "here") == b"text"
    assert not after.is_current(sealed)
    assert after.hashes("text", "x") == [after.hash("text", "x"), digest]
    assert after.is_current(after.seal(b"text", "here"))


def test_a_running_ring_sees_the_file_change_and_survives_a_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "RELOAD_SECONDS", 0.0)
    path = tmp_path / "keys"
    running = ring(path)
    sealed = running.seal(b"text", "here")
    path.write_text(rotated(path.read_text(), os.urandom(32)))
    assert not running.is_current(sealed)
    path.write_text("{")
    assert running.open(sealed, "here") == b"text"


def test_key_is_known_before_it_seals(tmp_path: Path) -> None:
    first = rotated(None, os.urandom(32))
    knows = ring(tmp_path / "keys", staged(first, os.urandom(32)))
    assert len(knows.key_ids) == 2
    assert parse_keys(first).current == knows.key_ids[0], "the staged key seals already"
    sealing = ring(tmp_path / "keys", promoted((tmp_path / "keys").read_text()))
    assert sealing.key_ids == knows.key_ids[::-1]


def test_process_that_has_not_looked_yet_reads_what_a_newer_key_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "RELOAD_SECONDS", 3_600.0)
    late = ring(tmp_path / "keys")
    newer = ring(tmp_path / "keys", rotated((tmp_path / "keys").read_text(), os.urandom(32)))
    assert late.key_ids != newer.key_ids
    assert late.open(newer.seal(b"text", "here"), "here") == b"text"


def test_hash_is_checked_under_the_key_that_made_it(tmp_path: Path) -> None:
    before = ring(tmp_path / "keys")
    digest = before.hash("text", "x")
    after = ring(tmp_path / "keys", rotated((tmp_path / "keys").read_text(), os.urandom(32)))
    assert after.made(digest, "text", "x")
    assert not after.made(digest, "other", "x")
    assert not after.made(digest, "text", "y")
    gone = ring(tmp_path / "keys", pruned((tmp_path / "keys").read_text()))
    with pytest.raises(KeyRingError, match="not in the key file"):
        gone.made(digest, "text", "x")


def test_pruned_file_has_the_current_key_only() -> None:
    first, second = os.urandom(32), os.urandom(32)
    keys = parse_keys(pruned(rotated(rotated(None, first), second)))
    assert list(keys.by_id.values()) == [second]


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"current": "00", "keys": []}', '{"current": 1, "keys": ["canary"]}',
     f'{{"current": "00", "keys": ["{encoded(b"short")}"]}}'],
)  # fmt: skip
def test_unusable_file_is_refused_without_repeating_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(KeyRingError) as caught:
        ring(tmp_path / "keys", text or " ")
    assert "canary" not in str(caught.value)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match="cannot be read"):
        FileKeys(tmp_path / "none")
