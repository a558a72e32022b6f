"""The checks of the inside reconciliation: a name, a sentence, and the query that finds what breaks it.

Each query gives the subject, the order that it belongs to (if it is one), when that was, and the evidence. $1 is the
earliest moment that it looks at, $2 the moment before which what is still under way has been so for too long.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from payments.domain.reconciliation import Finding
from servicekit.postgres import Connection

MOST = 1_000
"""Differences that one check reports at once; where there are more, it reports the others when these are settled."""
SECONDS = 120.0
"""How long one check may take."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule that always holds; `sql` finds what breaks it."""

    name: str
    what: str
    sql: str


CHECKS: tuple[Check, ...] = (
    Check(
        "order_and_ledger",
        "What was paid for an order, less what was refunded, is what the ledger has for its station and its deposit.",
        """WITH booked AS (
               SELECT t.subject AS order_id, sum(p.amount_minor) AS minor
               FROM transfers t JOIN postings p USING (transfer_id) JOIN accounts a USING (account_id)
               WHERE a.kind IN ('station', 'deposit') AND t.subject IS NOT NULL GROUP BY 1
           ), given_back AS (
               SELECT purpose_id AS order_id, sum(amount_minor + discount_minor) AS minor FROM refunds
               WHERE purpose IN ('order', 'release') AND status = 'succeeded'
                     AND source_kind IN ('station', 'deposit') GROUP BY 1
           ), compared AS (
               SELECT o.*, coalesce(b.minor, 0)::bigint AS booked,
                      (CASE WHEN mode = 'pre_auth' AND method IN ('wechat', 'alipay') THEN authorised_minor
                            WHEN paid_at IS NULL THEN 0
                            ELSE paid_minor + discount_minor END - coalesce(g.minor, 0))::bigint AS due
               FROM orders o LEFT JOIN booked b USING (order_id) LEFT JOIN given_back g USING (order_id)
               WHERE o.placed_at >= $1
           ) SELECT order_id::text AS subject, order_id, placed_at AS at,
                    jsonb_build_object('order_minor', due, 'ledger_minor', booked, 'currency', currency,
                                       'status', status) AS evidence
             FROM compared WHERE booked <> due""",
    ),
    Check(
        "transfer_without_order",
        "Every payment, capture, deposit and release in the ledger is about an order that there is.",
        """SELECT t.transfer_id::text AS subject, t.subject AS order_id, t.made_at AS at,
                  jsonb_build_object('kind', t.kind, 'key', t.key) AS evidence
           FROM transfers t LEFT JOIN orders o ON o.order_id = t.subject
           WHERE t.made_at >= $1 AND t.kind IN ('payment', 'capture', 'deposit', 'release') AND o.order_id IS NULL""",
    ),
    Check(
        "charge_and_ledger",
        "What providers charged and gave back for an order or a recharge is what their clearing accounts have for it.",
        """WITH booked AS (
               SELECT t.subject, a.owner AS provider, -sum(p.amount_minor) AS minor, min(t.made_at) AS at
               FROM transfers t JOIN postings p USING (transfer_id) JOIN accounts a USING (account_id)
               WHERE a.kind = 'provider' AND t.subject IS NOT NULL GROUP BY 1, 2
           ), moved AS (
               SELECT subject, provider, sum(minor) AS minor, min(at) AS at FROM (
                   SELECT purpose_id AS subject, provider, amount_minor AS minor, created_at AS at
                   FROM attempts WHERE status = 'succeeded'
                   UNION ALL
                   SELECT r.purpose_id, a.provider, -r.amount_minor, r.requested_at
                   FROM refunds r JOIN attempts a USING (attempt_id) WHERE r.status = 'succeeded') AS parts
               GROUP BY 1, 2
           ), compared AS (
               SELECT subject, provider, coalesce(m.minor, 0)::bigint AS there, coalesce(b.minor, 0)::bigint AS here,
                      least(m.at, b.at) AS at
               FROM moved m FULL JOIN booked b USING (subject, provider)
           ) SELECT subject || '|' || provider AS subject, subject AS order_id, at,
                    jsonb_build_object('provider', provider, 'provider_minor', there, 'ledger_minor', here) AS evidence
             FROM compared WHERE there <> here AND at >= $1""",
    ),
    Check(
        "charge_without_use",
        "A charge that succeeded paid for its order, or is on its way back: no order has been paid twice.",
        """SELECT order_id::text AS subject, order_id, o.placed_at AS at,
                  jsonb_build_object('charges', charges, 'charged_minor', charged, 'status', o.status) AS evidence
           FROM (
               SELECT a.purpose_id AS order_id, count(*) AS charges, sum(a.amount_minor)::bigint AS charged
               FROM attempts a WHERE a.purpose = 'order' AND a.status = 'succeeded' AND a.created_at >= $1
                    AND NOT EXISTS (SELECT FROM refunds r
                                    WHERE r.attempt_id = a.attempt_id AND r.purpose = 'late_payment')
               GROUP BY 1) AS used
           JOIN orders o USING (order_id)
           WHERE charges > CASE WHEN o.paid_at IS NULL AND o.authorised_minor = 0 THEN 0 ELSE 1 END""",
    ),
    Check(
        "refund_and_ledger",
        "A refund that succeeded has its transfer of the same amount, and no other has one.",
        """WITH booked AS (
               SELECT substr(t.key, 8)::uuid AS refund_id, sum(p.amount_minor) AS minor, min(t.made_at) AS at
               FROM transfers t JOIN postings p USING (transfer_id)
               WHERE t.key LIKE 'refund|%' AND p.amount_minor > 0 GROUP BY 1
           ), compared AS (
               SELECT refund_id, r.purpose_id, r.status, coalesce(r.requested_at, b.at) AS at,
                      coalesce(b.minor, 0)::bigint AS here,
                      CASE WHEN r.status = 'succeeded' THEN r.amount_minor + r.discount_minor ELSE 0 END AS there
               FROM refunds r FULL JOIN booked b USING (refund_id)
           ) SELECT refund_id::text AS subject, purpose_id AS order_id, at,
                    jsonb_build_object('refund_minor', there, 'ledger_minor', here, 'status', status) AS evidence
             FROM compared WHERE here <> there AND at >= $1""",
    ),
    Check(
        "order_and_refunds",
        "What an order says was refunded is the sum of its refunds that succeeded.",
        """SELECT order_id::text AS subject, order_id, placed_at AS at,
                  jsonb_build_object('order_minor', refunded_minor, 'refunds_minor', coalesce(minor, 0)) AS evidence
           FROM orders LEFT JOIN (
               SELECT purpose_id AS order_id, sum(amount_minor)::bigint AS minor FROM refunds
               WHERE purpose = 'order' AND status = 'succeeded' GROUP BY 1) AS sums USING (order_id)
           WHERE placed_at >= $1 AND refunded_minor <> coalesce(minor, 0)""",
    ),
    Check(
        "deposit_left",
        "Nothing is left of the deposit of an order that is over, unless its refund is on its way.",
        """SELECT order_id::text AS subject, order_id, placed_at AS at,
                  jsonb_build_object('deposit_minor', minor, 'status', status) AS evidence
           FROM orders o JOIN (
               SELECT a.owner, sum(p.amount_minor)::bigint AS minor
               FROM accounts a JOIN postings p USING (account_id) WHERE a.kind = 'deposit' GROUP BY 1) AS sums
               ON sums.owner = o.order_id::text
           WHERE placed_at >= $1 AND minor <> 0
                 AND status IN ('completed', 'refunded', 'rejected', 'cancelled', 'expired')
                 AND NOT EXISTS (SELECT FROM refunds r WHERE r.purpose_id = o.order_id
                                 AND r.status IN ('requested', 'pending', 'failed'))""",
    ),
    Check(
        "hold_left",
        "Money is held only for an order that waits for its fuel or its capture.",
        """SELECT order_id::text AS subject, order_id, o.placed_at AS at,
                  jsonb_build_object('held_minor', h.amount_minor, 'status', o.status) AS evidence
           FROM holds h JOIN orders o ON o.order_id = h.subject
           WHERE h.status = 'pending' AND h.made_at >= $1 AND o.status NOT IN ('paying', 'unknown', 'authorised')""",
    ),
    Check(
        "hold_missing",
        "The money of an order that is authorised with a fuel card is held.",
        """SELECT order_id::text AS subject, order_id, placed_at AS at,
                  jsonb_build_object('authorised_minor', authorised_minor) AS evidence
           FROM orders o WHERE placed_at >= $1 AND status = 'authorised' AND method = 'fuel_card'
                AND NOT EXISTS (SELECT FROM holds h WHERE h.subject = o.order_id AND h.status = 'pending')""",
    ),
    Check(
        "late_payment_kept",
        "Money that nobody asked for any more goes back: a late payment has its refund.",
        """SELECT a.attempt_id::text AS subject, a.purpose_id AS order_id, t.made_at AS at,
                  jsonb_build_object('amount_minor', a.amount_minor, 'provider', a.provider) AS evidence
           FROM transfers t JOIN attempts a ON t.key = 'payment|' || a.attempt_id
           WHERE t.kind = 'late_payment' AND t.made_at >= $1 AND NOT EXISTS (
               SELECT FROM refunds r WHERE r.attempt_id = a.attempt_id AND r.purpose = 'late_payment')""",
    ),
    Check(
        "order_stuck",
        "No order is for long where money is under way.",
        """SELECT order_id::text AS subject, order_id, o.placed_at AS at,
                  jsonb_build_object('status', o.status, 'since', s.at) AS evidence
           FROM orders o JOIN order_steps s USING (order_id, version)
           WHERE o.placed_at >= $1 AND o.status IN ('paying', 'unknown', 'refunding') AND s.at < $2""",
    ),
    Check(
        "balance",
        "The balance that is kept of an account, and what is held of it, are those of its postings and holds.",
        """SELECT account_id::text AS subject, NULL::uuid AS order_id, now() AS at,
                  jsonb_build_object('kind', kind, 'currency', currency, 'posted_minor', posted_minor,
                      'kept_posted_minor', kept_posted_minor, 'held_minor', held_minor,
                      'kept_held_minor', kept_held_minor) AS evidence
           FROM account_sums WHERE (posted_minor, held_minor) <> (kept_posted_minor, kept_held_minor)""",
    ),
    Check(
        "trial_balance",
        "All postings of a currency sum to zero.",
        """SELECT currency AS subject, NULL::uuid AS order_id, now() AS at,
                  jsonb_build_object('sum_minor', sum(amount_minor)::bigint) AS evidence
           FROM postings GROUP BY currency HAVING sum(amount_minor) <> 0""",
    ),
)  # fmt: skip
WITHOUT_TIME = frozenset({"balance", "trial_balance"})
"""They look at all that there is, so $1 does not narrow them."""


async def findings(tx: Connection, check: Check, since: datetime, stuck_before: datetime) -> list[Finding]:
    """What breaks the rule, at most MOST + 1 of it; in a transaction of one snapshot."""
    query = f"""SELECT broken.*, o.station_id, o.operator
                FROM ({check.sql}) AS broken LEFT JOIN orders o USING (order_id)
                WHERE ($1::timestamptz, $2::timestamptz) IS NOT NULL LIMIT {MOST + 1}"""  # noqa: S608 -- our own text
    rows = await tx.fetch(query, since, stuck_before, timeout=SECONDS)
    return [_finding(check, row) for row in rows]


def _finding(check: Check, row: Any) -> Finding:
    evidence = msgspec.json.decode(row["evidence"])
    return Finding(check.name, row["subject"], row["at"], evidence, row["station_id"], row["operator"])
