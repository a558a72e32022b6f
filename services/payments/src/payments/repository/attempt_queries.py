"""Looking up charges for operators."""

from collections.abc import Sequence
from uuid import UUID

from payments.domain.attempts import Attempt
from payments.repository.attempts import attempt_of
from servicekit.postgres import Connection

MAX_ATTEMPTS = 100


async def of_purpose(connection: Connection, purpose_id: UUID) -> Sequence[Attempt]:
    """All charges for an order or a recharge, the newest first."""
    rows = await connection.fetch(
        "SELECT * FROM attempts WHERE purpose_id = $1 ORDER BY created_at DESC, attempt_id DESC LIMIT $2",
        purpose_id, MAX_ATTEMPTS,
    )  # fmt: skip
    return [attempt_of(row) for row in rows]
