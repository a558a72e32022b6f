"""What is done with the ledger as a whole: balances are kept ready, holds expire, the books are read."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

from payments.domain.books import AccountSum, Statement, TrialBalance
from payments.domain.ledger import Account, AccountKind, Balance
from payments.repository import books
from payments.repository import ledger as repository
from payments.repository.books import Before
from payments.use_cases.context import Payments
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.postgres import Connection
from servicekit.price_book import station_for
from servicekit.problems import Problem

Result = TypeVar("Result")

ROLLED_UP_AT_ONCE = 20_000
EXPIRED_AT_ONCE = 500


async def roll_up(payments: Payments) -> int:
    """Adds up what hot accounts got since the last time; how many parts that were."""
    return await payments.store.transact(lambda tx: books.roll_up(tx, ROLLED_UP_AT_ONCE))


async def expire_holds(payments: Payments) -> int:
    """Gives back what is held longer than was agreed: nobody captured it, so it is the payer's again."""
    return await payments.store.transact(lambda tx: repository.expire_holds(tx, EXPIRED_AT_ONCE))


async def keep_balances(payments: Payments) -> None:
    """One round of what keeps balances ready; every replica may do it."""
    await expire_holds(payments)
    while await roll_up(payments) == ROLLED_UP_AT_ONCE:
        continue


async def trial_balance(payments: Payments) -> TrialBalance:
    """The whole ledger at one moment."""
    return await _at_one_moment(payments, books.trial_balance)


async def list_accounts(payments: Payments, kind: AccountKind | None, limit: int) -> list[AccountSum]:
    """Accounts, the largest balances first."""
    return await _at_one_moment(payments, lambda tx: books.accounts(tx, kind, limit))


async def rebuild(payments: Payments) -> Sequence[AccountSum]:
    """Makes all balances anew from the postings; what differed before."""
    return await payments.store.transact(books.rebuild)


async def read_statement(payments: Payments, account_id: UUID, before: Before | None, limit: int) -> Statement | None:
    """An account's statement; None where nothing was ever posted to it."""

    async def read(tx: Connection) -> Statement | None:
        account = await books.account_of(tx, account_id)
        return await books.statement(tx, account, before, limit) if account else None

    return await _at_one_moment(payments, read)


async def read_station_statement(
    payments: Payments, principal: Principal, account_id: UUID, before: Before | None, limit: int
) -> Statement:
    """The statement of a station's account. Problem 404 unless the caller may read that station's books."""

    async def read(tx: Connection) -> Statement:
        account = await books.account_of(tx, account_id)
        if account is None or account.kind is not AccountKind.STATION:
            raise Problem(404, "no-such-account", "There is no such account of a station; GET lists a station's.")
        await station_for(tx, principal, UUID(account.owner), Permission.FINANCE)
        return await books.statement(tx, account, before, limit)

    return await _at_one_moment(payments, read)


async def list_station_accounts(
    payments: Payments, principal: Principal, station_id: UUID
) -> list[tuple[Account, Balance]]:
    """A station's accounts with their balances now. Problem 404 unless the caller may read that station's books."""

    async def read(tx: Connection) -> list[tuple[Account, Balance]]:
        await station_for(tx, principal, station_id, Permission.FINANCE)
        found = await books.accounts_of(tx, AccountKind.STATION, str(station_id))
        return [(one, await repository.balance(tx, one)) for one in found]

    return await _at_one_moment(payments, read)


async def _at_one_moment(payments: Payments, read: Callable[[Connection], Awaitable[Result]]) -> Result:
    async with (
        payments.store.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        return await read(connection)
