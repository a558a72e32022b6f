"""Signing keys at rest."""

import base64
import os
from dataclasses import replace

import pytest

from identity.key_sealing import KeySealer, SealingError


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def test_sealed_text_opens_with_its_key_and_context_only() -> None:
    key = new_key()
    sealed = KeySealer(key).seal(b"private", "kid-1")
    assert KeySealer(key).open(sealed, "kid-1") == b"private"
    assert b"private" not in sealed.ciphertext
    with pytest.raises(SealingError, match="changed"):
        KeySealer(key).open(sealed, "kid-2")
    with pytest.raises(SealingError, match="changed"):
        KeySealer(key).open(replace(sealed, ciphertext=sealed.ciphertext[:-1] + b"\0\0"), "kid-1")
    with pytest.raises(SealingError, match="IDENTITY_OTHER_KEY_ENCRYPTION_KEY"):
        KeySealer(new_key()).open(sealed, "kid-1")


def test_sealing_key_is_replaced_online() -> None:
    old, new = new_key(), new_key()
    sealed = KeySealer(old).seal(b"private", "kid")
    renewed = KeySealer(new, other=old).renewed(sealed, "kid")
    assert KeySealer(new).open(renewed, "kid") == b"private"
    assert KeySealer(old, other=new).open(renewed, "kid") == b"private"
    assert KeySealer(new).renewed(renewed, "kid") is renewed


@pytest.mark.parametrize("key", ["", "short", "A" * 44, "ä" * 43])
def test_unusable_key_is_refused(key: str) -> None:
    with pytest.raises(SealingError):
        KeySealer(key)
