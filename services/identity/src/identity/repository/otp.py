"""Queries about one-time codes, the prefixes they go to, and the devices that have shown one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from identity.domain.otp import CodeState, PrefixRate
from servicekit.postgres import Connection

JUDGED_AFTER = timedelta(minutes=1)
"""Since the code's end: a try that is under way is over by then."""
FAMILIAR_DAYS = 180


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A row of `otp_requests`."""

    id: UUID
    phone: bytes
    phone_hash: bytes
    device_hash: bytes
    is_familiar: bool
    prefix: str
    code_hash: bytes
    created_at: datetime
    state: CodeState


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a phone, a device and a prefix before a code is sent."""

    is_familiar: bool
    blocked_until: datetime | None


async def standing(
    tx: Connection, phone_hashes: Sequence[bytes], device_hashes: Sequence[bytes], prefix: str
) -> Standing:
    """Whether the phone's owner has used the device before, and whether the prefix is blocked."""
    row = await tx.fetchrow(
        """SELECT EXISTS (
                      SELECT FROM familiar_devices WHERE phone_hash = ANY($1) AND device_hash = ANY($2)
                  ) AS is_familiar,
                  (SELECT blocked_until FROM sms_prefixes
                   WHERE prefix = $3 AND blocked_until > now()) AS blocked_until""",
        list(phone_hashes), list(device_hashes), prefix,
    )  # fmt: skip
    assert row is not None  # noqa: S101 - a select without a table
    return Standing(row["is_familiar"], row["blocked_until"])


async def insert_request(tx: Connection, request: StoredRequest) -> None:
    """Stores a new request."""
    await tx.execute(
        """INSERT INTO otp_requests (id, phone, phone_hash, device_hash, is_familiar, prefix, code_hash, created_at,
                                     expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        request.id, request.phone, request.phone_hash, request.device_hash, request.is_familiar, request.prefix,
        request.code_hash, request.created_at, request.state.expires_at,
    )  # fmt: skip


async def lock_request(tx: Connection, request_id: UUID) -> StoredRequest | None:
    """The request, locked until the transaction ends: tries of one code take turns."""
    row = await tx.fetchrow("SELECT * FROM otp_requests WHERE id = $1 FOR UPDATE", request_id)
    if row is None:
        return None
    return StoredRequest(
        row["id"], row["phone"], row["phone_hash"], row["device_hash"], row["is_familiar"], row["prefix"],
        row["code_hash"], row["created_at"], CodeState(row["expires_at"], row["wrong_tries"], row["used_at"]),
    )  # fmt: skip


async def save_state(tx: Connection, request_id: UUID, state: CodeState) -> None:
    """Stores what a try made of a code; where it was right, its message need not be sent any more."""
    await tx.execute(
        "UPDATE otp_requests SET wrong_tries = $2, used_at = $3 WHERE id = $1",
        request_id, state.wrong_tries, state.used_at,
    )  # fmt: skip
    if state.used_at is not None:
        await tx.execute("DELETE FROM sms_messages WHERE otp_request_id = $1", request_id)


async def remember_device(tx: Connection, phone_hash: bytes, device_hash: bytes) -> None:
    """The phone's code was shown on this device."""
    await tx.execute(
        """INSERT INTO familiar_devices (phone_hash, device_hash, seen_at) VALUES ($1, $2, now())
           ON CONFLICT (phone_hash, device_hash) DO UPDATE SET seen_at = now()""",
        phone_hash, device_hash,
    )  # fmt: skip


async def take_ended(tx: Connection, most: int) -> list[PrefixRate]:
    """Deletes requests whose time is over, and counts for each prefix how many codes were sent and came back.

    The prefixes are locked, and returned with all their counts.
    """
    rows = await tx.fetch(
        """WITH gone AS (
               DELETE FROM otp_requests WHERE id IN (
                   SELECT id FROM otp_requests WHERE expires_at < now() - $1::interval
                   ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
               ) RETURNING prefix, sent_at, used_at
           )
           INSERT INTO sms_prefixes AS p (prefix, sent, verified, judged_at)
           SELECT prefix, count(*), count(used_at), now() FROM gone
           WHERE sent_at IS NOT NULL OR used_at IS NOT NULL GROUP BY prefix ORDER BY prefix
           ON CONFLICT (prefix) DO UPDATE
               SET sent = p.sent + excluded.sent, verified = p.verified + excluded.verified, judged_at = now()
           RETURNING prefix, sent, verified, blocked_until""",
        JUDGED_AFTER, most,
    )  # fmt: skip
    return [PrefixRate(*row) for row in rows]


async def save_rate(tx: Connection, rate: PrefixRate) -> None:
    """Stores what a judgement made of a prefix."""
    await tx.execute(
        "UPDATE sms_prefixes SET sent = $2, verified = $3, blocked_until = $4 WHERE prefix = $1",
        rate.prefix, rate.sent, rate.verified, rate.blocked_until,
    )  # fmt: skip


async def list_rates(connection: Connection) -> list[PrefixRate]:
    """All prefixes, the blocked ones first."""
    rows = await connection.fetch(
        """SELECT prefix, sent, verified, CASE WHEN blocked_until > now() THEN blocked_until END FROM sms_prefixes
           ORDER BY blocked_until > now() DESC NULLS LAST, prefix LIMIT 1000"""
    )
    return [PrefixRate(*row) for row in rows]


async def unblock(tx: Connection, prefix: str) -> bool:
    """Ends a prefix's block; False where there is none."""
    return bool(
        await tx.fetchval(
            """UPDATE sms_prefixes SET sent = 0, verified = 0, blocked_until = NULL
               WHERE prefix = $1 AND blocked_until > now() RETURNING true""",
            prefix,
        )
    )


async def forget(tx: Connection, phone_hashes: Sequence[bytes]) -> int:
    """Deletes a phone's codes with their messages, and its devices; how many of both."""
    row = await tx.fetchrow(
        """WITH codes AS (DELETE FROM otp_requests WHERE phone_hash = ANY($1) RETURNING 1),
                devices AS (DELETE FROM familiar_devices WHERE phone_hash = ANY($1) RETURNING 1)
           SELECT (SELECT count(*) FROM codes) + (SELECT count(*) FROM devices) AS deleted""",
        list(phone_hashes),
    )
    assert row is not None  # noqa: S101 - a select without a table
    return row["deleted"]


async def delete_forgotten(connection: Connection) -> None:
    """Deletes prefixes that nobody sends to and devices that nobody uses."""
    await connection.execute(
        """DELETE FROM sms_prefixes
           WHERE judged_at < now() - interval '7 days' AND coalesce(blocked_until < now(), true)"""
    )
    await connection.execute(
        "DELETE FROM familiar_devices WHERE seen_at < now() - make_interval(days => $1)", FAMILIAR_DAYS
    )
