"""OAuth's words: refusals, and what an access token says of a machine client."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from identity.domain.clients import Client

OAuthErrorCode = Literal[
    "invalid_request", "invalid_client", "invalid_grant", "unsupported_grant_type", "unauthorized_client",
    "invalid_scope", "access_denied", "unsupported_response_type", "server_error", "temporarily_unavailable",
    "interaction_required",
]  # fmt: skip


class OAuthError(Exception):
    """A refusal in RFC 6749's terms (section 5.2); `retry_after_seconds` says that the caller asks too often."""

    def __init__(self, code: OAuthErrorCode, description: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(description)
        self.code: OAuthErrorCode = code
        self.description = description
        self.retry_after_seconds = retry_after_seconds


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
        "access_version": client.access_version,
        "operators": list(client.spec.operators), "stations": [str(station) for station in client.spec.stations],
    }  # fmt: skip
