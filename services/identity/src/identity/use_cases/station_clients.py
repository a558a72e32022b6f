"""Machine clients made and managed by staff, for their own operators and stations."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from identity.domain.clients import Client, ClientSpec, digest_of, new_secret
from identity.domain.staff import OutsideRights
from identity.repository import clients as repository
from identity.use_cases.clients import NewSecret, end_client, give_secret, note_client
from identity.use_cases.context import Identity
from identity.use_cases.staff import manager_of
from servicekit.auth import Principal
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem


async def list_station_clients(
    identity: Identity, principal: Principal, before: UUID | None, limit: int
) -> list[Client]:  # fmt: skip
    """The clients that are bound to the caller's operators and stations only, the newest first, revoked ones too."""
    async with identity.store.connection() as connection:
        manager = await manager_of(connection, UUID(principal.subject))
        return await repository.clients_within(connection, manager.client_reach, before, limit)


async def make_station_client(identity: Identity, tx: Connection, principal: Principal, spec: ClientSpec) -> NewSecret:
    """A client that may do no more than its maker may, but report prices as well. Problem 409 for a name taken.

    Raises OutsideRights.
    """
    actor = UUID(principal.subject)
    manager = await manager_of(tx, actor, spec.stations)
    if not manager.may_make_client(spec.scopes, spec.operators, spec.stations):
        raise OutsideRights("a client can have no scope, operator or station that you do not have yourself")
    client, secret = Client(new_id(), spec, datetime.now(UTC)), new_secret()
    if not await repository.insert_client(tx, client, digest_of(secret), actor):
        raise Problem(409, "name-taken", "You have made a client of this name: revoke it, or take another name.")
    await note_client(identity, tx, actor, "client-created", client)
    return NewSecret(client, secret)


async def give_second_secret(
    identity: Identity, tx: Connection, principal: Principal, client_id: UUID, overlap: timedelta
) -> NewSecret:
    """A second secret; the first stays good for `overlap`. Problem 404 for a foreign client, 409 for a revoked one."""
    actor, secret = UUID(principal.subject), new_secret()
    client = await _required(tx, actor, client_id)
    if client.revoked_at is not None:
        raise Problem(409, "client-revoked", "This client is revoked: make a new one.")
    changed = await give_secret(tx, client_id, secret, overlap)
    await note_client(identity, tx, actor, "client-secret-rotated", changed)
    return NewSecret(changed, secret)


async def revoke_station_client(identity: Identity, principal: Principal, client_id: UUID) -> None:
    """Ends a client and its tokens; once more changes nothing. Problem 404 for a foreign client."""
    actor = UUID(principal.subject)

    async def work(tx: Connection) -> None:
        await _required(tx, actor, client_id)
        await end_client(identity, tx, client_id, actor)

    await identity.store.transact(work)


async def _required(tx: Connection, actor: UUID, client_id: UUID) -> Client:
    """The client, locked, where all that it is bound to is the actor's."""
    client = await repository.lock_client(tx, client_id)
    if client is not None:
        manager = await manager_of(tx, actor, client.spec.stations)
        if manager.sees_client(client.spec.operators, client.spec.stations):
            return client
    raise Problem(404, "client-not-found", "There is no such client at your operators and stations; GET /v1/clients.")
