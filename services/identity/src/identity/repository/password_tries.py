"""Queries about how often somebody tried a password or a code, and from where people sign in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from servicekit.postgres import Connection

MAX_FAMILIAR_NETWORKS = 20


async def add_tries(
    connection: Connection, windows: Mapping[bytes, datetime], now: datetime
) -> dict[bytes, tuple[int, datetime]]:
    """Counts a try in each bucket. `windows` says when a window that begins now ends; returns (tries, end) of each."""
    rows = await connection.fetch(
        """INSERT INTO password_tries AS t (bucket, count, ends_at)
           SELECT bucket, 1, ends_at FROM unnest($1::bytea[], $2::timestamptz[]) AS n (bucket, ends_at) ORDER BY bucket
           ON CONFLICT (bucket) DO UPDATE SET
               count = CASE WHEN t.ends_at > $3 THEN t.count + 1 ELSE 1 END,
               ends_at = CASE WHEN t.ends_at > $3 THEN t.ends_at ELSE EXCLUDED.ends_at END
           RETURNING bucket, count, ends_at""",
        list(windows), list(windows.values()), now,
    )  # fmt: skip
    return {row["bucket"]: (row["count"], row["ends_at"]) for row in rows}


async def take_back_tries(connection: Connection, buckets: Sequence[bytes], tries: int) -> None:
    """Takes tries that turned out right off the counts."""
    await connection.execute(
        """UPDATE password_tries SET count = greatest(count - $2, 0) WHERE bucket IN (
               SELECT bucket FROM password_tries WHERE bucket = ANY($1) ORDER BY bucket FOR UPDATE)""",
        list(buckets), tries,
    )  # fmt: skip


async def clear_tries(connection: Connection, bucket: bytes) -> None:
    """Forgets a bucket's tries."""
    await connection.execute("DELETE FROM password_tries WHERE bucket = $1", bucket)


async def is_familiar(connection: Connection, user_id: UUID, networks: Sequence[bytes], since: datetime) -> bool:
    """Whether the person has signed in from the network, by any of its hashes, since then."""
    return bool(
        await connection.fetchval(
            "SELECT true FROM familiar_networks WHERE user_id = $1 AND network = ANY($2) AND used_at > $3 LIMIT 1",
            user_id, list(networks), since,
        )
    )  # fmt: skip


async def note_familiar(connection: Connection, user_id: UUID, network: bytes, now: datetime) -> None:
    """The person has signed in from the network; the oldest of too many is forgotten."""
    await connection.execute(
        """INSERT INTO familiar_networks (user_id, network, used_at) VALUES ($1, $2, $3)
           ON CONFLICT (user_id, network) DO UPDATE SET used_at = EXCLUDED.used_at""",
        user_id, network, now,
    )  # fmt: skip
    await connection.execute(
        """DELETE FROM familiar_networks WHERE user_id = $1 AND network IN (
               SELECT network FROM familiar_networks WHERE user_id = $1 ORDER BY used_at DESC OFFSET $2)""",
        user_id, MAX_FAMILIAR_NETWORKS,
    )  # fmt: skip


async def delete_ended(connection: Connection, now: datetime, familiar_since: datetime) -> None:
    """Deletes what counts no more."""
    await connection.execute("DELETE FROM password_tries WHERE ends_at <= $1", now)
    await connection.execute("DELETE FROM password_steps WHERE expires_at <= $1", now)
    await connection.execute("DELETE FROM familiar_networks WHERE used_at <= $1", familiar_since)
