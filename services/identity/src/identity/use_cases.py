"""What identity does: issue tokens, keep signing keys in motion, manage machine clients."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from identity import repository, tokens
from identity.domain import (
    Client,
    ClientError,
    ClientSpec,
    OAuthError,
    access_token_claims,
    digest_of,
    granted_scopes,
    new_secret,
    secret_is_one_of,
)
from identity.key_sealing import KeySealer
from identity.settings import Settings
from identity.signing_keys import SigningKey, active_key, advance
from identity.wrong_secrets import WrongSecretLimit
from servicekit.ids import new_id
from servicekit.postgres import Connection, PostgresStore
from servicekit.problems import Unavailable
from servicekit.store import StoreUnavailable

log = logging.getLogger(__name__)

KEY_CHECK_SECONDS = 30.0
NO_CLIENT = UUID(int=0)
BAD_CREDENTIALS = "The client id or the secret is not right, or the client is revoked."


class AuthorizationServer:
    """What the use cases work with."""

    def __init__(self, settings: Settings, store: PostgresStore) -> None:
        current, other = settings.key_encryption_key, settings.other_key_encryption_key
        self.settings = settings
        self.store = store
        self.sealer = KeySealer(current.get_secret_value(), other.get_secret_value() if other else None)
        self.wrong_secrets = WrongSecretLimit(settings.wrong_secrets_per_minute)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client says of itself."""

    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token, its life and its scopes."""

    token: str
    expires_in_seconds: int
    scope: str


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A client with a secret that is shown this one time."""

    client: Client
    secret: str


async def authenticate_client(server: AuthorizationServer, credentials: Credentials) -> Client:
    """The client whose secret this is. Raises OAuthError, the same one whatever of the two is wrong."""
    client_id = _client_id(credentials.client_id)
    async with server.store.connection() as connection:
        known = await repository.find_live_client(connection, client_id, datetime.now(UTC))
    if secret_is_one_of(credentials.client_secret, known.digests if known else ()) and known:
        return known.client
    retry_after_seconds = server.wrong_secrets.note(client_id, time.monotonic())
    log.warning("client authentication failed", extra={"client_id": str(client_id)})
    raise OAuthError("invalid_client", BAD_CREDENTIALS, retry_after_seconds)


def _client_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return NO_CLIENT


async def issue_client_token(server: AuthorizationServer, client: Client, form: Mapping[str, str]) -> AccessToken:
    """RFC 6749 section 4.4: a token for the client itself."""
    scopes = granted_scopes(client, form.get("scope"))
    async with server.store.connection() as connection:
        key = active_key(await repository.load_keys(connection))
    if key is None:
        raise Unavailable("A signing key")
    claims = access_token_claims(
        client, scopes, issuer=server.settings.issuer, audience=server.settings.audience, issued_at=int(time.time()),
        life_seconds=server.settings.access_token_seconds, jti=new_id(),
    )  # fmt: skip
    return AccessToken(tokens.sign(claims, key, server.sealer), server.settings.access_token_seconds, claims["scope"])


Grant = Callable[[AuthorizationServer, Client, Mapping[str, str]], Awaitable[AccessToken]]

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


async def published_keys(server: AuthorizationServer) -> list[dict[str, Any]]:
    """The public keys that verify every unexpired token, and the next one. Never a copy: a late key is a lost token."""
    async with server.store.connection() as connection:
        return [key.public_jwk for key in await repository.load_keys(connection)]


async def advance_keys(server: AuthorizationServer, *, rotate: bool = False) -> list[SigningKey]:
    """Makes the first keys, rotates where it is time or asked for, drops what is gone. One process at a time.

    Raises TooEarly where a rotation was asked for before the next key may sign.
    """
    make = tokens.key_maker(server.sealer)

    async def work(connection: Connection) -> list[SigningKey]:
        now = await repository.lock_keys(connection)
        before = await repository.load_keys(connection)
        after = advance(before, server.settings.key_schedule, now, make, rotate=rotate)
        after = [replace(key, private=server.sealer.renewed(key.private, str(key.kid))) for key in after]
        if after != before:
            await repository.save_keys(connection, after)
        return after

    return await server.store.transact(work)


async def keep_keys(server: AuthorizationServer) -> None:
    """Advances the keys for ever."""
    while True:
        try:
            await advance_keys(server)
        except StoreUnavailable as error:
            log.warning("signing keys wait for the database", extra={"error": str(error)})
        await asyncio.sleep(KEY_CHECK_SECONDS)


async def create_client(
    store: PostgresStore, spec: ClientSpec, *, replace_existing: bool, overlap: timedelta
) -> NewSecret:
    """A new client. Where its name is taken: ClientError, or with `replace_existing` that client, set as asked."""
    client, secret = Client(new_id(), spec, datetime.now(UTC)), new_secret()

    async def work(connection: Connection) -> Client:
        if await repository.insert_client(connection, client, digest_of(secret)):
            return client
        client_id = await repository.update_client(connection, spec) if replace_existing else None
        if client_id is None:
            raise ClientError(f"a client is named {spec.name!r} already: take another name, or --replace it")
        return await _replace_secret(connection, client_id, secret, overlap)

    return NewSecret(await store.transact(work), secret)


async def rotate_secret(store: PostgresStore, client_id: UUID, overlap: timedelta) -> NewSecret:
    """A second secret; the first stays good for `overlap`. Raises ClientError for no live client."""
    secret = new_secret()
    return NewSecret(await store.transact(lambda c: _replace_secret(c, client_id, secret, overlap)), secret)


async def _replace_secret(connection: Connection, client_id: UUID, secret: str, overlap: timedelta) -> Client:
    until = datetime.now(UTC) + overlap
    client = await repository.replace_secret(connection, client_id, digest_of(secret), until)
    return _required(client, client_id)


async def revoke_client(store: PostgresStore, client_id: UUID) -> Client:
    """Ends a client for ever; tokens it holds run out by themselves. Raises ClientError where there is none."""
    async with store.connection() as connection:
        return _required(await repository.revoke_client(connection, client_id, datetime.now(UTC)), client_id)


async def list_clients(store: PostgresStore, limit: int) -> list[Client]:
    """The newest clients, revoked ones too."""
    async with store.connection() as connection:
        return await repository.list_clients(connection, limit)


def _required(client: Client | None, client_id: UUID) -> Client:
    if client is None:
        raise ClientError(f"there is no live client {client_id}: list-clients shows all")
    return client
