"""Versioned keys that protect personal data and signing keys at rest: sealing, keyed hashes, rotation without a stop.

What was sealed names its key, so old and new keys work side by side while a rotation is under way. Keys come from a
`KeySource`: a file here (`FileKeys`), a key management service elsewhere by the same two values.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
KEY_ID_BYTES = 8
NONCE_BYTES = 12
RELOAD_SECONDS = 2.0
SETTLE_SECONDS = 2 * RELOAD_SECONDS + 1
"""After so long every process has seen a change of its key file."""


class KeyRingError(ValueError):
    """A key is not usable or not here, or a text was changed; says which and what to do."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys by their ids, the newest first; `current` is the id of the one that seals."""

    current: bytes
    by_id: Mapping[bytes, bytes]


class KeySource(Protocol):
    """Where keys come from."""

    def load(self, *, anew: bool = False) -> Keys:
        """The keys as they are now; called often, so they may be RELOAD_SECONDS old, but not with `anew`."""
        ...


class FileKeys:
    """Keys in a JSON file, `{"current": "<id>", "keys": ["<base64url of 32 bytes>", ...]}`; it may change at any time.

    A file that cannot be read or makes no sense after the first time leaves the keys as they were.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._stamp = self._read_stamp()
        self._keys = self._read()
        self._looked_at = time.monotonic()

    def load(self, *, anew: bool = False) -> Keys:
        """See KeySource; a look costs one `stat`, the file is read only where it changed."""
        now = time.monotonic()
        if anew or now - self._looked_at >= RELOAD_SECONDS:
            self._looked_at = now
            self._reload()
        return self._keys

    def _reload(self) -> None:
        try:
            stamp = self._read_stamp()
            if stamp != self._stamp:
                self._keys, self._stamp = self._read(), stamp
        except KeyRingError:
            return

    def _read_stamp(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise KeyRingError(f"the key file {self._path} cannot be read: {error.strerror}") from error
        return status.st_mtime_ns, status.st_ino

    def _read(self) -> Keys:
        try:
            return parse_keys(self._path.read_text())
        except OSError as error:
            raise KeyRingError(f"the key file {self._path} cannot be read: {error.strerror}") from error


def parse_keys(text: str) -> Keys:
    """The keys of a key file. Raises KeyRingError; the message repeats nothing of the file."""
    try:
        document = json.loads(text)
        keys = [_decoded(key) for key in document["keys"]]
        current = bytes.fromhex(document["current"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyRingError('a key file is {"current": "<id>", "keys": ["<base64url of 32 bytes>", ...]}') from error
    by_id = {key_id(key): key for key in keys}
    if current not in by_id:
        raise KeyRingError("the key file's current key is not among its keys")
    return Keys(current, by_id)


def staged(text: str, new_key: bytes) -> str:
    """A key file's text with a new key that seals nothing yet, so that every process knows it before one uses it.

    Without that, what one process has stored under the new key's hash another would not find, and store again.
    """
    keys = parse_keys(text)
    return _document(keys.current, [new_key, *keys.by_id.values()])


def promoted(text: str) -> str:
    """A key file's text whose newest key is the current one; the others stay until nothing is sealed with them."""
    keys = list(parse_keys(text).by_id.values())
    return _document(key_id(keys[0]), keys)


def rotated(text: str | None, new_key: bytes) -> str:
    """Staged and promoted at once: for a first key, or where no process runs."""
    return promoted(staged(text, new_key)) if text is not None else _document(key_id(new_key), [new_key])


def pruned(text: str) -> str:
    """A key file's text with its current key only."""
    keys = parse_keys(text)
    return _document(keys.current, [keys.by_id[keys.current]])


def key_id(key: bytes) -> bytes:
    """Derived, so that an id can never name the wrong key; 64 bits of a hash tell nothing about 256 random ones."""
    return hashlib.sha256(b"forecourt key id" + key).digest()[:KEY_ID_BYTES]


class KeyRing:
    """AES-256-GCM and HMAC-SHA-256 under the current key; opens and checks what any key of the source made."""

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self._ciphers: dict[bytes, AESGCM] = {}

    @property
    def key_ids(self) -> list[bytes]:
        """The ids of all keys, the current one first."""
        keys = self._source.load()
        return [keys.current, *(one for one in keys.by_id if one != keys.current)]

    def seal(self, text: bytes, context: str) -> bytes:
        """Key id, nonce and ciphertext; only the same context opens it, so that rows cannot be swapped."""
        current, nonce = self._source.load().current, os.urandom(NONCE_BYTES)
        return current + nonce + self._cipher(current).encrypt(nonce, text, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """The text. Raises KeyRingError for a key that is not here, or a changed text."""
        cipher, rest = self._cipher(sealed[:KEY_ID_BYTES]), sealed[KEY_ID_BYTES:]
        try:
            return cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: it was cut off
            raise KeyRingError(f"what was sealed for {context!r} has been changed") from error

    def is_current(self, sealed_or_hash: bytes) -> bool:
        """Whether it was made with the current key."""
        return sealed_or_hash[:KEY_ID_BYTES] == self._source.load().current

    def hash(self, text: str, purpose: str) -> bytes:
        """Key id and keyed hash of a text, to look it up without storing it; the purpose keeps uses apart."""
        return self._hash(self._source.load().current, text, purpose)

    def made(self, digest: bytes, text: str, purpose: str) -> bool:
        """Whether this is the text's hash, under whichever key it names. Raises KeyRingError where that is gone."""
        return hmac.compare_digest(digest, self._hash(digest[:KEY_ID_BYTES], text, purpose))

    def hashes(self, text: str, purpose: str) -> list[bytes]:
        """The hashes under every key, the current one's first: what to look for while keys are rotated."""
        return [self._hash(name, text, purpose) for name in self.key_ids]

    def _hash(self, name: bytes, text: str, purpose: str) -> bytes:
        key = hmac.digest(self._key(name), b"hash for " + purpose.encode(), "sha256")
        return name + hmac.digest(key, text.encode(), "sha256")

    def _cipher(self, name: bytes) -> AESGCM:
        cipher = self._ciphers.get(name)
        if cipher is None:
            cipher = self._ciphers[name] = AESGCM(self._key(name))
        return cipher

    def _key(self, name: bytes) -> bytes:
        key = self._source.load().by_id.get(name) or self._source.load(anew=True).by_id.get(name)
        if key is None:
            raise KeyRingError(f"key {name.hex()} is not in the key file: put it back, it still seals something")
        return key


def encoded(key: bytes) -> str:
    """A key as the key file has it."""
    return base64.urlsafe_b64encode(key).decode()


def _document(current: bytes, keys: list[bytes]) -> str:
    return json.dumps({"current": current.hex(), "keys": [encoded(key) for key in keys]}, indent=2) + "\n"


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyRingError("a key must be base64url text") from error
    if len(key) != KEY_BYTES:
        raise KeyRingError(f"a key must be {KEY_BYTES} bytes, one is {len(key)}")
    return key
