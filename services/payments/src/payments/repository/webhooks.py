"""What providers told us: stored once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification whose signature was found good. `kind` is `payment` or `refund`; `number` is what we called it.

    `amount_minor` and `currency` are None where the provider does not say them.
    """

    notification_id: UUID
    provider: str
    provider_id: str
    kind: str
    number: str
    number_id: UUID | None
    """The id whose digits the number is; None where it is no number of ours."""
    amount_minor: int | None
    currency: str | None


async def store(tx: Connection, notices: Sequence[Notice]) -> list[bool]:
    """Stores all but those that contradict the charge or refund of their number; of each whether it does not.

    What is known stays as it is. A number that nobody here knows is stored, too: somebody must look at that money.
    """
    columns = list(zip(*(
        (
            one.notification_id, one.provider, one.provider_id, one.kind, one.number, one.number_id, one.amount_minor,
            one.currency,
        )
        for one in notices
    ), strict=True))  # fmt: skip
    rows = await tx.fetch(
        """WITH told AS (
               SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[],
                                    $7::bigint[], $8::text[]) WITH ORDINALITY
                   AS t (notification_id, provider, provider_id, kind, number, number_id, amount, currency, place)
           ), known AS (
               SELECT 'payment' AS kind, attempt_id AS id, provider, amount_minor, currency FROM attempts
                   WHERE attempt_id = ANY($6)
               UNION ALL
               SELECT 'refund', refund_id, method, amount_minor, currency FROM refunds WHERE refund_id = ANY($6)
           ), judged AS (
               SELECT told.*, NOT EXISTS (
                   SELECT FROM known WHERE (known.kind, known.id) = (told.kind, told.number_id)
                       AND (known.provider, known.amount_minor, known.currency)
                        <> (told.provider, coalesce(told.amount, known.amount_minor),
                            coalesce(told.currency, known.currency))) AS is_right
               FROM told
           ), added AS (
               INSERT INTO notifications (notification_id, provider, provider_id, kind, number)
               SELECT notification_id, provider, provider_id, kind, number FROM judged WHERE is_right
               ORDER BY provider, provider_id
               ON CONFLICT (provider, provider_id) DO NOTHING
           )
           SELECT is_right FROM judged ORDER BY place""",
        *map(list, columns),
    )
    return [row["is_right"] for row in rows]
