"""The ledger holds: what does not balance is refused, and nothing written is ever changed."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from payments.domain.ledger import (
    Account,
    AccountKind,
    Hold,
    HoldStatus,
    InsufficientFunds,
    Posting,
    Transfer,
    TransferKind,
)
from payments.repository import ledger
from servicekit.ids import new_id

from .conftest import Payments

CARD = Account(AccountKind.CARD, "c", "CNY")
PROVIDER = Account(AccountKind.PROVIDER, "wechat", "CNY")


def recharge(amount_minor: int, key: str = "k") -> Transfer:
    postings = (Posting(PROVIDER, -amount_minor), Posting(CARD, amount_minor))
    return Transfer(new_id(), TransferKind.RECHARGE, key, postings)


async def test_a_transfer_happens_once(payments: Payments) -> None:
    for _ in range(2):
        await payments.store.transact(lambda tx: ledger.post(tx, [recharge(100)]))
    async with payments.store.connection() as connection:
        assert (await ledger.balance(connection, CARD)).available_minor == 100
        assert (await ledger.balance(connection, PROVIDER)).posted_minor == -100


async def test_a_card_never_falls_below_zero(payments: Payments) -> None:
    with pytest.raises(InsufficientFunds):
        await payments.store.transact(lambda tx: ledger.post(tx, [recharge(-1)]))


async def test_what_is_held_cannot_be_spent(payments: Payments) -> None:
    await payments.store.transact(lambda tx: ledger.post(tx, [recharge(100)]))
    held = Hold(new_id(), CARD, 60, "hold", datetime.now(UTC) + timedelta(hours=1))
    assert await payments.store.transact(lambda tx: ledger.hold(tx, held))
    with pytest.raises(InsufficientFunds):
        await payments.store.transact(lambda tx: ledger.post(tx, [recharge(-41, "k2")]))
    assert await payments.store.transact(lambda tx: ledger.settle_hold(tx, "hold", HoldStatus.VOIDED)) == 60
    await payments.store.transact(lambda tx: ledger.post(tx, [recharge(-41, "k2")]))


@pytest.mark.parametrize("statement", ["UPDATE postings SET amount_minor = 1", "DELETE FROM transfers"])
async def test_nothing_written_is_changed(payments: Payments, statement: str) -> None:
    await payments.store.transact(lambda tx: ledger.post(tx, [recharge(100)]))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await payments.sql(statement)
