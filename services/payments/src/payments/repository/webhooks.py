"""What providers told us: stored once, where it is about a charge or refund of ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification whose signature was found good. `kind` is `payment` or `refund`; `number` is ours.

    `amount_minor` and `currency` are None where the provider does not say them.
    """

    notification_id: UUID
    provider: str
    provider_id: str
    kind: str
    number: UUID
    amount_minor: int | None
    currency: str | None


async def store(tx: Connection, notices: Sequence[Notice]) -> list[bool]:
    """Stores what matches a charge or a refund of ours; of each whether it does. What is known stays as it is."""
    columns = list(zip(*(
        (one.notification_id, one.provider, one.provider_id, one.kind, one.number, one.amount_minor, one.currency)
        for one in notices
    ), strict=True))  # fmt: skip
    rows = await tx.fetch(
        """WITH told AS (
               SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::bigint[],
                                    $7::text[]) WITH ORDINALITY
                   AS t (notification_id, provider, provider_id, kind, number, amount_minor, currency, place)
           ), matched AS (
               SELECT told.*, EXISTS (
                   SELECT FROM attempts a WHERE told.kind = 'payment' AND a.attempt_id = told.number
                       AND a.provider = told.provider AND a.amount_minor = coalesce(told.amount_minor, a.amount_minor)
                       AND a.currency = coalesce(told.currency, a.currency)
                   UNION ALL
                   SELECT FROM refunds r WHERE told.kind = 'refund' AND r.refund_id = told.number
                       AND r.method = told.provider AND r.amount_minor = coalesce(told.amount_minor, r.amount_minor)
                       AND r.currency = coalesce(told.currency, r.currency)) AS is_ours
               FROM told
           ), added AS (
               INSERT INTO notifications (notification_id, provider, provider_id, kind, number)
               SELECT notification_id, provider, provider_id, kind, replace(number::text, '-', '')
               FROM matched WHERE is_ours ORDER BY provider, provider_id
               ON CONFLICT (provider, provider_id) DO NOTHING
           )
           SELECT is_ours FROM matched ORDER BY place""",
        *map(list, columns),
    )
    return [row["is_ours"] for row in rows]
