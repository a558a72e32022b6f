"""Queries about codes and about who was wrong how often."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from servicekit.ids import new_id
from servicekit.keyring import KEY_ID_BYTES
from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class Code:
    """What a code stands for."""

    code_id: UUID
    purpose: str
    subject: str


async def insert(tx: Connection, purpose: str, subject: str, hashes: Sequence[bytes], expires_at: datetime) -> None:
    """Stores codes that stand for the same."""
    await tx.execute(
        """INSERT INTO codes (code_id, code_hash, purpose, subject, expires_at)
           SELECT id, hash, $3, $4, $5 FROM unnest($1::uuid[], $2::bytea[]) AS c (id, hash)""",
        [new_id() for _ in hashes], list(hashes), purpose, subject, expires_at,
    )  # fmt: skip


async def find(tx: Connection, hashes: Sequence[bytes], purposes: Sequence[str], at: datetime) -> Code | None:
    """The code with one of these hashes, if it is for one of these purposes and good."""
    row = await tx.fetchrow(
        """SELECT code_id, purpose, subject FROM codes
           WHERE code_hash = ANY($1) AND purpose = ANY($2) AND used_at IS NULL AND expires_at > $3""",
        list(hashes), list(purposes), at,
    )  # fmt: skip
    return Code(*row) if row else None


async def spend(tx: Connection, code_id: UUID, at: datetime) -> bool:
    """Uses a code up; of several who do so at once one is told True."""
    result = await tx.execute(
        "UPDATE codes SET used_at = $2 WHERE code_id = $1 AND used_at IS NULL AND expires_at > $2", code_id, at
    )
    return result == "UPDATE 1"


async def withdraw(tx: Connection, purpose: str, subjects: Sequence[str]) -> int:
    """Codes that stand for these and were not used stand for nothing any more; how many those were."""
    rows = await tx.fetch(
        "DELETE FROM codes WHERE subject = ANY($2) AND purpose = $1 AND used_at IS NULL RETURNING code_id",
        purpose, list(subjects),
    )  # fmt: skip
    return len(rows)


async def good_until(tx: Connection, purpose: str, subjects: Sequence[str], at: datetime) -> dict[str, datetime]:
    """Until when a code stands for each of these that one stands for."""
    rows = await tx.fetch(
        """SELECT subject, max(expires_at) AS expires_at FROM codes
           WHERE subject = ANY($2) AND purpose = $1 AND used_at IS NULL AND expires_at > $3 GROUP BY subject""",
        purpose, list(subjects), at,
    )  # fmt: skip
    return {row["subject"]: row["expires_at"] for row in rows}


async def forget(tx: Connection, expired_before: datetime, wrong_before: datetime) -> None:
    """Removes codes that ended long ago, and wrong tries that count no more."""
    await tx.execute("DELETE FROM codes WHERE expires_at < $1", expired_before)
    await tx.execute("DELETE FROM code_tries WHERE since < $1", wrong_before)


async def lock_tries(tx: Connection, caller: str, at: datetime) -> None:
    """Until the transaction ends nobody else tries codes for this caller."""
    await tx.execute(
        """INSERT INTO code_tries (caller, wrong, since) VALUES ($1, 0, $2)
           ON CONFLICT (caller) DO UPDATE SET caller = excluded.caller""",
        caller, at,
    )  # fmt: skip


async def wrong_tries(tx: Connection, caller: str, since: datetime) -> tuple[int, datetime] | None:
    """How often a caller was wrong, and when that began; None where that was before `since`."""
    row = await tx.fetchrow("SELECT wrong, since FROM code_tries WHERE caller = $1 AND since > $2", caller, since)
    return (row["wrong"], row["since"]) if row else None


async def count_wrong(tx: Connection, caller: str, at: datetime, forget_before: datetime) -> None:
    """One more wrong try of a caller whose tries are locked; those of long ago are forgotten."""
    await tx.execute(
        """UPDATE code_tries SET (wrong, since) =
               (SELECT CASE WHEN since > $3 AND wrong > 0 THEN wrong + 1 ELSE 1 END,
                       CASE WHEN since > $3 AND wrong > 0 THEN since ELSE $2 END)
           WHERE caller = $1""",
        caller, at, forget_before,
    )  # fmt: skip


async def forget_tries(tx: Connection, caller: str) -> None:
    """Nobody need know any more how often this caller was wrong."""
    await tx.execute("DELETE FROM code_tries WHERE caller = $1", caller)


async def count_by_key(tx: Connection) -> dict[str, int]:
    """How many codes that can still be used are hashed under each key of the ring, by the key's id."""
    rows = await tx.fetch(
        """SELECT encode(substr(code_hash, 1, $1), 'hex') AS key, count(*) AS codes FROM codes
           WHERE used_at IS NULL AND expires_at > now() GROUP BY 1""",
        KEY_ID_BYTES,
    )
    return {row["key"]: row["codes"] for row in rows}
