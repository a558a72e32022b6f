"""OAuth's words: refusals, and what an access token says of a person or a machine client."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from identity.domain.clients import Client
from identity.domain.people import Rights
from identity.domain.sessions import SessionFacts

OAuthErrorCode = Literal[
    "invalid_request", "invalid_client", "invalid_grant", "unsupported_grant_type", "unauthorized_client",
    "invalid_scope", "access_denied", "unsupported_response_type", "unsupported_token_type", "server_error",
    "temporarily_unavailable", "interaction_required",
]  # fmt: skip


class OAuthError(Exception):
    """A refusal in RFC 6749's terms (section 5.2); `retry_after_seconds` says that the caller asks too often."""

    def __init__(self, code: OAuthErrorCode, description: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(description)
        self.code: OAuthErrorCode = code
        self.description = description
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class TokenFrame:
    """What every token says: who made it, for whom, when, and its own id."""

    issuer: str
    audience: str
    issued_at: int
    life_seconds: int
    id: UUID

    def claims(self, subject: UUID, client_id: str, scopes: Sequence[str], access_version: int) -> dict[str, Any]:
        """The claims of RFC 9068 and the version of the subject's rights."""
        return {
            "iss": self.issuer, "sub": str(subject), "client_id": client_id, "aud": self.audience,
            "iat": self.issued_at, "exp": self.issued_at + self.life_seconds, "jti": str(self.id),
            "scope": " ".join(scopes), "access_version": access_version,
        }  # fmt: skip


def granted_scopes(client: Client, asked: str | None) -> list[str]:
    """The scopes of a client's token: those asked for, all of the client's where none are. Raises OAuthError."""
    wanted = client.spec.scopes if asked is None else asked.split(" ")
    if not set(wanted) <= set(client.spec.scopes):
        raise OAuthError("invalid_scope", f"This client may ask for: {' '.join(client.spec.scopes)}.")
    return sorted(set(wanted))


def asked_scopes(at_most: Sequence[str], asked: str | None) -> list[str]:
    """What a person's session may carry: what its app asks for, as far as the app itself goes; perhaps nothing."""
    return [scope for scope in at_most if asked is None or scope in asked.split()]


def person_scopes(rights: Rights, at_most: Sequence[str]) -> list[str]:
    """The scopes of a person's token: of the session's those that the person's roles hold today. Raises OAuthError."""
    if not rights.roles:
        raise OAuthError("invalid_grant", "This person has no role here with this way to sign in.")
    scopes = rights.permissions(at_most)
    if not scopes:
        raise OAuthError("invalid_scope", "This person's roles hold none of these scopes.")
    return scopes


def client_claims(client: Client, scopes: Sequence[str], frame: TokenFrame) -> dict[str, Any]:
    """A machine client's token: what it may do, and for which operators and stations."""
    return frame.claims(client.id, str(client.id), scopes, client.access_version) | {
        "operators": list(client.spec.operators), "stations": [str(station) for station in client.spec.stations],
    }  # fmt: skip


def person_claims(session: SessionFacts, rights: Rights, scopes: Sequence[str], frame: TokenFrame) -> dict[str, Any]:
    """A person's token: the session, how and when they signed in, and their roles with where each one holds."""
    return frame.claims(rights.user_id, session.client_id, scopes, rights.access_version) | {
        "sid": str(session.id), "auth_time": int(session.authenticated_at.timestamp()), "amr": list(session.methods),
        "roles": list(rights.roles),
        "operators": sorted({operator for one in rights.staff for operator in one.operators}),
        "stations": sorted({str(station) for one in rights.staff for station in one.stations}),
        "grants": [
            {"role": one.role, "operators": list(one.operators), "stations": [str(station) for station in one.stations]}
            for one in rights.staff
        ],
    }  # fmt: skip
