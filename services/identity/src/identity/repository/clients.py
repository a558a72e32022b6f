"""Queries about machine clients."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from identity.domain.clients import Client, ClientSpec
from identity.domain.staff import Bindings
from servicekit.postgres import Connection

CLIENT_COLUMNS = "id, name, scopes, operators, stations, created_at, revoked_at, access_version"


@dataclass(frozen=True, slots=True)
class KnownClient:
    """A client and the digests of the secrets that are good now, the newest first."""

    client: Client
    digests: tuple[bytes, ...]


async def insert_client(connection: Connection, client: Client, digest: bytes, created_by: UUID | None = None) -> bool:
    """Whether the client was stored; False where its maker has a live one of that name. None: an operator's command."""
    inserted = await connection.fetchval(
        """INSERT INTO clients (id, name, scopes, operators, stations, secret_digest, created_at, created_by)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (created_by, name) WHERE revoked_at IS NULL DO NOTHING RETURNING true""",
        client.id, client.spec.name, client.spec.scopes, client.spec.operators, client.spec.stations, digest,
        client.created_at, created_by,
    )  # fmt: skip
    return bool(inserted)


async def lock_command_client(connection: Connection, name: str) -> Client | None:
    """The live client of that name that a command made, locked until the transaction ends."""
    row = await connection.fetchrow(
        f"""SELECT {CLIENT_COLUMNS} FROM clients
            WHERE name = $1 AND created_by IS NULL AND revoked_at IS NULL FOR UPDATE""",  # noqa: S608 - constant names
        name,
    )
    return _client(row) if row else None


async def lock_client(connection: Connection, client_id: UUID) -> Client | None:
    """The client, revoked or not, locked until the transaction ends."""
    row = await connection.fetchrow(
        f"SELECT {CLIENT_COLUMNS} FROM clients WHERE id = $1 FOR UPDATE",  # noqa: S608 - constant column names
        client_id,
    )
    return _client(row) if row else None


async def update_client(connection: Connection, client_id: UUID, spec: ClientSpec) -> None:
    """Sets scopes and bindings."""
    await connection.execute(
        "UPDATE clients SET scopes = $2, operators = $3, stations = $4 WHERE id = $1",
        client_id, spec.scopes, spec.operators, spec.stations,
    )  # fmt: skip


async def raise_client_version(connection: Connection, client_id: UUID) -> int:
    """The version of the client's rights from now on: tokens with an older one are to be refused."""
    version: int | None = await connection.fetchval(
        "UPDATE clients SET access_version = access_version + 1 WHERE id = $1 RETURNING access_version", client_id
    )
    assert version is not None  # noqa: S101 - whoever asks has locked the row
    return version


async def replace_secret(
    connection: Connection, client_id: UUID, digest: bytes, previous_until: datetime
) -> Client | None:
    """Gives a live client a new secret beside the one it has; a third one that was still good ends."""
    row = await connection.fetchrow(
        f"""UPDATE clients SET previous_digest = secret_digest, previous_until = $3, secret_digest = $2
            WHERE id = $1 AND revoked_at IS NULL RETURNING {CLIENT_COLUMNS}""",  # noqa: S608 - constant column names
        client_id, digest, previous_until,
    )  # fmt: skip
    return _client(row) if row else None


async def revoke_client(connection: Connection, client_id: UUID, now: datetime) -> Client | None:
    """Revokes the client, once; None where there is none."""
    row = await connection.fetchrow(
        f"""UPDATE clients SET revoked_at = coalesce(revoked_at, $2)
            WHERE id = $1 RETURNING {CLIENT_COLUMNS}""",  # noqa: S608 - constant column names
        client_id, now,
    )  # fmt: skip
    return _client(row) if row else None


async def find_live_client(connection: Connection, client_id: UUID, now: datetime) -> KnownClient | None:
    """The client, unless it is revoked."""
    row = await connection.fetchrow(
        f"""SELECT {CLIENT_COLUMNS}, secret_digest, CASE WHEN previous_until > $2 THEN previous_digest END AS previous
            FROM clients WHERE id = $1 AND revoked_at IS NULL""",  # noqa: S608 - constant column names
        client_id, now,
    )  # fmt: skip
    if row is None:
        return None
    return KnownClient(_client(row), tuple(digest for digest in (row["secret_digest"], row["previous"]) if digest))


async def list_clients(connection: Connection, limit: int) -> list[Client]:
    """The newest clients first, revoked ones too."""
    rows = await connection.fetch(
        f"SELECT {CLIENT_COLUMNS} FROM clients ORDER BY id DESC LIMIT $1",  # noqa: S608 - constant column names
        limit,
    )
    return [_client(row) for row in rows]


async def clients_within(
    connection: Connection, reach: Bindings, before: UUID | None, limit: int
) -> list[Client]:  # fmt: skip
    """The clients that are bound to nothing but these operators and stations, the newest first, revoked ones too."""
    rows = await connection.fetch(
        f"""SELECT {CLIENT_COLUMNS} FROM clients c
            WHERE operators <@ $1 AND cardinality(operators) + cardinality(stations) > 0
              AND NOT EXISTS (
                  SELECT FROM unnest(c.stations) AS bound (id) WHERE NOT (bound.id = ANY($2)) AND NOT EXISTS (
                      SELECT FROM known_stations k WHERE k.station_id = bound.id AND k.operator = ANY($1)))
              AND ($3::uuid IS NULL OR id < $3)
            ORDER BY id DESC LIMIT $4""",  # noqa: S608 - constant column names
        list(reach.operators), list(reach.stations), before, limit,
    )  # fmt: skip
    return [_client(row) for row in rows]


def _client(row: asyncpg.Record) -> Client:
    spec = ClientSpec(row["name"], tuple(row["scopes"]), tuple(row["operators"]), tuple(row["stations"]))
    return Client(row["id"], spec, row["created_at"], row["revoked_at"], row["access_version"])
