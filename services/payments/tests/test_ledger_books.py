"""The books: balances are what the postings say, holds expire, and the database lets nobody write what is not so."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import asyncpg
import pytest

from payments.domain.ledger import (
    Account,
    AccountKind,
    Balance,
    Hold,
    InsufficientFunds,
    Posting,
    Transfer,
    TransferKind,
)
from payments.repository import books
from payments.repository import ledger as repository
from payments.use_cases import ledger
from servicekit.ids import new_id
from servicekit.postgres import Connection

from .conftest import Payments

PROVIDER = Account(AccountKind.PROVIDER, "wechat", "CNY")


def card(owner: str = "c") -> Account:
    return Account(AccountKind.CARD, owner, "CNY")


def station(owner: UUID) -> Account:
    return Account(AccountKind.STATION, str(owner), "CNY")


def transfer(source: Account, target: Account, amount_minor: int) -> Transfer:
    key = str(new_id())
    return Transfer(
        new_id(), TransferKind.PAYMENT, key, (Posting(source, -amount_minor), Posting(target, amount_minor))
    )


async def post(payments: Payments, *transfers: Transfer) -> None:
    await payments.store.transact(lambda tx: repository.post(tx, transfers))


async def hold(payments: Payments, account: Account, amount_minor: int, expires_at: datetime) -> None:
    held = Hold(new_id(), account, amount_minor, str(new_id()), expires_at)
    await payments.store.transact(lambda tx: repository.hold(tx, held))


async def balance_of(payments: Payments, account: Account) -> Balance:
    async with payments.store.connection() as connection:
        return await repository.balance(connection, account)


async def test_a_trial_balance_is_zero_in_each_currency(payments: Payments) -> None:
    rubles = Account(AccountKind.STATION, "s", "EUR")
    await post(payments, transfer(PROVIDER, card(), 500), transfer(card(), station(new_id()), 120))
    await post(payments, transfer(Account(AccountKind.PROVIDER, "alipay", "EUR"), rubles, 70))
    await hold(payments, card(), 30, datetime.now(UTC) + timedelta(hours=1))
    trial = await ledger.trial_balance(payments.process)
    assert trial.is_balanced
    assert trial.totals == {"CNY": 0, "EUR": 0}
    assert trial.transfers == 3
    (cards,) = [one for one in trial.sums if one.kind == "card"]
    assert (cards.posted_minor, cards.held_minor, cards.accounts) == (380, 30, 1)


async def test_a_balance_that_was_tampered_with_is_found_and_made_anew(payments: Payments) -> None:
    await post(payments, transfer(PROVIDER, card(), 500))
    await payments.sql("UPDATE balances SET posted_minor = posted_minor + 1 WHERE account_id = $1", card().id)
    trial = await ledger.trial_balance(payments.process)
    assert not trial.is_balanced
    assert [(one.account, one.true.posted_minor, one.kept.posted_minor) for one in trial.differences] == [
        (card(), 500, 501)
    ]
    assert [one.account for one in await ledger.rebuild(payments.process)] == [card()]
    assert (await ledger.trial_balance(payments.process)).is_balanced
    assert await balance_of(payments, card()) == Balance(500, 0)


async def test_a_hot_account_is_summed_up_and_loses_nothing(payments: Payments) -> None:
    await post(payments, transfer(PROVIDER, card(), 500), transfer(PROVIDER, card(), 300))
    before = await balance_of(payments, PROVIDER)
    assert before == Balance(-800, 0)
    while await ledger.roll_up(payments.process):
        pass
    assert await payments.sql("SELECT count(*) FROM balance_deltas") == 0
    assert await balance_of(payments, PROVIDER) == before


async def test_balances_are_right_while_they_are_summed_up_and_made_anew(payments: Payments) -> None:
    """Posts from three sides while two sum up and one rebuilds: at the end every balance is that of its postings."""
    places = [new_id() for _ in range(3)]
    await post(payments, *(transfer(PROVIDER, card(str(place)), 10_000) for place in places))

    async def pay(place: UUID) -> None:
        for _ in range(25):
            await post(payments, transfer(card(str(place)), station(places[0]), 7), transfer(PROVIDER, card(), 1))

    async def keep(work: int) -> None:
        for _ in range(12):
            await (ledger.rebuild if work == 0 else ledger.roll_up)(payments.process)

    await asyncio.gather(*map(pay, places), *map(keep, range(3)))
    assert (await ledger.trial_balance(payments.process)).is_balanced
    assert await balance_of(payments, station(places[0])) == Balance(3 * 25 * 7, 0)


async def test_a_hold_that_expired_is_the_payers_money_again(payments: Payments) -> None:
    now = datetime.now(UTC)
    await post(payments, transfer(PROVIDER, card(), 100))
    await hold(payments, card(), 60, now - timedelta(seconds=1))
    await hold(payments, card(), 30, now + timedelta(hours=1))
    while await ledger.expire_holds(payments.process):
        pass
    assert await balance_of(payments, card()) == Balance(100, 30)
    assert await payments.sql("SELECT status FROM holds WHERE amount_minor = 60") == "expired"
    assert (await ledger.trial_balance(payments.process)).is_balanced


async def test_a_statement_has_pages_and_a_balance_after_each_line(payments: Payments) -> None:
    for amount in (100, 20, 3):
        await post(payments, transfer(PROVIDER, card(), amount))
    first = await ledger.read_statement(payments.process, card().id, None, 2)
    assert first is not None
    assert [(one.amount_minor, one.balance_minor) for one in first.lines] == [(3, 123), (20, 120)]
    last = first.lines[-1]
    before = (last.posting_id, last.balance_minor - last.amount_minor)
    rest = await ledger.read_statement(payments.process, card().id, before, 2)
    assert rest is not None
    assert [(one.amount_minor, one.balance_minor) for one in rest.lines] == [(100, 100)]
    assert await ledger.read_statement(payments.process, new_id(), None, 2) is None


REFUSED = [
    "UPDATE postings SET amount_minor = 1", "DELETE FROM postings", "TRUNCATE postings",
    "UPDATE transfers SET kind = 'x'", "DELETE FROM transfers", "TRUNCATE transfers",
    "UPDATE accounts SET currency = 'EUR'", "DELETE FROM accounts", "TRUNCATE accounts",
]  # fmt: skip


@pytest.mark.parametrize("statement", REFUSED)
async def test_the_services_role_changes_nothing_that_was_written(payments: Payments, statement: str) -> None:
    """It owns the tables, and still has not the right."""
    await post(payments, transfer(PROVIDER, card(), 100))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await payments.sql(statement)


async def test_the_triggers_refuse_it_even_to_a_role_that_has_the_right(payments: Payments) -> None:
    await post(payments, transfer(PROVIDER, card(), 100))
    for statement in REFUSED:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="the ledger takes new entries only"):
            await _in_a_transaction_that_is_undone(
                payments, "GRANT UPDATE, DELETE, TRUNCATE ON accounts, transfers, postings TO CURRENT_USER", statement
            )


async def test_the_triggers_hold_for_a_session_that_plays_a_replica_too(payments: Payments) -> None:
    rows = await payments.rows(
        """SELECT tgrelid::regclass::text AS table, tgname, tgenabled::text FROM pg_trigger
           WHERE tgrelid = ANY(ARRAY['accounts', 'transfers', 'postings']::regclass[]) AND NOT tgisinternal"""
    )
    assert {(row["table"], row["tgname"]) for row in rows} == {
        ("accounts", "append_only"), ("transfers", "append_only"), ("postings", "append_only"),
        ("postings", "balanced"),
    }  # fmt: skip
    assert {row["tgenabled"] for row in rows} == {"A"}


STRANGER = new_id()
"""No transfer has this id."""


@pytest.mark.parametrize(
    ("postings", "error"),
    [
        ([(None, card(), 1, "CNY")], asyncpg.CheckViolationError),
        ([(None, card(), 1, "CNY"), (STRANGER, PROVIDER, -1, "CNY")], asyncpg.CheckViolationError),
        ([(None, card(), 1, "EUR"), (None, PROVIDER, -1, "CNY")], asyncpg.CheckViolationError),
        ([(STRANGER, card(), 1, "CNY"), (STRANGER, PROVIDER, -1, "CNY")], asyncpg.ForeignKeyViolationError),
        ([(None, card("nobody"), 1, "CNY"), (None, PROVIDER, -1, "CNY")], asyncpg.ForeignKeyViolationError),
        ([(None, card(), 1, "EUR"), (None, PROVIDER, -1, "EUR")], asyncpg.ForeignKeyViolationError),
    ],
    ids=["half", "two halves", "two currencies", "no transfer", "no account", "another currency"],
)
async def test_the_database_refuses_postings_that_are_no_transfer(
    payments: Payments, postings: list[tuple[UUID | None, Account, int, str]], error: type[Exception]
) -> None:
    await post(payments, transfer(PROVIDER, card(), 100))
    known = await payments.sql("SELECT transfer_id FROM transfers")
    listed = [(transfer_id or known, to.id, currency, amount) for transfer_id, to, amount, currency in postings]
    rows = list(map(list, zip(*listed, strict=True)))
    with pytest.raises(error):
        await payments.sql(
            """INSERT INTO postings (transfer_id, account_id, currency, amount_minor)
               SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[])""",
            *rows,
        )


async def test_of_a_batch_only_what_is_new_is_posted(payments: Payments) -> None:
    old, new = transfer(PROVIDER, card(), 100), transfer(PROVIDER, card(), 7)
    await post(payments, old)
    posted = await payments.store.transact(lambda tx: repository.post(tx, [old, new]))
    assert posted == {new.id}
    assert await balance_of(payments, card()) == Balance(107, 0)
    assert await balance_of(payments, PROVIDER) == Balance(-107, 0)
    assert (await ledger.trial_balance(payments.process)).is_balanced


async def test_two_who_move_money_to_and_fro_never_wait_in_a_circle(payments: Payments) -> None:
    """Batches that name the same accounts in opposite orders; a deadlock would raise, as nothing tries again here."""
    accounts = [card(str(number)) for number in range(6)]
    await post(payments, *(transfer(PROVIDER, one, 10_000) for one in accounts))

    async def move(turn: int) -> None:
        order = accounts if turn % 2 else accounts[::-1]
        pairs = list(pairwise(order))
        for _ in range(10):
            await payments.store._transact_once(
                lambda tx: repository.post(tx, [transfer(source, target, 1) for source, target in pairs])
            )

    await asyncio.gather(*map(move, range(6)))
    assert (await ledger.trial_balance(payments.process)).is_balanced


async def test_two_at_once_never_overdraw_an_account(payments: Payments) -> None:
    await post(payments, transfer(PROVIDER, card(), 1_000))
    target = station(new_id())

    async def spend() -> bool:
        try:
            await post(payments, transfer(card(), target, 300))
        except InsufficientFunds:
            return False
        return True

    assert sorted(await asyncio.gather(*(spend() for _ in range(8)))) == [False] * 5 + [True] * 3
    assert await balance_of(payments, card()) == Balance(100, 0)


async def _in_a_transaction_that_is_undone(payments: Payments, *statements: str) -> None:
    async def run(tx: Connection) -> None:
        for statement in statements:
            await tx.execute(statement)
        raise AssertionError("nothing refused it")

    await payments.store.transact(run)


async def test_the_sums_of_the_whole_ledger_name_each_account(payments: Payments) -> None:
    await post(payments, transfer(PROVIDER, card("a"), 5), transfer(PROVIDER, card("b"), 7))
    found = await ledger.list_accounts(payments.process, None, 10)
    assert [(one.account, one.true.posted_minor) for one in found] == [
        (PROVIDER, -12), (card("b"), 7), (card("a"), 5)
    ]  # fmt: skip
    assert [one.account for one in await ledger.list_accounts(payments.process, AccountKind.CARD, 1)] == [card("b")]
    async with payments.store.connection() as connection:
        assert await books.account_of(connection, PROVIDER.id) == PROVIDER
