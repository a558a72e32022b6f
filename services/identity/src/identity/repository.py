"""Every query of identity."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from identity.domain import Client, ClientSpec
from identity.key_sealing import Sealed
from identity.signing_keys import SigningKey
from servicekit.postgres import Connection

CLIENT_COLUMNS = "id, name, scopes, operators, stations, created_at, revoked_at"


@dataclass(frozen=True, slots=True)
class KnownClient:
    """A client and the digests of the secrets that are good now, the newest first."""

    client: Client
    digests: tuple[bytes, ...]


async def insert_client(connection: Connection, client: Client, digest: bytes) -> bool:
    """Whether the client was stored; False where the name is taken."""
    inserted = await connection.fetchval(
        """INSERT INTO clients (id, name, scopes, operators, stations, secret_digest, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING RETURNING true""",
        client.id, client.spec.name, client.spec.scopes, client.spec.operators, client.spec.stations, digest,
        client.created_at,
    )  # fmt: skip
    return bool(inserted)


async def update_client(connection: Connection, spec: ClientSpec) -> UUID | None:
    """Sets scopes and bindings of the live client with this name; its id, None where there is none."""
    return await connection.fetchval(
        """UPDATE clients SET scopes = $2, operators = $3, stations = $4 WHERE name = $1 AND revoked_at IS NULL
           RETURNING id""",
        spec.name, spec.scopes, spec.operators, spec.stations,
    )  # fmt: skip


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


async def lock_keys(connection: Connection) -> datetime:
    """Waits until no other process changes keys. Returns the database's time, the one clock of all replicas."""
    await connection.execute("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE")
    now: datetime | None = await connection.fetchval("SELECT clock_timestamp()")
    assert now is not None  # noqa: S101 - a clock always answers
    return now


async def load_keys(connection: Connection) -> list[SigningKey]:
    """All keys that are not gone, the oldest first."""
    return [_key(row) for row in await connection.fetch("SELECT * FROM signing_keys ORDER BY published_at, kid")]


async def save_keys(connection: Connection, keys: Sequence[SigningKey]) -> None:
    """Makes the table hold just these keys."""
    await connection.execute("DELETE FROM signing_keys WHERE NOT kid = ANY($1)", [key.kid for key in keys])
    # Retired before active before next: the indexes allow one active and one next key at each moment.
    ordered = sorted(keys, key=lambda key: (key.retired_at is None, key.activated_at is None))
    await connection.executemany(
        """INSERT INTO signing_keys (kid, public_jwk, sealed_private, sealed_with, published_at, activated_at,
                                     retired_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (kid) DO UPDATE SET activated_at = EXCLUDED.activated_at, retired_at = EXCLUDED.retired_at,
               sealed_private = EXCLUDED.sealed_private, sealed_with = EXCLUDED.sealed_with""",
        [
            (key.kid, json.dumps(key.public_jwk), key.private.ciphertext, key.private.key_id, key.published_at,
             key.activated_at, key.retired_at)
            for key in ordered
        ],
    )  # fmt: skip


def _client(row: asyncpg.Record) -> Client:
    spec = ClientSpec(row["name"], tuple(row["scopes"]), tuple(row["operators"]), tuple(row["stations"]))
    return Client(row["id"], spec, row["created_at"], row["revoked_at"])


def _key(row: asyncpg.Record) -> SigningKey:
    private = Sealed(row["sealed_private"], row["sealed_with"])
    return SigningKey(
        row["kid"], json.loads(row["public_jwk"]), private, row["published_at"], row["activated_at"], row["retired_at"]
    )
