"""Sessions: how long they live, which refresh token is good, and what a person's token may say; no I/O."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Protocol
from uuid import UUID

from identity.domain.people import Rights

MAX_DEVICE_CHARACTERS = 80
SECOND_FACTOR = "mfa"
"""The method without which nobody acts as staff, whatever their roles (RFC 8176)."""


def rights_by(rights: Rights, methods: tuple[str, ...]) -> Rights:
    """What the person may do who signed in by these methods: without a second factor, what every driver may."""
    return rights if SECOND_FACTOR in methods else replace(rights, staff=())


class SessionFacts(Protocol):
    """What a token says of its session."""

    @property
    def id(self) -> UUID: ...  # noqa: D102 - see Session
    @property
    def client_id(self) -> str: ...  # noqa: D102
    @property
    def methods(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def authenticated_at(self) -> datetime: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in with one app, and the family of refresh tokens that came from it."""

    id: UUID
    user_id: UUID
    client_id: str
    app_name: str
    scopes: tuple[str, ...]
    methods: tuple[str, ...]
    authenticated_at: datetime
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    generation: int
    device: str
    """What the device is called, open; empty where it is not known."""
    refresh_token: str = field(default="", repr=False)
    """Of the session that was just opened; of others only its hash is known."""


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long sessions live."""

    driver_life: timedelta
    staff_life: timedelta
    idle_life: timedelta
    grace: timedelta
    """How long the refresh token before the good one gets the good one again: its answer may have been lost."""

    def life(self, methods: tuple[str, ...]) -> timedelta:
        """From the sign-in on: those who proved themselves as staff may do more, for a shorter time."""
        return self.staff_life if SECOND_FACTOR in methods else self.driver_life


class Presented(Enum):
    """What a refresh token is to its session."""

    GOOD = auto()
    REPEATED = auto()
    """The one before the good one, moments after it was used: the answer was lost, or two asked at once."""
    STOLEN = auto()
    """Used before: two hold the family, and nobody knows who is who."""
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as it is stored; `now` is the database's clock when it was read, the one of all replicas."""

    id: UUID
    user_id: UUID
    client_id: str
    scopes: tuple[str, ...]
    methods: tuple[str, ...]
    authenticated_at: datetime
    generation: int
    token_hash: bytes
    rotated_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    now: datetime

    def judge(self, presented: int, policy: SessionPolicy) -> Presented:
        """What a token of the generation `presented` is, if it is one of ours."""
        idle_until = self.rotated_at + policy.idle_life
        if self.ended_at is not None or self.now >= min(self.expires_at, idle_until) or presented > self.generation:
            return Presented.ENDED
        if presented == self.generation:
            return Presented.GOOD
        if presented == self.generation - 1 and self.now < self.rotated_at + policy.grace:
            return Presented.REPEATED
        return Presented.STOLEN


def device_text(text: str) -> str:
    """A device's name as it is kept: printable, on one line, bounded."""
    words = "".join(letter if letter.isprintable() else " " for letter in text).split()
    return " ".join(words)[:MAX_DEVICE_CHARACTERS]
