"""The ledger's queries: post, hold, settle, look."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import asyncpg

from payments.domain.ledger import Account, Balance, Hold, HoldStatus, InsufficientFunds, Transfer
from servicekit.postgres import Connection

NEVER_BELOW_ZERO = "never_below_zero"


@contextmanager
def _insufficient() -> Iterator[None]:
    try:
        yield
    except asyncpg.CheckViolationError as error:
        if error.as_dict().get("constraint_name") == NEVER_BELOW_ZERO:
            raise InsufficientFunds from error
        raise


async def post(tx: Connection, transfers: Sequence[Transfer]) -> set[UUID]:
    """Posts transfers, all or none; returns those that are new: one whose key is known has happened already.

    Raises InsufficientFunds, after which the transaction can only be rolled back.
    """
    with _insufficient():
        fresh = await tx.fetchval(
            "SELECT post_transfers($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", *columns_of(transfers)
        )
    return set(fresh or ())


def columns_of(transfers: Sequence[Transfer]) -> list[list[Any]]:
    """The arguments of the function `post_transfers`."""
    accounts = list({p.account.id: p.account for t in transfers for p in t.postings}.values())
    postings = [(t.id, p.account.id, p.account.currency, p.amount_minor) for t in transfers for p in t.postings]
    return [
        [a.id for a in accounts], [a.kind for a in accounts], [a.owner for a in accounts],
        [a.currency for a in accounts], [a.is_checked for a in accounts],
        [t.id for t in transfers], [t.kind for t in transfers], [t.key for t in transfers],
        [t.subject for t in transfers], *map(list, zip(*postings, strict=True)),
    ]  # fmt: skip


async def hold(tx: Connection, hold: Hold) -> bool:
    """Sets money aside; whether it is new: one whose key is known is held already. Raises InsufficientFunds."""
    with _insufficient():
        fresh = await tx.fetchval(
            """INSERT INTO holds (hold_id, account_id, amount_minor, key, subject, expires_at)
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key) DO NOTHING RETURNING true""",
            hold.id, hold.account.id, hold.amount_minor, hold.key, hold.subject, hold.expires_at,
        )  # fmt: skip
        if not fresh:
            return False
        changed = await tx.fetchval(
            "UPDATE balances SET held_minor = held_minor + $2 WHERE account_id = $1 RETURNING true",
            hold.account.id, hold.amount_minor,
        )  # fmt: skip
    if not changed:
        raise InsufficientFunds
    return True


async def settle_hold(tx: Connection, key: str, status: HoldStatus) -> int | None:
    """Ends a pending hold and gives back what it held; the amount, or None where it was not pending any more.

    Post what is to be posted of it in the same transaction, after this.
    """
    row = await tx.fetchrow(
        """UPDATE holds SET (status, settled_at) = ($2, now()) WHERE key = $1 AND status = 'pending'
           RETURNING account_id, amount_minor""",
        key, status,
    )  # fmt: skip
    if row is None:
        return None
    await tx.execute("UPDATE balances SET held_minor = held_minor - $2 WHERE account_id = $1", *row)
    return row["amount_minor"]


async def expire_holds(tx: Connection, most: int) -> int:
    """Ends holds whose time is over, as `settle_hold` does; how many."""
    (row,) = await tx.fetch(
        """WITH ended AS (
               UPDATE holds SET (status, settled_at) = ('expired', now()) WHERE hold_id = ANY(ARRAY(
                   SELECT hold_id FROM holds WHERE status = 'pending' AND expires_at <= now()
                   ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))
               RETURNING account_id, amount_minor
           ), given_back AS (
               UPDATE balances b SET held_minor = held_minor - total
               FROM (SELECT account_id, sum(amount_minor) AS total FROM ended GROUP BY account_id) AS totals
               WHERE b.account_id = totals.account_id
           ) SELECT count(*) FROM ended""",
        most,
    )
    return row[0]


async def balance(tx: Connection, account: Account) -> Balance:
    """An account's balance now."""
    (row,) = await tx.fetch(
        """SELECT coalesce(sum(posted), 0)::bigint AS posted, coalesce(sum(held), 0)::bigint AS held FROM (
               SELECT posted_minor AS posted, held_minor AS held FROM balances WHERE account_id = $1
               UNION ALL SELECT amount_minor, 0 FROM balance_deltas WHERE account_id = $1) AS parts""",
        account.id,
    )
    return Balance(row["posted"], row["held"])
