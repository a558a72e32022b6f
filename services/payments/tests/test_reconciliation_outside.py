"""The outside reconciliation finds where a provider's bill and our charges differ, and says when that is gone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.domain.bill_lines import BillKind, BillLine
from payments.domain.provider_words import Provider
from payments.domain.reconciliation import (
    BILLED_AT,
    PAYMENT_EDGE,
    ZONE,
    billed_at,
    bounds,
    judged,
    last_billed_day,
)
from payments.providers.channel import ProviderAway, ProviderRefused
from payments.use_cases import reconciliation_outside as outside
from servicekit.ids import new_id
from servicekit.problems import Problem
from servicekit.testkit import eventually

from .conftest import Payments
from .station_kit import charged, paid_order, refunded

DAY = last_billed_day(datetime.now(UTC))
START, END = bounds(DAY)
NOON = START + timedelta(hours=12)


class Bill:
    """A channel that has bills and nothing else; a day's bill is its lines, or what is raised instead."""

    provider = Provider.WECHAT

    def __init__(self) -> None:
        self.lines: dict[date, list[BillLine]] = {}
        self.wrong: Exception | None = None

    async def bill(self, day: date) -> AsyncIterator[BillLine]:
        if self.wrong:
            raise self.wrong
        for line in self.lines.get(day, []):
            yield line

    def add(
        self, number: str, amount_minor: int, *, at: datetime = NOON, day: date = DAY, refund: bool = False
    ) -> None:
        kind = BillKind.REFUND if refund else BillKind.PAYMENT
        self.lines.setdefault(day, []).append(BillLine(kind, number, "t", amount_minor, "CNY", at))


@pytest.fixture
def bill(payments: Payments, monkeypatch: pytest.MonkeyPatch) -> Bill:
    bill = Bill()
    monkeypatch.setattr(payments.process, "channels", {Provider.WECHAT: bill})
    return bill


async def run(payments: Payments, day: date = DAY) -> dict[str, Any]:
    """What a run of the day's bill came to, whichever process does it."""
    await payments.sql("UPDATE reconciliations SET finished_at = finished_at - interval '1 hour'")
    (asked,) = await outside.request_run(payments.process, day, "test")

    async def finished() -> dict[str, Any] | None:
        await outside.run_due(payments.process)
        rows = await payments.rows("SELECT * FROM reconciliations WHERE run_id = $1", asked.run_id)
        return rows[0] if rows[0]["status"] == "done" else None

    await eventually(finished)
    return {row["check_name"]: row for row in await payments.rows("SELECT * FROM tickets WHERE status = 'open'")}


async def charge(payments: Payments, amount_minor: int = 23_550, *, at: datetime = NOON) -> str:
    order = await paid_order(payments, await payments.station(), paid_minor=amount_minor)
    return (await charged(payments, order, amount_minor, paid_at=at)).hex


async def test_a_bill_that_agrees_makes_no_ticket(payments: Payments, bill: Bill) -> None:
    order = await paid_order(payments, await payments.station())
    bill.add((await charged(payments, order, 23_550, paid_at=NOON)).hex, 23_550)
    refund_id = await refunded(payments, order, 50)
    await payments.sql("UPDATE refunds SET settled_at = $1", NOON)
    bill.add(refund_id.hex, 50, refund=True)
    assert await run(payments) == {}
    totals = await payments.sql("SELECT totals FROM reconciliations WHERE side = 'outside'")
    assert totals.count('"minor": 23550') == totals.count('"minor": 50') == 2


async def test_each_difference_of_payments_is_found(payments: Payments, bill: Bill) -> None:
    theirs_alone, ours_alone, other = new_id().hex, await charge(payments), await charge(payments)
    bill.add(theirs_alone, 100)
    bill.add(other, 23_000)
    tickets = await run(payments)
    assert {name: one["subject"] for name, one in tickets.items()} == {
        "payment_unknown_here": theirs_alone, "payment_not_on_bill": ours_alone, "payment_amount": other
    }  # fmt: skip
    assert '"bill_minor": 23000' in tickets["payment_amount"]["evidence"]
    assert '"our_minor": 23550' in tickets["payment_amount"]["evidence"]
    assert tickets["payment_amount"]["station_id"] is not None
    assert {one["day"] for one in tickets.values()} == {DAY}


async def test_each_difference_of_refunds_is_found(payments: Payments, bill: Bill) -> None:
    order = await paid_order(payments, await payments.station())
    number = (await charged(payments, order, 23_550, paid_at=NOON)).hex
    bill.add(number, 23_550)
    alone, other = [(await refunded(payments, order, 50)).hex for _ in range(2)]
    bill.add(other, 49, refund=True)
    bill.add("not one of ours", 7, refund=True)
    await run(payments, DAY - timedelta(days=1))
    await payments.sql("UPDATE refunds SET settled_at = $1", START - timedelta(hours=1))
    tickets = await run(payments)
    assert {name: one["subject"] for name, one in tickets.items()} == {
        "refund_unknown_here": "not one of ours", "refund_not_on_bill": alone, "refund_amount": other
    }  # fmt: skip


async def test_a_payment_that_is_on_the_bill_twice_is_another_amount(payments: Payments, bill: Bill) -> None:
    number = await charge(payments)
    bill.add(number, 23_550)
    bill.add(number, 23_550)
    (ticket,) = (await run(payments)).values()
    assert ticket["check_name"] == "payment_amount"
    assert '"bill_lines": 2' in ticket["evidence"]


async def test_runs_again_and_again_make_one_ticket_until_it_is_gone(payments: Payments, bill: Bill) -> None:
    number = await charge(payments)
    for _ in range(2):
        assert list(await run(payments)) == ["payment_not_on_bill"]
    assert await payments.sql("SELECT count(*) FROM tickets") == 1
    bill.add(number, 23_550)
    assert await run(payments) == {}
    assert await payments.sql("SELECT status FROM tickets") == "closed"
    steps = await payments.rows("SELECT step FROM ticket_steps ORDER BY position")
    assert [one["step"] for one in steps] == ["found", "gone"]


async def test_a_ticket_goes_when_a_later_day_has_what_was_missing(payments: Payments, bill: Bill) -> None:
    before = DAY - timedelta(days=1)
    number = await charge(payments, at=NOON - timedelta(days=1))
    assert list(await run(payments, before)) == ["payment_not_on_bill"]
    bill.add(number, 23_550)
    assert await run(payments, DAY) == {}


async def test_what_a_bill_knew_first_is_gone_once_we_know_it(payments: Payments, bill: Bill) -> None:
    number = await charge(payments)
    await payments.sql("UPDATE attempts SET status = 'waiting'")
    bill.add(number, 23_550, day=DAY - timedelta(days=1))
    assert list(await run(payments, DAY - timedelta(days=1))) == ["payment_unknown_here"]
    await payments.sql("UPDATE attempts SET status = 'succeeded'")
    assert await run(payments) == {}


@pytest.mark.parametrize("seconds", [1, 30])
async def test_a_payment_just_before_midnight_may_be_on_the_next_days_bill(
    payments: Payments, bill: Bill, seconds: int
) -> None:
    before = DAY - timedelta(days=1)
    number = await charge(payments, at=START - timedelta(seconds=seconds))
    lost = await charge(payments, at=START - timedelta(seconds=seconds))
    assert await run(payments, before) == {}
    bill.add(number, 23_550)
    tickets = await run(payments)
    assert [(name, one["subject"]) for name, one in tickets.items()] == [("payment_not_on_bill", lost)]


async def test_a_bill_that_cannot_be_had_is_tried_again(payments: Payments, bill: Bill) -> None:
    await charge(payments)
    for wrong in (ProviderAway("no answer"), ProviderRefused("bill_not_ready", "not yet", final=False)):
        bill.wrong = wrong
        await outside.request_run(payments.process, DAY, "test")
        await payments.sql("UPDATE reconciliations SET next_try_at = now() WHERE status = 'waiting'")

        async def failed() -> bool:
            await outside.run_due(payments.process)
            return await payments.sql(
                "SELECT error IS NOT NULL AND next_try_at > now() FROM reconciliations WHERE side = 'outside'"
            )

        await eventually(failed)
    assert await payments.sql("SELECT count(*) FROM tickets") == 0
    bill.wrong = None
    assert list(await run(payments)) == ["payment_not_on_bill"]


async def test_a_run_that_died_is_done_by_another(payments: Payments, bill: Bill) -> None:
    """What it had read counts for nothing, and what it would write comes too late."""
    number = await charge(payments)
    bill.add(number, 23_550)
    process = payments.process
    await outside.request_run(process, DAY, "test")
    dead = await payments.store.transact(
        lambda tx: outside.runs.take(tx, outside.Side.OUTSIDE, datetime.now(UTC), outside.LEASE)
    )
    assert dead is not None
    await payments.store.transact(lambda tx: outside.bill_checks.add_lines(tx, dead, bill.lines[DAY] * 3))
    assert await outside.run_due(process) is None  # its lease is not over
    await payments.sql("UPDATE reconciliations SET next_try_at = now()")
    assert await run(payments) == {}
    assert await outside.compare(process, dead) is None
    assert await payments.sql("SELECT count(*) FROM bill_lines") == 1


async def test_one_bill_is_read_at_a_time(payments: Payments, bill: Bill) -> None:
    days = [DAY, DAY - timedelta(days=1)]
    for day in days:
        await outside.request_run(payments.process, day, "test")
    now = datetime.now(UTC)

    async def take() -> outside.Run | None:
        side = outside.Side.OUTSIDE
        return await payments.store.transact(lambda tx: outside.runs.take(tx, side, now, outside.LEASE))

    taken = await asyncio.gather(*(take() for _ in range(4)))
    (first,) = [run for run in taken if run]
    await payments.store.transact(lambda tx: outside.runs.finish(tx, first, now, {}))
    second = await take()
    assert second is not None
    assert {first.day, second.day} == set(days)


async def test_what_an_unfinished_run_has_read_counts_for_nothing(payments: Payments, bill: Bill) -> None:
    number, before = await charge(payments), DAY - timedelta(days=1)
    await outside.request_run(payments.process, before, "test")
    now = datetime.now(UTC)
    dead = await payments.store.transact(
        lambda tx: outside.runs.take(tx, outside.Side.OUTSIDE, now, outside.LEASE)
    )  # fmt: skip
    assert dead is not None
    line = BillLine(BillKind.PAYMENT, number, "t", 23_550, "CNY", NOON)
    await payments.store.transact(lambda tx: outside.bill_checks.add_lines(tx, dead, [line]))
    await payments.store.transact(lambda tx: outside.runs.postpone(tx, dead, now + timedelta(hours=1), "away"))
    assert list(await run(payments)) == ["payment_not_on_bill"]


async def test_a_bill_of_many_lines_is_read_in_pieces(payments: Payments, bill: Bill) -> None:
    for number in range(2 * outside.LINES_AT_ONCE + 1):
        bill.add(f"n{number}", 1)
    tickets = await run(payments)
    assert list(tickets) == ["payment_unknown_here"]
    assert await payments.sql("SELECT count(*) FROM tickets") == 1_000  # the rest when these are settled
    assert await payments.sql("SELECT count(*) FROM bill_lines") == 2_001


async def test_bills_of_the_last_days_are_planned_once(payments: Payments, bill: Bill) -> None:
    await charge(payments)
    await payments.sql("UPDATE attempts SET created_at = $1", NOON - timedelta(days=1))
    for _ in range(2):
        await outside.plan(payments.process)
    days = await payments.rows("SELECT day FROM reconciliations WHERE side = 'outside' ORDER BY day")
    assert [one["day"] for one in days] == [DAY - timedelta(days=1), DAY]


@pytest.mark.parametrize(
    ("day", "slug"), [(date.today() + timedelta(days=3), "not-billed-yet"), (date(2020, 1, 1), "bill-too-old")]
)
def test_a_day_without_a_bill_is_refused(day: date, slug: str) -> None:
    with pytest.raises(Problem) as refused:
        outside.require_billed(day, datetime.now(UTC))
    assert refused.value.slug == slug


@given(
    st.datetimes(datetime(2026, 1, 2), datetime(2026, 12, 30)),
    st.timedeltas(timedelta(seconds=1), timedelta(hours=24)),
)
def test_each_moment_is_judged_with_exactly_one_day(naive: datetime, edge: timedelta) -> None:
    moment = naive.replace(tzinfo=ZONE)
    around = [moment.date() + timedelta(days=days) for days in (-1, 0, 1, 2)]
    windows = [judged(day, edge, day_before_is_known=True) for day in around]
    assert sum(since <= moment < until for since, until in windows) == 1


@given(st.datetimes(datetime(2026, 1, 2), datetime(2026, 12, 30)))
def test_the_last_billed_day_is_the_newest_whose_bill_can_be_had(naive: datetime) -> None:
    now = naive.replace(tzinfo=ZONE)
    day = last_billed_day(now)
    assert billed_at(day) <= now < billed_at(day + timedelta(days=1))
    assert billed_at(day).astimezone(ZONE).time() == BILLED_AT


def test_without_the_day_before_its_last_minutes_are_not_judged() -> None:
    since, until = judged(DAY, PAYMENT_EDGE, day_before_is_known=False)
    assert (since, until) == (START + PAYMENT_EDGE, END - PAYMENT_EDGE)
