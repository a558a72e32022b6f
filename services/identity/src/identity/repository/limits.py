"""Counts of what may happen only so often; every replica asks them, and a restart forgets none."""

from collections.abc import Sequence

from identity.domain.limits import SLOTS, Limit, Usage
from servicekit.postgres import Connection

LOCK = """SELECT pg_advisory_xact_lock(hashtextextended(key, 4))
          FROM (SELECT DISTINCT key FROM unnest($1::text[]) AS k (key) ORDER BY key) AS sorted"""
TAKE = f"""
    WITH asked AS (SELECT * FROM unnest($1::text[], $2::int[], $3::float8[]) AS a (key, most, seconds)),
    used AS (
        SELECT a.key, a.most, a.seconds, coalesce(sum(c.count), 0)::int AS used,
               coalesce(min(c.ends_at), now() + make_interval(secs => a.seconds)) AS frees_at
        FROM asked a LEFT JOIN limit_counts c ON c.key = a.key AND c.ends_at > now()
        GROUP BY a.key, a.most, a.seconds
    ),
    counted AS (
        INSERT INTO limit_counts (key, slot, count, ends_at)
        SELECT key, slot, 1, slot + make_interval(secs => seconds + seconds / {SLOTS})
        FROM asked, to_timestamp(floor(extract(epoch FROM now()) * {SLOTS} / seconds) * seconds / {SLOTS}) AS slot
        WHERE NOT EXISTS (SELECT FROM used WHERE used >= most)
        ON CONFLICT (key, slot) DO UPDATE SET count = limit_counts.count + 1
    )
    SELECT key, used, frees_at FROM used
"""  # noqa: S608 - a constant of ours


async def take(tx: Connection, limits: Sequence[Limit]) -> list[Usage]:
    """Counts one more under every limit, or under none where one of them is full; two at once take turns."""
    keys = [limit.key for limit in limits]
    await tx.execute(LOCK, keys)
    rows = await tx.fetch(TAKE, keys, [limit.most for limit in limits], [float(one.window_seconds) for one in limits])
    by_key = {limit.key: limit for limit in limits}
    return [Usage(by_key[row["key"]], row["used"], row["frees_at"]) for row in rows]


async def forget(tx: Connection, limits: Sequence[Limit]) -> None:
    """Counts anew from nothing."""
    await tx.execute("DELETE FROM limit_counts WHERE key = ANY($1)", [limit.key for limit in limits])


async def delete_old_counts(connection: Connection, most: int) -> int:
    """Deletes counts that no window reaches back to; how many."""
    rows = await connection.fetch(
        """DELETE FROM limit_counts WHERE (key, slot) IN (
               SELECT key, slot FROM limit_counts WHERE ends_at < now() LIMIT $1 FOR UPDATE SKIP LOCKED
           ) RETURNING 1""",
        most,
    )  # fmt: skip
    return len(rows)
