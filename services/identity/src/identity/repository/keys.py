"""Queries about the keys that sign access tokens."""

import json
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from identity.domain.signing_keys import SigningKey
from servicekit.postgres import Connection


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
        """INSERT INTO signing_keys (kid, public_jwk, sealed_private, published_at, activated_at, retired_at)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (kid) DO UPDATE SET activated_at = EXCLUDED.activated_at, retired_at = EXCLUDED.retired_at,
               sealed_private = EXCLUDED.sealed_private""",
        [
            (key.kid, json.dumps(key.public_jwk), key.private, key.published_at, key.activated_at, key.retired_at)
            for key in ordered
        ],
    )  # fmt: skip


def _key(row: asyncpg.Record) -> SigningKey:
    return SigningKey(
        row["kid"], json.loads(row["public_jwk"]), row["sealed_private"], row["published_at"], row["activated_at"],
        row["retired_at"],
    )  # fmt: skip
