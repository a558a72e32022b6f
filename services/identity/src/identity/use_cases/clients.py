"""Machine clients: made, shown, given new secrets, revoked; and how they prove themselves."""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from identity.domain.clients import (
    Client,
    ClientError,
    ClientSpec,
    digest_of,
    loses_rights,
    new_secret,
    secret_is_one_of,
)
from identity.domain.oauth import OAuthError
from identity.repository import clients as repository
from identity.use_cases import audit
from identity.use_cases.context import Identity
from identity.use_cases.people import revoke_access
from identity.use_cases.staff import name_of
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
    identity: Identity, spec: ClientSpec, *, replace_existing: bool, overlap: timedelta
) -> NewSecret:
    """A new client. Where its name is taken: ClientError, or with `replace_existing` that client, set as asked."""
    client, secret = Client(new_id(), spec, datetime.now(UTC)), new_secret()

    async def work(tx: Connection) -> Client:
        if await repository.insert_client(tx, client, digest_of(secret)):
            await note_client(identity, tx, None, "client-created", client)
            return client
        known = await repository.lock_command_client(tx, spec.name) if replace_existing else None
        if known is None:
            raise ClientError(f"a client is named {spec.name!r} already: take another name, or --replace it")
        await repository.update_client(tx, known.id, spec)
        if loses_rights(known.spec, spec):
            await end_tokens(tx, known.id, "rights_changed")
        replaced = await give_secret(tx, known.id, secret, overlap)
        await note_client(identity, tx, None, "client-replaced", replaced)
        return replaced

    return NewSecret(await identity.store.transact(work), secret)


async def rotate_secret(identity: Identity, client_id: UUID, overlap: timedelta) -> NewSecret:
    """A second secret; the first stays good for `overlap`. Raises ClientError for no live client."""
    secret = new_secret()

    async def work(tx: Connection) -> Client:
        client = await give_secret(tx, client_id, secret, overlap)
        await note_client(identity, tx, None, "client-secret-rotated", client)
        return client

    return NewSecret(await identity.store.transact(work), secret)


async def give_secret(tx: Connection, client_id: UUID, secret: str, overlap: timedelta) -> Client:
    """Stores a second secret. Raises ClientError for no live client."""
    until = datetime.now(UTC) + overlap
    return _required(await repository.replace_secret(tx, client_id, digest_of(secret), until), client_id)


async def revoke_client(identity: Identity, client_id: UUID) -> Client:
    """Ends a client for ever, and its tokens with it. Raises ClientError where there is none."""
    return await identity.store.transact(lambda tx: end_client(identity, tx, client_id, None))


async def end_client(identity: Identity, tx: Connection, client_id: UUID, actor: UUID | None) -> Client:
    """Ends a client and its tokens, once: again it changes nothing. Raises ClientError where there is none."""
    known = _required(await repository.lock_client(tx, client_id), client_id)
    if known.revoked_at is not None:
        return known
    revoked = _required(await repository.revoke_client(tx, client_id, datetime.now(UTC)), client_id)
    await end_tokens(tx, client_id, "client_revoked")
    await note_client(identity, tx, actor, "client-revoked", revoked)
    return revoked


async def end_tokens(tx: Connection, client_id: UUID, reason: str) -> None:
    """Tokens that the client holds are refused from now on; whoever calls has locked it."""
    version = await repository.raise_client_version(tx, client_id)
    await revoke_access(tx, client_id, reason, lowest_version=version)


async def list_clients(store: PostgresStore, limit: int) -> list[Client]:
    """The newest clients, revoked ones too."""
    async with store.connection() as connection:
        return await repository.list_clients(connection, limit)


async def note_client(identity: Identity, tx: Connection, actor: UUID | None, action: str, client: Client) -> None:
    """Tells the audit log; `actor` is None for an operator's command."""
    await audit.append(identity, tx, name_of(actor), action, str(client.id), rights_shown(client.spec))


def rights_shown(spec: ClientSpec) -> dict[str, object]:
    """What a client may do, as the audit log has it; its name is free text, and stays out."""
    return {
        "scopes": list(spec.scopes), "operators": list(spec.operators),
        "station_ids": [str(station) for station in spec.stations],
    }  # fmt: skip


def _required(client: Client | None, client_id: UUID) -> Client:
    if client is None:
        raise ClientError(f"there is no live client {client_id}: list-clients shows all")
    return client
