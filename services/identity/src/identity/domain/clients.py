"""Machine clients; no I/O."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from servicekit.access import MACHINE_SCOPES, RULES, Permission, Reach

SCOPES = MACHINE_SCOPES
UNBOUND_SCOPES = frozenset(scope for scope in SCOPES if RULES[Permission(scope)].reach is not Reach.STATIONS)
"""They are not about stations, so a client with nothing else needs no binding."""
MAX_NAME_CHARACTERS = 100
MAX_OPERATORS = 200
MAX_OPERATOR_CHARACTERS = 64
MAX_STATIONS = 200
MAX_BINDINGS_BYTES = 11_000
"""As JSON; a token with this much stays below the 16,384 characters that a verifier reads."""
SECRET_BYTES = 32
UNKNOWN_CLIENT_DIGEST = secrets.token_bytes(32)
"""Compared against where there is no digest, so that an unknown client costs the same work as a wrong secret."""


class ClientError(Exception):
    """A client cannot be made or changed as asked; the text says what to do."""


@dataclass(frozen=True, slots=True)
class ClientSpec:
    """What a client is called and may do. Raises ClientError where that is no valid client."""

    name: str
    scopes: tuple[str, ...]
    operators: tuple[str, ...] = ()
    stations: tuple[UUID, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > MAX_NAME_CHARACTERS:
            raise ClientError(f"a client's name has 1 to {MAX_NAME_CHARACTERS} characters")
        if not self.scopes or not set(self.scopes) <= set(SCOPES):
            raise ClientError(f"give at least one scope, each one of {', '.join(SCOPES)}")
        if not (self.operators or self.stations or set(self.scopes) <= UNBOUND_SCOPES):
            raise ClientError("bind the client to at least one operator or station; unbound it may touch nothing")
        _require_bindings(self.operators, self.stations)


def _require_bindings(operators: Sequence[str], stations: Sequence[UUID]) -> None:
    if len(operators) > MAX_OPERATORS or not all(0 < len(name) <= MAX_OPERATOR_CHARACTERS for name in operators):
        raise ClientError(f"at most {MAX_OPERATORS} operators, each of 1 to {MAX_OPERATOR_CHARACTERS} characters")
    if len(stations) > MAX_STATIONS:
        raise ClientError(f"{len(stations)} stations are more than {MAX_STATIONS}: bind by operator instead")
    size = len(json.dumps([*operators, *map(str, stations)], ensure_ascii=False).encode())
    if size > MAX_BINDINGS_BYTES:
        raise ClientError("operators and stations together do not fit into a token: bind by fewer of them")


@dataclass(frozen=True, slots=True)
class Client:
    """A station system that may get tokens; its secrets stay in the store."""

    id: UUID
    spec: ClientSpec
    created_at: datetime
    revoked_at: datetime | None = None
    access_version: int = 1
    """Of its rights: tokens carry it, and those with an older one are refused."""


def loses_rights(before: ClientSpec, after: ClientSpec) -> bool:
    """Whether tokens made from the one allow something that the other does not."""
    pairs = (before.scopes, after.scopes), (before.operators, after.operators), (before.stations, after.stations)
    return any(not set(old) <= set(new) for old, new in pairs)


def new_secret() -> str:
    """256 bits from the system's generator, as URL-safe text."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest_of(secret: str) -> bytes:
    """What is stored of a secret. A slow hash makes guessing costly where people choose; none guesses 256 bits."""
    return hashlib.sha256(secret.encode()).digest()


def secret_is_one_of(secret: str, digests: Sequence[bytes]) -> bool:
    """Whether the secret has one of at most two digests; the time it takes tells nothing about them."""
    current, previous = [*digests, UNKNOWN_CLIENT_DIGEST, UNKNOWN_CLIENT_DIGEST][:2]
    digest = digest_of(secret)
    return hmac.compare_digest(digest, current) | hmac.compare_digest(digest, previous)
