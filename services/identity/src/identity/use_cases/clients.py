"""Machine clients: made, shown, given new secrets, revoked; and how they prove themselves."""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from identity.domain.clients import Client, ClientError, ClientSpec, digest_of, new_secret, secret_is_one_of
from identity.domain.oauth import OAuthError
from identity.repository import clients as repository
from identity.use_cases.context import Identity
from servicekit.ids import new_id
from servicekit.postgres import Connection, PostgresStore

log = logging.getLogger(__name__)

NO_CLIENT = UUID(int=0)
BAD_CREDENTIALS = "The client id or the secret is not right, or the client is revoked."


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client says of itself."""

    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A client with a secret that is shown this one time."""

    client: Client
    secret: str


async def authenticate_client(identity: Identity, credentials: Credentials) -> Client:
    """The client whose secret this is. Raises OAuthError, the same one whatever of the two is wrong."""
    client_id = _client_id(credentials.client_id)
    async with identity.store.connection() as connection:
        known = await repository.find_live_client(connection, client_id, datetime.now(UTC))
    if secret_is_one_of(credentials.client_secret, known.digests if known else ()) and known:
        return known.client
    retry_after_seconds = identity.wrong_secrets.note(client_id, time.monotonic())
    log.warning("client authentication failed", extra={"client_id": str(client_id)})
    raise OAuthError("invalid_client", BAD_CREDENTIALS, retry_after_seconds)


def _client_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return NO_CLIENT


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
