"""The checks of the outside reconciliation: what a provider's bill says, compared with our charges and refunds.

Each query gives the number that differs, the order that it belongs to (if it is one), when that was, and the evidence.
Its arguments: the run, the provider, from when and to when ours are judged, and the numbers that open tickets name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.bill_lines import BillKind, BillLine
from payments.domain.reconciliation import Finding, Run
from payments.repository.checks import MOST, SECONDS, Check
from servicekit.postgres import Connection

KEPT_DAYS = 100
"""So long a bill's lines are kept: longer than a provider gives the bill."""

# Ours, both kinds alike; and theirs, added up for each number, of bills that were read whole and of the one at hand.
_OURS = """ours AS (
    SELECT attempt_id AS id, purpose_id AS order_id, provider, amount_minor, currency, status, paid_at AS at
    FROM attempts WHERE provider = $2 AND $3 = 'payment'
    UNION ALL
    SELECT r.refund_id, r.purpose_id, a.provider, r.amount_minor, r.currency, r.status, r.settled_at
    FROM refunds r JOIN attempts a USING (attempt_id) WHERE a.provider = $2 AND $3 = 'refund'
), theirs AS (
    SELECT number, CASE WHEN number ~ '^[0-9a-f]{32}$' THEN number::uuid END AS id, min(day) AS day,
           bool_or(run_id = $1) AS is_new, min(trade_id) AS trade_id, sum(amount_minor)::bigint AS amount_minor,
           min(currency) AS currency, min(at) AS at, count(*) AS lines
    FROM bill_lines l WHERE provider = $2 AND kind = $3 AND (run_id = $1 OR (
        EXISTS (SELECT FROM reconciliations r WHERE r.run_id = l.run_id AND r.status = 'done')
        AND day <> (SELECT day FROM reconciliations r WHERE r.run_id = $1)))
    GROUP BY number
)"""

_ON_BILL = f"""WITH {_OURS} SELECT number AS subject, order_id, t.at, t.day,
    jsonb_build_object(
        'number', number, 'trade_id', trade_id, 'bill_minor', t.amount_minor, 'bill_currency', t.currency,
        'bill_lines', lines, 'our_status', o.status, 'our_minor', o.amount_minor, 'our_currency', o.currency
    ) AS evidence
    FROM theirs t LEFT JOIN ours o USING (id)
    WHERE (is_new OR number = ANY($6)) AND $4::timestamptz < $5::timestamptz"""  # noqa: S608 -- our own text

UNKNOWN_HERE = f"{_ON_BILL} AND o.status IS DISTINCT FROM 'succeeded'"
ANOTHER_AMOUNT = (
    f"{_ON_BILL} AND o.status = 'succeeded' AND (t.amount_minor, t.currency) <> (o.amount_minor, o.currency)"
)
NOT_ON_BILL = f"""WITH {_OURS} SELECT replace(o.id::text, '-', '') AS subject, order_id, o.at, NULL::date AS day,
    jsonb_build_object('number', replace(o.id::text, '-', ''), 'our_minor', o.amount_minor, 'our_currency', o.currency,
                       'our_moment', o.at) AS evidence
    FROM ours o LEFT JOIN theirs t USING (id)
    WHERE o.status = 'succeeded' AND t.id IS NULL
          AND ((o.at >= $4 AND o.at < $5) OR replace(o.id::text, '-', '') = ANY($6))"""  # noqa: S608 -- our own text


@dataclass(frozen=True, slots=True)
class BillCheck(Check):
    """A check of one kind of the bill's lines."""

    kind: BillKind


CHECKS: tuple[BillCheck, ...] = (
    BillCheck("payment_unknown_here", "Each payment on the bill is a charge of ours that succeeded.",
              UNKNOWN_HERE, BillKind.PAYMENT),
    BillCheck("payment_amount", "A payment is on the bill once, with the amount that we know.",
              ANOTHER_AMOUNT, BillKind.PAYMENT),
    BillCheck("payment_not_on_bill", "Each charge that succeeded is on the bill of its day, or of one beside it.",
              NOT_ON_BILL, BillKind.PAYMENT),
    BillCheck("refund_unknown_here", "Each refund on the bill is one of ours that succeeded.",
              UNKNOWN_HERE, BillKind.REFUND),
    BillCheck("refund_amount", "A refund is on the bill once, with the amount that we know.",
              ANOTHER_AMOUNT, BillKind.REFUND),
    BillCheck("refund_not_on_bill", "Each refund that succeeded is on a bill.", NOT_ON_BILL, BillKind.REFUND),
)  # fmt: skip
NAMES = tuple(check.name for check in CHECKS)


async def forget_lines(tx: Connection, run: Run) -> None:
    """Drops what an earlier try of the run has read."""
    await tx.execute("DELETE FROM bill_lines WHERE run_id = $1", run.run_id)


async def add_lines(tx: Connection, run: Run, lines: Sequence[BillLine]) -> None:
    """Stores lines of the bill."""
    await tx.copy_records_to_table(
        "bill_lines",
        records=[
            (run.run_id, run.provider, run.day, line.kind, line.number, line.trade_id, line.amount_minor,
             line.currency, line.at)
            for line in lines
        ],
        columns=["run_id", "provider", "day", "kind", "number", "trade_id", "amount_minor", "currency", "at"],
    )  # fmt: skip


async def keep_only(tx: Connection, run: Run) -> None:
    """Drops what other runs have read of the same bill, and bills that are too old to matter."""
    await tx.execute(
        "DELETE FROM bill_lines WHERE provider = $1 AND ((day = $2 AND run_id <> $3) OR day < $2::date - $4::int)",
        run.provider, run.day, run.run_id, KEPT_DAYS,
    )  # fmt: skip


async def findings(
    tx: Connection, run: Run, check: BillCheck, window: tuple[datetime, datetime], numbers: Sequence[str]
) -> list[Finding]:
    """What breaks the rule, at most MOST + 1 of it; in a transaction of one snapshot."""
    query = f"""SELECT broken.*, o.station_id, o.operator
                FROM ({check.sql}) AS broken LEFT JOIN orders o USING (order_id)
                LIMIT {MOST + 1}"""  # noqa: S608 -- our own text
    rows = await tx.fetch(
        query, run.run_id, run.provider, check.kind, *window, list(numbers), timeout=SECONDS
    )  # fmt: skip
    return [_finding(run, check, row) for row in rows]


def _finding(run: Run, check: BillCheck, row: Any) -> Finding:
    evidence = msgspec.json.decode(row["evidence"])
    return Finding(
        check.name, row["subject"], row["at"], evidence, row["station_id"], row["operator"], run.provider,
        row["day"] or run.day,
    )  # fmt: skip


async def open_numbers(tx: Connection, provider: str) -> dict[str, list[str]]:
    """The numbers that tickets name which are not gone, by check."""
    rows = await tx.fetch(
        """SELECT check_name, array_agg(subject) AS subjects FROM tickets
           WHERE provider = $1 AND check_name = ANY($2) AND status <> 'closed' GROUP BY 1""",
        provider, list(NAMES),
    )  # fmt: skip
    return {row["check_name"]: row["subjects"] for row in rows}


async def totals(tx: Connection, run: Run, window: tuple[datetime, datetime]) -> dict[str, Any]:
    """How many payments and refunds, and of how much, the bill has and we have; `window` is the bill's day."""
    theirs = await tx.fetch(
        """SELECT kind, currency, count(*) AS number, sum(amount_minor)::bigint AS minor FROM bill_lines
           WHERE run_id = $1 GROUP BY 1, 2 ORDER BY 1, 2""",
        run.run_id,
    )
    ours = await tx.fetch(
        """SELECT 'payment' AS kind, currency, count(*) AS number, sum(amount_minor)::bigint AS minor FROM attempts
           WHERE provider = $1 AND status = 'succeeded' AND paid_at >= $2 AND paid_at < $3 GROUP BY 2
           UNION ALL
           SELECT 'refund', r.currency, count(*), sum(r.amount_minor)::bigint
           FROM refunds r JOIN attempts a USING (attempt_id)
           WHERE a.provider = $1 AND r.status = 'succeeded' AND r.settled_at >= $2 AND r.settled_at < $3 GROUP BY 2
           ORDER BY 1, 2""",
        run.provider, *window,
    )  # fmt: skip
    return {"bill": [dict(row) for row in theirs], "ours": [dict(row) for row in ours]}


async def station_totals(
    tx: Connection, day: date, window: tuple[datetime, datetime], operators: Sequence[str], stations: Sequence[UUID]
) -> list[dict[str, Any]]:
    """What was charged and given back for orders of these stations on a day, and how much of that is on a bill."""
    rows = await tx.fetch(
        """WITH ours AS (
               SELECT 'payment' AS kind, a.provider, a.currency, a.amount_minor, a.purpose_id,
                      replace(a.attempt_id::text, '-', '') AS number
               FROM attempts a WHERE a.status = 'succeeded' AND a.paid_at >= $2 AND a.paid_at < $3
               UNION ALL
               SELECT 'refund', a.provider, r.currency, r.amount_minor, r.purpose_id,
                      replace(r.refund_id::text, '-', '')
               FROM refunds r JOIN attempts a USING (attempt_id)
               WHERE r.status = 'succeeded' AND r.settled_at >= $2 AND r.settled_at < $3
           ) SELECT u.provider, u.kind, u.currency, count(*) AS number, sum(u.amount_minor)::bigint AS minor,
                    count(b.number) AS on_bill, coalesce(sum(b.amount_minor), 0)::bigint AS on_bill_minor
             FROM ours u JOIN orders o ON o.order_id = u.purpose_id
             LEFT JOIN LATERAL (
                 SELECT l.number, sum(l.amount_minor) AS amount_minor FROM bill_lines l
                 JOIN reconciliations r ON r.run_id = l.run_id AND r.status = 'done'
                 WHERE l.number = u.number AND l.kind = u.kind AND l.provider = u.provider
                       AND l.day BETWEEN $1::date - 1 AND $1::date + 1
                 GROUP BY 1) AS b ON true
             WHERE o.operator = ANY($4) OR o.station_id = ANY($5)
             GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
        day, *window, list(operators), list(stations), timeout=SECONDS,
    )  # fmt: skip
    return [dict(row) for row in rows]
