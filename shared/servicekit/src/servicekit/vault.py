"""A person's data under a key of that person's own: to erase the person is to delete the key (crypto-shredding).

Each service has its own data keys, one for each person it knows something of, sealed with the service's key ring. What
a backup or a log still holds after an erasure cannot be read by anybody.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from servicekit.keyring import KEY_BYTES, NONCE_BYTES, KeyRing, KeyRingError


class Box:
    """One person's data key, open. `context` names where a text is stored, e.g. `vehicles.plate|<id>`."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, text: str, context: str) -> bytes:
        """Nonce and ciphertext; only the same context opens it."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), context.encode())

    def open(self, sealed: bytes, context: str) -> str:
        """The text. Raises KeyRingError where it was changed or belongs elsewhere."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, ValueError) as error:  # ValueError: it is too short
            raise KeyRingError(f"what was sealed for {context!r} has been changed, or is another's") from error


class DataKeyStore(Protocol):
    """Where a service keeps its sealed data keys; `tx` is the store's transaction handle."""

    async def load(self, tx: Any, subjects: Sequence[str]) -> Mapping[str, bytes]:
        """The sealed keys of those who have one."""
        ...

    async def add(self, tx: Any, subject: str, sealed: bytes) -> bytes:
        """Stores a first key; returns the one that is stored, which is another's where two came at once."""
        ...

    async def page(self, tx: Any, after: str, limit: int) -> list[tuple[str, bytes]]:
        """(subject, sealed key) of the next subjects in their order."""
        ...

    async def replace(self, tx: Any, renewed: Sequence[tuple[str, bytes, bytes]]) -> None:
        """Puts a new sealed key in the place of an old one, (subject, old, new); not where that is gone or another."""
        ...

    async def remove(self, tx: Any, subject: str) -> bool:
        """Deletes a key for ever; whether there was one."""
        ...


class Vault:
    """Opens people's boxes."""

    def __init__(self, ring: KeyRing, keys: DataKeyStore) -> None:
        self._ring = ring
        self._keys = keys

    async def box(self, tx: Any, subject: str) -> Box:
        """The person's box, made where there is none yet."""
        if found := await self.boxes(tx, [subject]):
            return found[subject]
        sealed = self._ring.seal(os.urandom(KEY_BYTES), _context(subject))
        return self._open(subject, await self._keys.add(tx, subject, sealed))

    async def boxes(self, tx: Any, subjects: Sequence[str]) -> dict[str, Box]:
        """The boxes of those who have one: whoever was erased has none."""
        sealed = await self._keys.load(tx, subjects)
        return {subject: self._open(subject, key) for subject, key in sealed.items()}

    async def shred(self, tx: Any, subject: str) -> bool:
        """Deletes the person's key: nothing sealed with it can be read again. Whether there was one."""
        return await self._keys.remove(tx, subject)

    async def page(self, tx: Any, after: str, limit: int) -> list[tuple[str, bytes]]:
        """(subject, sealed key) of the next people, to see which keys of the ring are in use."""
        return await self._keys.page(tx, after, limit)

    async def renew(self, tx: Any, page: Sequence[tuple[str, bytes]]) -> int:
        """Seals what is under an older key of the ring under the current one; how many that were."""
        old = [(subject, sealed) for subject, sealed in page if not self._ring.is_current(sealed)]
        await self._keys.replace(tx, [(subject, sealed, self._renewed(subject, sealed)) for subject, sealed in old])
        return len(old)

    def _renewed(self, subject: str, sealed: bytes) -> bytes:
        return self._ring.seal(self._ring.open(sealed, _context(subject)), _context(subject))

    def _open(self, subject: str, sealed: bytes) -> Box:
        return Box(self._ring.open(sealed, _context(subject)))


def _context(subject: str) -> str:
    return f"data key|{subject}"
