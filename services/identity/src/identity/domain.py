"""Machine clients and what their tokens say; no I/O."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

SCOPES = (
    "prices:write", "stations:write", "pumps:write", "orders:write", "price-changes:write", "price-changes:approve",
    "price-rules:write", "driver",
)  # fmt: skip
UNBOUND_SCOPES = frozenset({"price-rules:write", "driver"})
"""They are about regions and about oneself, not about stations."""
MAX_NAME_CHARACTERS = 100
MAX_OPERATORS = 200
MAX_OPERATOR_CHARACTERS = 64
MAX_STATIONS = 200
MAX_BINDINGS_BYTES = 11_000
"""As JSON; a token with this much stays below the 16,384 characters that a verifier reads."""
SECRET_BYTES = 32
UNKNOWN_CLIENT_DIGEST = secrets.token_bytes(32)
"""Compared against where there is no digest, so that an unknown client costs the same work as a wrong secret."""

OAuthErrorCode = Literal[
    "invalid_request", "invalid_client", "unsupported_grant_type", "unauthorized_client", "invalid_scope"
]


class OAuthError(Exception):
    """A refusal in RFC 6749's terms (section 5.2); `retry_after_seconds` says that the caller asks too often."""

    def __init__(self, code: OAuthErrorCode, description: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(description)
        self.code: OAuthErrorCode = code
        self.description = description
        self.retry_after_seconds = retry_after_seconds


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


def granted_scopes(client: Client, asked: str | None) -> list[str]:
    """The scopes of a token: those asked for, all of the client's where none are. Raises OAuthError."""
    wanted = client.spec.scopes if asked is None else asked.split(" ")
    if not set(wanted) <= set(client.spec.scopes):
        raise OAuthError("invalid_scope", f"This client may ask for: {' '.join(client.spec.scopes)}.")
    return sorted(set(wanted))


def access_token_claims(
    client: Client, scopes: Sequence[str], *, issuer: str, audience: str, issued_at: int, life_seconds: int, jti: UUID
) -> dict[str, Any]:
    """The claims of RFC 9068 and the client's bindings."""
    return {
        "iss": issuer, "sub": str(client.id), "client_id": str(client.id), "aud": audience,
        "iat": issued_at, "exp": issued_at + life_seconds, "jti": str(jti), "scope": " ".join(scopes),
        "operators": list(client.spec.operators), "stations": [str(station) for station in client.spec.stations],
    }  # fmt: skip
