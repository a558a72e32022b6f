"""Refresh tokens: base64url of session, generation and a keyed hash of the two.

They are made from the key ring, so that a lost answer can be given again though only a SHA-256 is stored. Whether one
is good is that SHA-256's to say, so a session outlives the key that made its token. The keyed hash tells a token that
was good once from one that never was: only the first ends the session.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from servicekit.keyring import KeyRing, KeyRingError

PURPOSE = "refresh token"
ID_BYTES = 16
GENERATION_BYTES = 4
KEYED_HASH_BYTES = 40
TOKEN_BYTES = ID_BYTES + GENERATION_BYTES + KEYED_HASH_BYTES
"""A multiple of three: base64 needs no padding."""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A token's parts, of which nothing is proved yet."""

    session_id: UUID
    generation: int
    keyed_hash: bytes

    @property
    def text(self) -> str:
        """As clients hold it."""
        parts = self.session_id.bytes + self.generation.to_bytes(GENERATION_BYTES, "big") + self.keyed_hash
        return base64.urlsafe_b64encode(parts).decode()

    @property
    def digest(self) -> bytes:
        """What is stored of it."""
        return hashlib.sha256(self.text.encode()).digest()

    def is_stored_as(self, digest: bytes) -> bool:
        """Whether this is the token whose digest is stored."""
        return hmac.compare_digest(self.digest, digest)

    def was_made_by(self, ring: KeyRing) -> bool:
        """Whether we made it, at some time; unknown, and False, once the key is gone from the ring."""
        try:
            return ring.made(self.keyed_hash, _text(self.session_id, self.generation), PURPOSE)
        except KeyRingError:
            return False


def parse(text: str) -> RefreshToken | None:
    """The parts of a token; None where it is none."""
    try:
        parts = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(parts) != TOKEN_BYTES:
        return None
    session_id, generation = parts[:ID_BYTES], parts[ID_BYTES : ID_BYTES + GENERATION_BYTES]
    token = RefreshToken(UUID(bytes=session_id), int.from_bytes(generation, "big"), parts[-KEYED_HASH_BYTES:])
    return token if token.text == text else None


def make(ring: KeyRing, session_id: UUID, generation: int) -> RefreshToken:
    """The session's token of this generation, under the ring's current key."""
    return RefreshToken(session_id, generation, ring.hash(_text(session_id, generation), PURPOSE))


def made_before(ring: KeyRing, session_id: UUID, generation: int, digest: bytes) -> RefreshToken | None:
    """The token of which the digest is stored, made once more; None where its key has left the ring."""
    hashes = ring.hashes(_text(session_id, generation), PURPOSE)
    tokens = (RefreshToken(session_id, generation, one) for one in hashes)
    return next((token for token in tokens if token.is_stored_as(digest)), None)


def _text(session_id: UUID, generation: int) -> str:
    return f"{session_id}|{generation}"
