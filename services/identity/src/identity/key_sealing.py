"""Signing keys at rest: their private parts are encrypted, so that a copy of the database signs nothing."""

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
KEY_BYTES = 32


class SealingError(ValueError):
    """A key is not usable, or a text was not sealed with any key that is known here."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted text and the id of the key that encrypted it."""

    ciphertext: bytes
    key_id: str


class KeySealer:
    """AES-256-GCM under the current key; opens what it or the other key sealed. Keys are base64url text."""

    def __init__(self, current: str, other: str | None = None) -> None:
        keys = [_decoded(text) for text in (current, *([other] if other else []))]
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._current_id = _key_id(keys[0])

    def seal(self, text: bytes, context: str) -> Sealed:
        """Encrypts under the current key; only the same context opens it, so rows cannot be swapped."""
        nonce = os.urandom(NONCE_BYTES)
        return Sealed(nonce + self._ciphers[self._current_id].encrypt(nonce, text, context.encode()), self._current_id)

    def open(self, sealed: Sealed, context: str) -> bytes:
        """The text. Raises SealingError for a key that is not known here, or a changed text."""
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise SealingError(
                f"a signing key was sealed with key {sealed.key_id}, which is not here: "
                "give that key as IDENTITY_OTHER_KEY_ENCRYPTION_KEY"
            )
        nonce, ciphertext = sealed.ciphertext[:NONCE_BYTES], sealed.ciphertext[NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, ciphertext, context.encode())
        except InvalidTag as error:
            raise SealingError(f"a sealed signing key was changed in the database: {context}") from error

    def renewed(self, sealed: Sealed, context: str) -> Sealed:
        """The same text under the current key; as it is where it already was."""
        return sealed if sealed.key_id == self._current_id else self.seal(self.open(sealed, context), context)


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise SealingError("the key encryption key must be base64url text") from error
    if len(key) != KEY_BYTES:
        raise SealingError(f"the key encryption key must be {KEY_BYTES} bytes, it is {len(key)}")
    return key


def _key_id(key: bytes) -> str:
    """Derived, so that an id can never name the wrong key; 64 bits of a hash tell nothing about 256 random ones."""
    return hashlib.sha256(b"forecourt key id" + key).hexdigest()[:16]
