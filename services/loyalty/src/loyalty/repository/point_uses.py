"""Queries of points that are set aside, or were spent: under which key, how many, of which lots."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loyalty.domain.points import Part
from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class Use:
    """Points that are set aside or were spent."""

    driver_id: str
    points: int
    status: str
    given_back: int
    parts: tuple[Part, ...]
    """Of which lots."""


async def find_use(tx: Connection, key: str) -> Use | None:
    """What is set aside or was spent under the key; None where nothing ever was."""
    return (await find_uses(tx, [key])).get(key)


async def find_uses(tx: Connection, keys: Sequence[str]) -> dict[str, Use]:
    """The same for many keys, as far as there is something."""
    rows = await tx.fetch(
        """SELECT u.key, u.driver_id, u.points, u.status, u.given_back, p.lot_id, p.points AS of_lot, p.expires_at
           FROM point_uses u LEFT JOIN point_use_parts p USING (key) WHERE u.key = ANY($1)""",
        keys,
    )
    parts: defaultdict[str, list[Part]] = defaultdict(list)
    for row in rows:
        if row["lot_id"]:
            parts[row["key"]].append(Part(row["lot_id"], row["of_lot"], row["expires_at"]))
    return {
        row["key"]: Use(row["driver_id"], row["points"], row["status"], row["given_back"], tuple(parts[row["key"]]))
        for row in rows
    }


async def insert_use(tx: Connection, key: str, use: Use) -> None:
    """Notes what is set aside or was spent."""
    await tx.execute(
        "INSERT INTO point_uses (key, driver_id, points, status) VALUES ($1, $2, $3, $4)",
        key, use.driver_id, use.points, use.status,
    )  # fmt: skip
    await _insert_parts(tx, {key: use.parts})


async def settle_uses(tx: Connection, keys: Sequence[str], status: str) -> None:
    """What is set aside becomes something else: `released`, `spent`."""
    await tx.execute("UPDATE point_uses SET status = $2 WHERE key = ANY($1)", keys, status)


async def replace_parts(tx: Connection, parts: Mapping[str, Sequence[Part]]) -> None:
    """Of which lots it was taken in the end, by key."""
    await tx.execute("DELETE FROM point_use_parts WHERE key = ANY($1)", list(parts))
    await _insert_parts(tx, parts)


async def _insert_parts(tx: Connection, parts: Mapping[str, Sequence[Part]]) -> None:
    rows = [(key, part.lot_id, part.points, part.expires_at) for key, some in parts.items() for part in some]
    if rows:
        await tx.execute(
            """INSERT INTO point_use_parts (key, lot_id, points, expires_at)
               SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::timestamptz[])""",
            *map(list, zip(*rows, strict=True)),
        )


async def note_given_back(tx: Connection, key: str, total: int) -> None:
    """So much of what was spent under the key is given back by now."""
    await tx.execute("UPDATE point_uses SET given_back = $2 WHERE key = $1", key, total)


async def change_held(tx: Connection, parts: Sequence[Part], sign: int) -> None:
    """Sets the parts aside (sign 1), or lets them go (sign -1)."""
    await tx.execute(
        """UPDATE lots SET held = held + $3 * points
           FROM (SELECT lot, sum(points)::bigint AS points
                 FROM unnest($1::uuid[], $2::bigint[]) AS p (lot, points) GROUP BY lot) AS p WHERE lot_id = lot""",
        [part.lot_id for part in parts], [part.points for part in parts], sign,
    )  # fmt: skip


async def drop_holds(tx: Connection, driver_id: str) -> None:
    """Lets go all that is set aside of a driver's points."""
    await tx.execute("UPDATE point_uses SET status = 'released' WHERE driver_id = $1 AND status = 'held'", driver_id)
    await tx.execute("UPDATE lots SET held = 0 WHERE driver_id = $1 AND held > 0", driver_id)


async def move_uses(tx: Connection, driver_id: str, into: str) -> None:
    """What was spent by the one account can be given back to the other one."""
    await tx.execute("UPDATE point_uses SET driver_id = $2 WHERE driver_id = $1", driver_id, into)
