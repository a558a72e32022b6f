"""Reading the ledger: statements, the trial balance; and what keeps balances ready."""

from typing import Any
from uuid import UUID

from payments.domain.books import AccountSum, KindSum, Line, Statement, TrialBalance
from payments.domain.ledger import Account, AccountKind, Balance
from payments.repository import ledger
from servicekit.postgres import Connection

Before = tuple[int, int]
"""Where a page of a statement begins: before this posting, and the balance that was left then."""


async def account_of(tx: Connection, account_id: UUID) -> Account | None:
    """The account; None where nothing was ever posted to it."""
    row = await tx.fetchrow("SELECT kind, owner, currency FROM accounts WHERE account_id = $1", account_id)
    return _account(row) if row else None


async def statement(tx: Connection, account: Account, before: Before | None, limit: int) -> Statement:
    """The newest postings, or those before a place, with the balance after each; in a transaction of one snapshot."""
    balance = await ledger.balance(tx, account)
    place, left = before or (None, balance.posted_minor)
    rows = await tx.fetch(
        """SELECT p.posting_id, p.transfer_id, t.kind, t.subject, t.made_at, p.amount_minor
           FROM postings p JOIN transfers t USING (transfer_id)
           WHERE p.account_id = $1 AND ($2::bigint IS NULL OR p.posting_id < $2)
           ORDER BY p.posting_id DESC LIMIT $3""",
        account.id, place, limit,
    )  # fmt: skip
    lines: list[Line] = []
    for row in rows:
        lines.append(Line(*row, balance_minor=left))
        left -= row["amount_minor"]
    return Statement(account, balance, lines)


async def accounts(tx: Connection, kind: AccountKind | None, limit: int) -> list[AccountSum]:
    """Accounts, the largest balances first."""
    rows = await tx.fetch(
        """SELECT * FROM account_sums WHERE $1::text IS NULL OR kind = $1
           ORDER BY abs(posted_minor) DESC, account_id LIMIT $2""",
        kind, limit,
    )  # fmt: skip
    return [_sum(row) for row in rows]


async def accounts_of(tx: Connection, kind: AccountKind, owner: str) -> list[Account]:
    """The accounts that somebody has, one for each currency; only those that something was posted to."""
    query = "SELECT kind, owner, currency FROM accounts WHERE (kind, owner) = ($1, $2) ORDER BY currency"
    return [_account(row) for row in await tx.fetch(query, kind, owner)]


async def differences(tx: Connection) -> list[AccountSum]:
    """Accounts whose kept balance is not that of their postings and holds."""
    rows = await tx.fetch(
        """SELECT * FROM account_sums
           WHERE (posted_minor, held_minor) <> (kept_posted_minor, kept_held_minor) ORDER BY account_id"""
    )
    return [_sum(row) for row in rows]


async def trial_balance(tx: Connection) -> TrialBalance:
    """The whole ledger; in a transaction of one snapshot."""
    rows = await tx.fetch(
        """SELECT currency, kind, count(*), sum(posted_minor)::bigint, sum(held_minor)::bigint
           FROM account_sums GROUP BY currency, kind ORDER BY currency, kind"""
    )
    ((transfers, empty),) = await tx.fetch(
        """SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (
                      SELECT FROM postings p WHERE p.transfer_id = t.transfer_id)) FROM transfers t"""
    )  # fmt: skip
    return TrialBalance([KindSum(*row) for row in rows], await differences(tx), transfers, empty)


async def roll_up(tx: Connection, most: int) -> int:
    """Adds what hot accounts got to their balances; how many parts that were. Several may do so at once."""
    await tx.execute("LOCK TABLE balances IN ROW EXCLUSIVE MODE")  # in the order of `rebuild`
    (row,) = await tx.fetch(
        """WITH taken AS (
               DELETE FROM balance_deltas WHERE ctid = ANY(ARRAY(
                   SELECT ctid FROM balance_deltas LIMIT $1 FOR UPDATE SKIP LOCKED))
               RETURNING account_id, amount_minor
           ), added AS (
               INSERT INTO balances (account_id, is_checked, posted_minor)
               SELECT account_id, false, sum(amount_minor) FROM taken GROUP BY account_id ORDER BY account_id
               ON CONFLICT (account_id) DO UPDATE SET posted_minor = balances.posted_minor + excluded.posted_minor
           ) SELECT count(*) FROM taken""",
        most,
    )
    return row[0]


async def rebuild(tx: Connection) -> list[AccountSum]:
    """Makes all balances anew from postings and holds; what differed before. Nobody posts meanwhile."""
    await tx.execute("LOCK TABLE balances IN EXCLUSIVE MODE")
    await tx.execute("LOCK TABLE balance_deltas IN EXCLUSIVE MODE")
    found = await differences(tx)
    await tx.execute("DELETE FROM balance_deltas")
    await tx.execute(
        """INSERT INTO balances (account_id, is_checked, posted_minor, held_minor)
           SELECT account_id, is_checked, posted_minor, held_minor FROM account_sums
           ON CONFLICT (account_id) DO UPDATE
               SET (posted_minor, held_minor) = (excluded.posted_minor, excluded.held_minor)"""
    )
    return found


def _account(row: Any) -> Account:
    return Account(AccountKind(row["kind"]), row["owner"], row["currency"])


def _sum(row: Any) -> AccountSum:
    true, kept = (
        Balance(row["posted_minor"], row["held_minor"]),
        Balance(row["kept_posted_minor"], row["kept_held_minor"]),
    )
    return AccountSum(_account(row), true, kept)
