"""What every grant works with: the request, its client, and the tokens that come of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from identity.domain.apps import App
from identity.domain.caller import Caller
from identity.domain.clients import Client
from identity.domain.oauth import OAuthError, TokenFrame, person_claims
from identity.domain.people import Rights
from identity.domain.sessions import SessionFacts
from identity.repository import apps
from identity.use_cases.clients import Credentials, authenticate_client
from identity.use_cases.context import Identity
from servicekit.ids import new_id


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What came to the token endpoint; a public client has no `credentials`."""

    form: Mapping[str, str] = field(repr=False)
    credentials: Credentials | None = field(repr=False)
    caller: Caller = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A signed access token, its life and its scopes; a person's app gets a refresh token too."""

    access_token: str = field(repr=False)
    expires_in_seconds: int
    scope: str
    refresh_token: str | None = field(default=None, repr=False)


async def find_party(identity: Identity, request: TokenRequest) -> App | Client:
    """The client that asks: a machine client has proved itself then, an app need not. Raises OAuthError."""
    if request.credentials is not None:
        return await authenticate_client(identity, request.credentials)
    async with identity.store.connection() as connection:
        app = await apps.find_app(connection, request.form.get("client_id", ""))
    if app is None:
        raise OAuthError("invalid_client", "Send the client_id of an app that is known here.")
    return app


async def person_tokens(
    identity: Identity, session: SessionFacts, rights: Rights, scopes: Sequence[str], refresh_token: str | None = None
) -> Tokens:
    """Tokens of a person's session."""
    claims = person_claims(session, rights, scopes, token_frame(identity))
    return await signed(identity, claims, refresh_token)


async def signed(identity: Identity, claims: dict[str, Any], refresh_token: str | None = None) -> Tokens:
    """Tokens with these claims. Raises Unavailable while there is no key to sign with."""
    life_seconds = identity.settings.access_token_seconds
    return Tokens(await identity.signer.sign(claims), life_seconds, claims["scope"], refresh_token)


def token_frame(identity: Identity) -> TokenFrame:
    """What a token that is made now says beside its subject."""
    settings = identity.settings
    return TokenFrame(settings.issuer, settings.audience, int(time.time()), settings.access_token_seconds, new_id())
