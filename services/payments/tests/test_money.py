"""Money under any sequence of events: whatever drivers, pumps, staff and a provider do, the books equal reality.

The machine acts through the use cases, on the real Postgres; the provider is a model that knows the truth.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from payments.domain.ledger import AccountKind
from payments.domain.order_words import Command, Mode, Status
from payments.domain.orders import InvalidTransition, Order
from payments.domain.provider_words import Provider
from payments.repository import attempts, orders, refunds
from payments.settings import Settings
from payments.use_cases import capturing, paying, refund_work
from payments.use_cases import refunds as refund_use_cases
from payments.use_cases.attempts import look
from payments.use_cases.context import Payments as Process
from payments.use_cases.ending import end_order
from payments.use_cases.paying import Payment
from servicekit.idempotency import IdempotentRequest
from servicekit.ids import new_id
from servicekit.postgres import Connection, PostgresStore
from servicekit.problems import Problem

from .model_provider import Fault, ModelProvider
from .station_kit import any_order, stored

Result = TypeVar("Result")
AMOUNT = 23_550
OPEN_ROWS = """SELECT (SELECT count(*) FROM attempts JOIN orders ON order_id = purpose_id
                       WHERE station_id = $1 AND next_look_at IS NOT NULL AND closed_at IS NULL)
                    + (SELECT count(*) FROM refunds JOIN orders ON order_id = purpose_id
                       WHERE station_id = $1 AND next_look_at IS NOT NULL)"""
SEEN = {"succeeded", "failed", "order succeeded", "release succeeded", "late_payment succeeded"}
"""What the machine must have come across: of charges, and of refunds."""
HAPPENS = [
    *["go on"] * 4, *["pay"] * 2, *["confirm"] * 2, *["look"] * 4, "cancel", *["dispense"] * 3, *["refund"] * 2,
    *["send refunds"] * 2,
]  # fmt: skip
"""What may happen, as often as it is listed."""
faults = st.sampled_from([*[Fault.NONE] * 6, *Fault])


@dataclass
class Books:
    """The process and its database, for a machine that lives in a thread of its own."""

    process: Process
    loop: asyncio.AbstractEventLoop

    @property
    def store(self) -> PostgresStore:
        """For station_kit."""
        return self.process.store

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What the work gives, done in the loop of the database's connections."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def transact(self, work: Callable[[Connection], Coroutine[Any, Any, Result]]) -> Result:
        """What a transaction gives."""
        return self.run(self.store.transact(work))

    def value(self, query: str, *arguments: Any) -> Any:
        """The first value of a query."""
        return self.transact(lambda tx: tx.fetchval(query, *arguments))


class Money(RuleBasedStateMachine):
    """A driver, a station and its provider, and one order."""

    books: Books

    def __init__(self) -> None:
        super().__init__()
        self.provider = ModelProvider()
        self.books.process.channels = {Provider.WECHAT: self.provider}  # pyright: ignore[reportAttributeAccessIssue]
        self.station_id, self.order_id = new_id(), new_id()

    @initialize(mode=st.sampled_from(Mode))
    def place(self, mode: Mode) -> None:
        """An order; of mode post_pay the fuel has been given."""
        now = datetime.now(UTC)
        fields: dict[str, Any] = {"requested_minor": AMOUNT, "mode": mode, "order_id": self.order_id}
        if mode is Mode.POST_PAY:
            fields |= {"status": Status.CONFIRMED, "volume_ml": 30_000, "gross_minor": AMOUNT, "confirmed_at": now}
        self.books.run(stored(self.books, any_order(self.station_id, **fields)))  # pyright: ignore[reportArgumentType]

    @property
    def order(self) -> Order:
        """As it is now."""
        order = self.books.transact(lambda tx: orders.find(tx, self.order_id))
        assert order is not None
        return order

    def numbers(self) -> list[str]:
        """The numbers of its charges that reached the provider."""
        query = "SELECT array_agg(attempt_id ORDER BY attempt_id) FROM attempts WHERE purpose_id = $1"
        found = self.books.value(query, self.order_id) or []
        return [one.hex for one in found if one.hex in self.provider.trades]

    def pay(self, fault: Fault, times: int) -> None:
        """The driver pays, perhaps several times at once."""
        order, self.provider.fault = self.order, fault

        async def several() -> list[Any]:
            return await asyncio.gather(*(self._pay(order) for _ in range(times)), return_exceptions=True)

        for reply in self.books.run(several()):
            if isinstance(reply, BaseException) and not isinstance(reply, Problem | InvalidTransition):
                raise reply
        self.provider.fault = Fault.NONE

    async def _pay(self, order: Order) -> object:
        request = IdempotentRequest(order.driver_id, "pay", str(new_id()), b"")
        payment = Payment(order.driver_id, "", order.order_id, "wechat", request, lambda *_: b"{}")
        return await paying.pay(self.books.process, payment)

    @rule(
        what=st.sampled_from(HAPPENS), fault=faults, times=st.integers(1, 3), which=st.integers(0, 5),
        seconds=st.sampled_from([0, 0, 0, 20, 70, 400]), volume_ml=st.integers(0, 40_000),
        amount_minor=st.none() | st.integers(1, AMOUNT), is_new=st.booleans(),
    )  # fmt: skip
    def something_happens(
        self, what: str, fault: Fault, times: int, which: int, seconds: int, volume_ml: int, amount_minor: int | None,
        is_new: bool,
    ) -> None:  # fmt: skip
        """One rule for all, since hypothesis leaves whole rules out of an example, and each of these is needed."""
        match what:
            case "go on":
                self.go_on()
            case "pay":
                self.pay(fault, times)
            case "confirm":
                self.confirm(which)
            case "look":
                self.look(fault, times, seconds)
            case "cancel":
                self.cancel()
            case "dispense":
                self.dispense(volume_ml)
            case "refund":
                self.refund(amount_minor)
            case "send refunds":
                self.send_refunds(fault, times, is_new=is_new)

    def go_on(self) -> None:
        """What mostly happens: the driver pays, the payer confirms, the provider is asked, refunds arrive."""
        if self.order.status in {Status.PLACED, Status.CONFIRMED}:
            self.pay(Fault.NONE, 1)
        elif self.order.status is Status.AUTHORISED:
            self.dispense(10_000)
        elif numbers := self.numbers():
            self.provider.pay(numbers[-1])
            self.books.run(self._look(1, 0))
        self.books.run(self._send_refunds(1, is_new=False))

    def confirm(self, which: int) -> None:
        """The payer confirms one of the charges, also one that is closed."""
        if numbers := self.numbers():
            self.provider.pay(numbers[which % len(numbers)])

    def look(self, fault: Fault, times: int, seconds: int) -> None:
        """Time passes, and each charge is looked at, perhaps by several at once."""
        self.provider.fault = fault
        self.books.run(self._look(times, seconds))
        self.provider.fault = Fault.NONE

    async def _look(self, times: int, seconds: int) -> None:
        async def aged(tx: Connection) -> list[Any]:
            return await tx.fetch(
                """UPDATE attempts SET (created_at, expires_at) = (created_at - make_interval(secs => $2),
                   expires_at - make_interval(secs => $2)) WHERE purpose_id = $1 RETURNING *""", self.order_id, seconds,
            )  # fmt: skip

        rows = await self.books.store.transact(aged)
        found = [attempts.attempt_of(row) for row in rows]
        await asyncio.gather(*(look(self.books.process, one) for one in found for _ in range(times)))

    def cancel(self) -> None:
        """The driver wants no fuel any more."""
        self._try(self._end)

    async def _end(self, tx: Connection) -> None:
        order = await orders.lock(tx, self.order_id)
        assert order is not None
        await end_order(self.books.process, tx, order, Command.CANCEL, "driver", datetime.now(UTC), "by_driver")

    def dispense(self, volume_ml: int) -> None:
        """The pump gives fuel for money that is there."""
        order = self.order
        at = datetime.now(UTC)
        if order.status in {Status.AUTHORISED, Status.PAID} and order.mode is not Mode.POST_PAY:
            self._try(lambda tx: capturing.settle_dispense(self.books.process, tx, order, volume_ml, "pump", at))

    def refund(self, amount_minor: int | None) -> None:
        """Staff gives something back."""
        order = self.order

        async def ask(tx: Connection) -> object:
            locked = await orders.lock(tx, order.order_id)
            assert locked is not None
            return await refund_use_cases.refund(
                self.books.process, tx, locked, amount_minor=amount_minor, reason="other", requested_by="head"
            )

        self._try(ask)

    def send_refunds(self, fault: Fault, times: int, is_new: bool) -> None:
        """What is on its way back is carried on, perhaps by several at once."""
        self.provider.fault = Fault.NONE if fault is Fault.LIE else fault
        self.books.run(self._send_refunds(times, is_new=is_new))
        self.provider.fault = Fault.NONE

    async def _send_refunds(self, times: int, *, is_new: bool) -> None:
        async def due(tx: Connection) -> list[Any]:
            return await tx.fetch(
                """SELECT r.* FROM refunds r JOIN orders ON order_id = purpose_id
                   WHERE station_id = $1 AND r.status = 'pending'""", self.station_id,
            )  # fmt: skip

        found = [refunds.refund_of(row) for row in await self.books.store.transact(due)]
        works = [refund_work.carry_on(self.books.process, one, is_new=is_new) for one in found for _ in range(times)]
        await asyncio.gather(*works)

    def _try(self, work: Callable[[Connection], Coroutine[Any, Any, object]]) -> None:
        with suppress(Problem, InvalidTransition):
            self.books.transact(work)

    @invariant()
    def the_books_balance(self) -> None:
        """Every transfer sums to zero; nothing is refunded that was not paid; one charge at most pays an order."""
        assert self.books.value("SELECT coalesce(sum(amount_minor), 0) FROM postings") == 0
        assert not self.books.value(
            """SELECT count(*) FROM orders o WHERE station_id = $1 AND (
                 refunded_minor > paid_minor OR paid_minor > 23550 OR
                 (SELECT sum(amount_minor) FROM refunds WHERE purpose_id = order_id AND purpose = 'order'
                    AND status IN ('requested', 'pending', 'succeeded')) > paid_minor OR
                 (SELECT count(*) FROM transfers WHERE subject = order_id AND kind IN ('payment', 'deposit')) > 1)""",
            self.station_id,
        )  # fmt: skip

    @invariant()
    def what_the_provider_took_is_booked_once_it_is_known(self) -> None:
        """Of each charge and refund that succeeded here, the provider's account says what the provider does."""
        rows = self.books.transact(lambda tx: tx.fetch(
            """SELECT attempt_id, a.status, a.amount_minor, coalesce((SELECT sum(r.amount_minor) FROM refunds r
                   WHERE r.attempt_id = a.attempt_id AND r.status = 'succeeded'), 0)::bigint AS back
               FROM attempts a JOIN orders ON order_id = purpose_id WHERE station_id = $1""", self.station_id,
        ))  # fmt: skip
        for row in rows:
            truth = self.provider.trades.get(row["attempt_id"].hex)
            if row["status"] == "succeeded":
                assert truth is not None
                assert truth.paid_minor == row["amount_minor"]
                assert row["back"] <= sum(truth.refunds.values()) <= truth.paid_minor

    def teardown(self) -> None:
        """In the end everything works and everybody is asked: nothing is open, and the books equal reality."""
        self.provider.fault = Fault.NONE
        for seconds in (400, 0, 0):
            self.books.run(self._look(1, seconds))
        for _ in range(3):
            self.books.run(self._send_refunds(1, is_new=False))
        assert self.books.value(OPEN_ROWS, self.station_id) == 0
        kept = sum(trade.kept_minor for trade in self.provider.trades.values())
        ours = self._balance(AccountKind.STATION, self.station_id) + self._balance(AccountKind.DEPOSIT, self.order_id)
        assert ours == kept
        stuck = "SELECT count(*) FROM orders WHERE station_id = $1 AND status IN ('paying', 'unknown', 'refunding')"
        assert self.books.value(stuck, self.station_id) == 0
        paid = self.books.value(
            """SELECT coalesce(sum(CASE WHEN status = 'authorised' THEN authorised_minor
                   ELSE paid_minor - refunded_minor END), 0) FROM orders WHERE station_id = $1""",
            self.station_id,
        )  # fmt: skip
        assert paid == kept

    def _balance(self, kind: AccountKind, owner: UUID) -> int:
        query = """SELECT coalesce(sum(amount_minor), 0) FROM postings JOIN accounts USING (account_id)
                   WHERE (kind, owner) = ($1, $2)"""
        return self.books.value(query, kind, str(owner))


@pytest.fixture
async def books(
    settings: Settings, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Books]:
    async def payer_of(*_: object) -> str:
        return "o-canary-payer"

    monkeypatch.setattr(paying, "payer_of", payer_of)
    async with PostgresStore.connect(settings) as store:
        yield Books(Process(settings, store), asyncio.get_running_loop())


def a_charge_that_never_arrives(machine: type[Money]) -> None:
    """What chance leaves out now and then, since it takes one fault, much time, and nothing in between."""
    money = machine()
    money.place(Mode.POST_PAY)
    money.pay(Fault.LOST, 1)
    money.look(Fault.NONE, 1, 400)
    money.the_books_balance()
    money.teardown()


async def test_whatever_happens_the_books_equal_reality(books: Books) -> None:
    machine = type("Machine", (Money,), {"books": books})
    quick = settings(
        max_examples=60, stateful_step_count=20, deadline=None, derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=quick)
    await asyncio.to_thread(a_charge_that_never_arrives, machine)
    async with books.store.connection() as connection:
        rows = await connection.fetch("SELECT DISTINCT purpose || ' ' || status AS seen FROM refunds")
        charges = await connection.fetch("SELECT DISTINCT status AS seen FROM attempts")
    assert {row["seen"] for row in [*rows, *charges]} >= SEEN
