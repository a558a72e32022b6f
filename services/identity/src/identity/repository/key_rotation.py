"""Queries for the rotation of the key ring: what is stored under which of its keys."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from identity.domain.people import LoginKind
from identity.repository.people import StoredLogin
from servicekit.keyring import KEY_ID_BYTES
from servicekit.postgres import Connection

FIRST = UUID(int=0)

USES: Mapping[str, tuple[str, str]] = {
    "data keys": ("personal_keys", "sealed_key"),
    "logins": ("logins", "hash"),
    "signing keys": ("signing_keys", "sealed_private"),
    "invitations": ("invitations", "email_hash"),
    "one-time codes": ("otp_requests", "phone"),
    "text messages": ("sms_messages", "sealed"),
}
"""What needs its key as long as it is there, by kind: (table, column). The first three are brought under a new key, the
others run out: invitations in days, the rest in minutes."""

FADING: frozenset[tuple[str, str]] = frozenset({
    ("otp_requests", "phone_hash"), ("otp_requests", "device_hash"), ("otp_requests", "code_hash"),
    ("familiar_devices", "phone_hash"), ("familiar_devices", "device_hash"), ("familiar_networks", "network"),
    ("password_steps", "account"), ("password_tries", "bucket"), ("limit_counts", "key"),
})  # fmt: skip
"""Hashes that are only counted by or compared with, of values that are stored nowhere. Under another key they match
nothing, so counts begin anew, and a device or network has to become familiar again."""


async def count_uses(connection: Connection) -> dict[str, dict[str, int]]:
    """How much of each kind is under each key, by the key's id."""
    uses: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, (table, column) in USES.items():
        rows = await connection.fetch(
            f"SELECT substring({column} FROM 1 FOR $1) AS key, count(*) AS n FROM {table} GROUP BY 1",  # noqa: S608 - constants
            KEY_ID_BYTES,
        )
        uses[kind].update({row["key"].hex(): row["n"] for row in rows})
    return {kind: dict(count) for kind, count in uses.items()}


async def lock_logins(connection: Connection, after: UUID, limit: int) -> list[StoredLogin]:
    """The next logins in the order of their ids, locked until the transaction ends."""
    rows = await connection.fetch(
        "SELECT * FROM logins WHERE id > $1 ORDER BY id LIMIT $2 FOR NO KEY UPDATE", after, limit
    )
    return [
        StoredLogin(row["id"], row["user_id"], LoginKind(row["kind"]), row["hash"], row["sealed"], row["verified_at"])
        for row in rows
    ]


async def save_hashes(connection: Connection, hashes: Sequence[tuple[UUID, bytes]]) -> None:
    """Gives each of these logins its hash under another key."""
    await connection.executemany("UPDATE logins SET hash = $2 WHERE id = $1", hashes)
