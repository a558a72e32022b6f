"""The token endpoint's grants."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from identity.domain.clients import Client
from identity.domain.oauth import OAuthError, access_token_claims, granted_scopes
from identity.use_cases.context import Identity
from servicekit.ids import new_id


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token, its life and its scopes."""

    token: str
    expires_in_seconds: int
    scope: str


async def issue_client_token(identity: Identity, client: Client, form: Mapping[str, str]) -> AccessToken:
    """RFC 6749 section 4.4: a token for the client itself."""
    settings = identity.settings
    claims = access_token_claims(
        client, granted_scopes(client, form.get("scope")), issuer=settings.issuer, audience=settings.audience,
        issued_at=int(time.time()), life_seconds=settings.access_token_seconds, jti=new_id(),
    )  # fmt: skip
    return AccessToken(await identity.signer.sign(claims), settings.access_token_seconds, claims["scope"])


Grant = Callable[[Identity, Client, Mapping[str, str]], Awaitable[AccessToken]]

GRANTS: dict[str, Grant] = {"client_credentials": issue_client_token}
"""What `grant_type` may be. OAuth 2.1 has no password grant, and never will one stand here."""


def require_grant(form: Mapping[str, str]) -> Grant:
    """The grant that the form asks for. Raises OAuthError."""
    name = form.get("grant_type")
    if name is None:
        raise OAuthError("invalid_request", f"Send grant_type, one of: {', '.join(GRANTS)}.")
    if name not in GRANTS:
        raise OAuthError("unsupported_grant_type", f"This server's grant types: {', '.join(GRANTS)}.")
    return GRANTS[name]
