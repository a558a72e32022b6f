"""The life of a signing key, without I/O: next (published) -> active (signs) -> retired (published) -> gone.

A verifier may hold a JWKS that is JWKS_CACHE old. So a key is published that long before it signs, and stays until
the last token it signed has expired. MARGIN covers what is under way between replicas: a commit not yet seen, a
request that signs with the key it read a moment ago, clocks that differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

JWKS_CACHE = timedelta(seconds=300)
MARGIN = timedelta(seconds=60)


class TooEarly(Exception):
    """The next key is not published long enough to sign; the text says from when on it is."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair: the public part as JWK, the private one sealed by the key ring."""

    kid: UUID
    public_jwk: dict[str, Any]
    private: bytes
    published_at: datetime
    activated_at: datetime | None = None
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeySchedule:
    """How long tokens live and how long one key signs."""

    token_life: timedelta
    rotate_after: timedelta

    def may_sign_from(self, key: SigningKey) -> datetime:
        """When every verifier's cache holds the key."""
        return key.published_at + JWKS_CACHE + MARGIN

    def is_gone(self, key: SigningKey, now: datetime) -> bool:
        """Whether no unexpired token and no cache needs the key any more."""
        return key.retired_at is not None and now >= key.retired_at + self.token_life + JWKS_CACHE + MARGIN

    def is_due(self, active: SigningKey, now: datetime) -> bool:
        """Whether the active key has signed for long enough."""
        return active.activated_at is not None and now >= active.activated_at + self.rotate_after


def active_key(keys: Sequence[SigningKey]) -> SigningKey | None:
    """The key that signs."""
    return next((key for key in keys if key.activated_at is not None and key.retired_at is None), None)


def next_key(keys: Sequence[SigningKey]) -> SigningKey | None:
    """The key that will sign after the active one."""
    return next((key for key in keys if key.activated_at is None), None)


def advance(
    keys: Sequence[SigningKey], schedule: KeySchedule, now: datetime, make: Callable[[datetime], SigningKey],
    *, rotate: bool = False,
) -> list[SigningKey]:  # fmt: skip
    """The keys from `now` on; `rotate` does not wait for the active key to be due, and raises TooEarly instead.

    There is always a next key, so that a rotation never has to wait for one to become known.
    """
    kept = [key for key in keys if not schedule.is_gone(key, now)]
    active, following = active_key(kept), next_key(kept)
    if active is None or following is None:
        # Only the very first key signs unannounced: no verifier holds a JWKS that it could be missing from.
        return [*kept, *([] if active else [replace(make(now), activated_at=now)]), *([] if following else [make(now)])]
    if not rotate and not schedule.is_due(active, now):
        return kept
    if now < schedule.may_sign_from(following):
        if rotate:
            raise TooEarly(f"the next key may sign from {schedule.may_sign_from(following):%Y-%m-%dT%H:%M:%SZ} on")
        return kept
    others = [key for key in kept if key not in (active, following)]
    return [*others, replace(active, retired_at=now), replace(following, activated_at=now), make(now)]
