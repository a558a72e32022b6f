"""Finance staff see how a day reconciles at their stations; tickets are settled by two people, never by themselves."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest

from payments.domain.ledger import Account, AccountKind
from payments.domain.provider_words import Provider
from payments.domain.reconciliation import ZONE, Outcome
from payments.use_cases import reconciliation_inside as inside
from payments.use_cases import reconciliation_outside as outside
from payments.use_cases import tickets
from payments.use_cases.reconciling import run_outside_now
from payments.use_cases.tickets import Agreement, Correction
from servicekit.ids import new_id
from servicekit.problems import Problem

from .conftest import Payments
from .paying_kit import till_of
from .provider_kit import Played, charge, played
from .station_kit import charged, paid_and_booked, paid_order
from .test_reconciliation_outside import DAY, NOON, Bill


@pytest.fixture
def bill(payments: Payments, monkeypatch: pytest.MonkeyPatch) -> Bill:
    bill = Bill()
    monkeypatch.setattr(payments.process, "channels", {Provider.WECHAT: bill})
    return bill


@pytest.fixture
async def world() -> AsyncIterator[Played]:
    """Providers that know of nothing yet."""
    async with played() as world:
        yield world


def finance(payments: Payments, operator: str | None = None) -> dict[str, str]:
    grants = [{"role": "finance", "operators": [operator], "stations": []}] if operator else None
    return payments.staff("finance", role="finance", **({"grants": grants} if grants else {}))


async def test_a_day_is_run_and_read(payments: Payments, bill: Bill) -> None:
    order = await paid_order(payments, await payments.station())
    number = (await charged(payments, order, 23_550, paid_at=NOON)).hex
    lost = (await charged(payments, await paid_order(payments, order.station_id), 100, paid_at=NOON)).hex
    bill.add(number, 23_550)
    bill.add("nobody's", 1)
    asked = await payments.client.post(f"/v1/reconciliations/{DAY}/run", headers=finance(payments))
    assert asked.status_code == 202, asked.text
    await run_outside_now(payments.process, DAY, "test")
    again = await payments.client.post(f"/v1/reconciliations/{DAY}/run", headers=finance(payments))
    assert (again.status_code, again.json()["runs"][0]["status"]) == (200, "done")
    seen = (await payments.client.get(f"/v1/reconciliations/{DAY}", headers=finance(payments))).json()
    (total,) = seen["totals"]
    assert (total["number"], total["minor"], total["on_bill"], total["on_bill_minor"]) == (2, 23_650, 1, 23_550)
    assert [(one["check_name"], one["subject"]) for one in seen["tickets"]] == [("payment_not_on_bill", lost)]
    others = (await payments.client.get(f"/v1/reconciliations/{DAY}", headers=finance(payments, "another"))).json()
    assert (others["totals"], others["tickets"]) == ([], [])


async def test_a_day_that_is_not_billed_says_when_it_will_be(payments: Payments, bill: Bill) -> None:
    day = date.today() + timedelta(days=2)
    answer = await payments.client.post(f"/v1/reconciliations/{day}/run", headers=finance(payments))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:forecourt:problem:not-billed-yet")
    assert answer.json()["billed_at"]
    for wrong in ("yesterday", "0001-01-01", "2026-02-30"):
        asked = await payments.client.get(f"/v1/reconciliations/{wrong}", headers=finance(payments))
        assert asked.status_code == 422
    driver = await payments.client.get(f"/v1/reconciliations/{DAY}", headers=payments.driver())
    assert driver.status_code == 403


@pytest.mark.parametrize("method", ["wechat", "alipay"])
async def test_what_was_really_paid_and_refunded_reconciles_on_both_sides(
    payments: Payments, world: Played, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Real payments at the simulated providers leave no difference; a trade that is not ours is one."""
    monkeypatch.setattr(outside, "require_billed", lambda *_: None)  # the simulator makes the bill of today, too
    async with till_of(payments, world, method) as till:
        monkeypatch.setattr(payments.process, "channels", {Provider(method): world.channel(method)})
        order = await till.paid(await till.order(), method)
        assert (await till.refund(order, amount_minor=550)).status_code == 201
        await till.until_rows("SELECT 1 FROM refunds WHERE purpose_id = $1 AND status = 'succeeded'", order.order_id)
        assert await inside.run_now(payments.process, "test", everything=True) == Outcome()
        assert await differences(payments) == []
        asked = charge(777)
        await world.channel(method).create(asked)
        await world.pay(method, asked.number)
        assert await differences(payments) == [("payment_unknown_here", asked.number)]


async def differences(payments: Payments) -> list[tuple[str, str]]:
    """What the providers' bills of today differ in."""
    today = datetime.now(ZONE).date()
    assert {run.status for run in await run_outside_now(payments.process, today, "test")} == {"done"}
    return [(one.check_name, one.subject) for one in await tickets.list_open(payments.process, 10)]


async def broken_books(payments: Payments) -> UUID:
    """A ticket: an order says that it was paid 7 more than the ledger has."""
    order = await paid_and_booked(payments, await payments.station())
    await payments.sql("UPDATE orders SET paid_minor = paid_minor + 7 WHERE order_id = $1", order.order_id)
    await inside.run_now(payments.process, "test")
    return await payments.sql("SELECT ticket_id FROM tickets")


async def correction(payments: Payments, amount_minor: int = 7) -> Correction:
    station = Account(AccountKind.STATION, str(await payments.sql("SELECT station_id FROM orders")), "CNY")
    return Correction(Account(AccountKind.SUSPENSE, "wechat", "CNY"), station, amount_minor)


BOTH = Agreement(("Ada", "Grace"), "counted_by_hand")


async def test_a_correction_is_a_transfer_of_its_own_and_the_next_run_says_so(payments: Payments) -> None:
    ticket_id = await broken_books(payments)
    await tickets.correct(payments.process, ticket_id, await correction(payments), BOTH)
    assert await payments.sql("SELECT status FROM tickets") == "settled"
    assert await payments.sql("SELECT kind FROM transfers ORDER BY transfer_id DESC LIMIT 1") == "correction"
    with pytest.raises(Problem, match="settled"):  # the same command again
        await tickets.correct(payments.process, ticket_id, await correction(payments), BOTH)
    assert await inside.run_now(payments.process, "test") == Outcome(gone=1)
    steps = await payments.rows("SELECT step, actor FROM ticket_steps ORDER BY position")
    assert steps == [
        {"step": "found", "actor": "payments"}, {"step": "corrected", "actor": "Ada and Grace"},
        {"step": "gone", "actor": "payments"},
    ]  # fmt: skip


async def test_what_was_accepted_stays_so_until_its_numbers_change(payments: Payments) -> None:
    ticket_id = await broken_books(payments)
    await tickets.accept(payments.process, ticket_id, BOTH)
    assert await inside.run_now(payments.process, "test") == Outcome()
    assert await payments.sql("SELECT status FROM tickets") == "settled"
    await payments.sql("UPDATE orders SET paid_minor = paid_minor + 7")
    outcome = await inside.run_now(payments.process, "test")
    assert outcome is not None
    assert outcome.open == {"order_and_ledger": 1}


@pytest.mark.parametrize("names", [("Ada", "Ada"), ("Ada", " ada "), ("Ada", "")])
def test_security_38_one_person_alone_corrects_nothing(names: tuple[str, str]) -> None:
    with pytest.raises(Problem, match="Two different people"):
        Agreement(names, "other")


async def test_a_correction_that_cannot_be_posted_changes_nothing(payments: Payments) -> None:
    ticket_id = await broken_books(payments)
    card = Account(AccountKind.CARD, str(new_id()), "CNY")
    for wrong in (
        Correction(card, Account(AccountKind.SUSPENSE, "wechat", "CNY"), 7),
        Correction(Account(AccountKind.SUSPENSE, "wechat", "EUR"), Account(AccountKind.SUSPENSE, "wechat", "CNY"), 7),
        await correction(payments, 0),
    ):
        with pytest.raises(Problem):
            await tickets.correct(payments.process, ticket_id, wrong, BOTH)
    with pytest.raises(Problem, match="no such ticket"):
        await tickets.accept(payments.process, new_id(), BOTH)
    assert await payments.sql("SELECT status FROM tickets") == "open"
