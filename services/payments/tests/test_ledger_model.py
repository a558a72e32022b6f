"""The ledger against a model: whatever is posted, held, captured, voided or said twice, and whoever does so at once."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.domain.ledger import (
    Account,
    AccountKind,
    Balance,
    Hold,
    HoldStatus,
    InsufficientFunds,
    Posting,
    Transfer,
    TransferKind,
)
from payments.repository import ledger as repository
from payments.use_cases import ledger
from servicekit.ids import new_id
from servicekit.postgres import Connection

from .conftest import Payments

CARDS = 3
FAST = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

amounts = st.integers(1, 60)
cards = st.integers(0, CARDS - 1)
names = st.integers(0, 4)
"""Business keys; few, so that many are said again."""
operations = st.one_of(
    st.tuples(st.just("recharge"), names, cards, amounts),
    st.tuples(st.just("pay"), names, cards, amounts),
    st.tuples(st.just("move"), names, st.tuples(cards, cards), amounts),
    st.tuples(st.just("hold"), names, cards, amounts),
    st.tuples(st.just("capture"), names, cards, amounts),
    st.tuples(st.just("void"), names, cards, amounts),
)


@dataclass
class Model:
    """What the ledger should say, kept in the plainest way."""

    posted: list[int] = field(default_factory=lambda: [0] * CARDS)
    holds: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By name: (card, amount), pending ones only."""
    known: set[tuple[str, int]] = field(default_factory=set)
    """Keys of transfers and holds that were ever made."""
    earned: int = 0

    def held(self, card: int) -> int:
        """What is held on a card."""
        return sum(amount for held_on, amount in self.holds.values() if held_on == card)

    def take(self, kind: str, name: int, where: Any, amount: int) -> bool:
        """Does it, unless it is known or there is not enough; whether there was."""
        if kind in {"capture", "void"}:
            return self._settle(kind, name, amount)
        source = where if kind in {"pay", "hold"} else where[0] if kind == "move" else None
        if (kind, name) in self.known:
            return True
        if source is not None and self.posted[source] - self.held(source) < amount:
            return False
        self.known.add((kind, name))
        if kind == "hold":
            self.holds[name] = (where, amount)
            return True
        if source is not None:
            self.posted[source] -= amount
        if kind == "pay":
            self.earned += amount
        else:
            self.posted[where[1] if kind == "move" else where] += amount
        return True

    def _settle(self, kind: str, name: int, amount: int) -> bool:
        if name in self.holds:
            card, held = self.holds.pop(name)
            if kind == "capture":
                self.posted[card] -= min(amount, held)
                self.earned += min(amount, held)
        return True


class Ledger:
    """The real one, with accounts that nobody else has."""

    def __init__(self, payments: Payments) -> None:
        self._payments = payments
        self._run = str(new_id())
        self.provider = self._account(AccountKind.PROVIDER, "p")
        self.station = self._account(AccountKind.STATION, "s")
        self.cards = [self._account(AccountKind.CARD, str(number)) for number in range(CARDS)]

    def _account(self, kind: AccountKind, name: str) -> Account:
        return Account(kind, f"{self._run}-{name}", "CNY")

    def transfer(self, name: str, source: Account, target: Account, amount: int) -> Transfer:
        """A transfer whose key is the name."""
        postings = (Posting(source, -amount), Posting(target, amount))
        return Transfer(new_id(), TransferKind.PAYMENT, f"{self._run}|{name}", postings)

    async def take(self, kind: str, name: int, where: Any, amount: int) -> bool:
        """Does it; False where there is not enough."""
        try:
            await self._payments.store.transact(lambda tx: self._do(tx, kind, name, where, amount))
        except InsufficientFunds:
            return False
        return True

    async def _do(self, tx: Connection, kind: str, name: int, where: Any, amount: int) -> None:
        if kind == "hold":
            expires_at = datetime.now(UTC) + timedelta(hours=1)
            await repository.hold(tx, Hold(new_id(), self.cards[where], amount, self._key(name), expires_at))
        elif kind in {"capture", "void"}:
            await self._settle(tx, kind, name, amount)
        else:
            source, target = {
                "recharge": lambda: (self.provider, self.cards[where]),
                "pay": lambda: (self.cards[where], self.station),
                "move": lambda: (self.cards[where[0]], self.cards[where[1]]),
            }[kind]()
            if source != target or kind != "move":
                await repository.post(tx, [self.transfer(f"{kind}{name}", source, target, amount)])

    async def _settle(self, tx: Connection, kind: str, name: int, amount: int) -> None:
        card = await tx.fetchval("SELECT account_id FROM holds WHERE key = $1", self._key(name))
        status = HoldStatus.POSTED if kind == "capture" else HoldStatus.VOIDED
        held = await repository.settle_hold(tx, self._key(name), status)
        if held is not None and kind == "capture":
            source = next(one for one in self.cards if one.id == card)
            await repository.post(tx, [self.transfer(f"{kind}{name}", source, self.station, min(amount, held))])

    def _key(self, name: int) -> str:
        return f"{self._run}|hold|{name}"

    async def balances(self) -> tuple[list[Balance], int]:
        """Of the cards, and what the station earned."""
        async with self._payments.store.connection() as connection:
            found = [await repository.balance(connection, one) for one in self.cards]
            return found, (await repository.balance(connection, self.station)).posted_minor


@given(st.lists(operations.filter(lambda one: one[0] != "move" or one[2][0] != one[2][1]), max_size=25))
@FAST
async def test_the_ledger_does_what_the_model_does(payments: Payments, steps: list[tuple[str, int, Any, int]]) -> None:
    real, model = Ledger(payments), Model()
    for step in steps:
        assert await real.take(*step) == model.take(*step), step
    expected = [Balance(model.posted[number], model.held(number)) for number in range(CARDS)]
    assert await real.balances() == (expected, model.earned)
    trial = await ledger.trial_balance(payments.process)
    assert trial.is_balanced, trial.differences


@given(st.integers(0, 200), st.lists(st.tuples(st.sampled_from(["pay", "hold"]), amounts), min_size=2, max_size=10))
@FAST
async def test_whoever_spends_at_once_never_spends_more_than_there_is(
    payments: Payments, money: int, wishes: list[tuple[str, int]]
) -> None:
    real = Ledger(payments)
    if money:
        assert await real.take("recharge", 0, 0, money)
    done = await asyncio.gather(*(real.take(kind, name, 0, amount) for name, (kind, amount) in enumerate(wishes)))
    spent = sum(amount for (_, amount), was_done in zip(wishes, done, strict=True) if was_done)
    left = (await real.balances())[0][0].available_minor
    assert left == money - spent >= 0
    assert all(amount > left for (_, amount), was_done in zip(wishes, done, strict=True) if not was_done)


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["CNY", "EUR"]), st.integers(-50, 50)), max_size=6
    )
)
def test_a_transfer_balances_or_is_none(parts: list[tuple[str, str, int]]) -> None:
    postings = tuple(
        Posting(Account(AccountKind.STATION, owner, currency), amount) for owner, currency, amount in parts
    )
    sums = {currency: sum(amount for _, other, amount in parts if other == currency) for _, currency, _ in parts}
    is_good = bool(parts) and all(amount for *_, amount in parts) and not any(sums.values())
    try:
        Transfer(new_id(), TransferKind.PAYMENT, "k", postings)
    except ValueError:
        assert not is_good
    else:
        assert is_good


def test_every_kind_of_account_says_whether_it_may_fall_below_zero() -> None:
    checked = {kind for kind in AccountKind if Account(kind, "o", "CNY").is_checked}
    assert checked == {AccountKind.CARD, AccountKind.DEPOSIT}


@pytest.mark.parametrize("field_name", ["kind", "owner", "currency"])
def test_an_account_is_another_one_where_anything_differs(field_name: str) -> None:
    base = {"kind": AccountKind.CARD, "owner": "o", "currency": "CNY"}
    other = base | {field_name: AccountKind.DEPOSIT if field_name == "kind" else "x"}
    assert Account(**base).id == Account(**base).id != Account(**other).id  # pyright: ignore[reportArgumentType]
