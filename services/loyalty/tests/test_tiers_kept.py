"""Tiers on the real store: kept as fuel comes in, whatever order it is told in, and as months pass."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.domain.tiers import BY_WORD, month_of, months_after, tier_for, volume_in
from loyalty.use_cases import tiers
from loyalty.use_cases.members import take_registered
from schemas.events import OrderPaidV1, OrderRefundedV1, TierChangedV1
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .conftest import Loyalty
from .member_kit import MONTH, NOW, desk, drivers, erase, fuel, in_month, merge, months, registered, tier
from .purchase_kit import paid, refunded, take

NEXT_MONTH = datetime(*months_after(MONTH, 1).timetuple()[:3], 0, 1, tzinfo=UTC)


@pytest.fixture
def driver() -> str:
    return str(new_id())


async def told(loyalty: Loyalty, driver: str) -> list[TierChangedV1]:
    """The changes of a driver's tier that were published, in order."""
    await eventually(loyalty.outbox_is_empty)
    messages = [one for one in await loyalty.kafka.read("loyalty.points") if one.key == driver.encode()]
    events = [one.event() for one in messages]
    return [event for event in events if isinstance(event, TierChangedV1)]


async def test_a_tier_rises_at_once_and_what_was_bought_keeps_the_one_it_had(loyalty: Loyalty, driver: str) -> None:
    orders = [await fuel(loyalty, driver, litres) for litres in (499, 1, 40)]
    assert await tier(loyalty, driver) == "silver"
    rows = await loyalty.rows("SELECT order_id, tier FROM purchases")
    kept = {row["order_id"]: row["tier"] for row in rows}
    assert [kept[one] for one in orders] == ["member", "member", "silver"]
    changes = await told(loyalty, driver)
    assert [(one.previous_tier, one.tier, one.volume_ml) for one in changes] == [("member", "silver", 500_000)]


async def test_a_late_event_goes_to_the_month_in_which_it_was_paid(loyalty: Loyalty, driver: str) -> None:
    await fuel(loyalty, driver, 10)
    await fuel(loyalty, driver, 600, in_month(11))
    await fuel(loyalty, driver, 5_000, in_month(12))
    old, oldest = months_after(MONTH, -11), months_after(MONTH, -12)
    assert await months(loyalty, driver) == {MONTH: 10_000, old: 600_000, oldest: 5_000_000}
    assert await tier(loyalty, driver) == "silver"


async def test_a_refund_lowers_it(loyalty: Loyalty, driver: str) -> None:
    order = paid(driver, volume_ml=1_300_000)
    await take(loyalty, [order])
    await take(loyalty, [refunded(order, 5_000)])
    assert (await tier(loyalty, driver), await months(loyalty, driver)) == ("silver", {MONTH: 650_000})
    await take(loyalty, [refunded(order, 10_000)])
    assert (await tier(loyalty, driver), await months(loyalty, driver)) == ("member", {MONTH: 0})


async def test_it_falls_when_the_month_has_passed_that_carried_it_and_is_told_once(
    loyalty: Loyalty, driver: str
) -> None:
    await fuel(loyalty, driver, 1_200, in_month(11))
    await fuel(loyalty, driver, 500, in_month(5))
    assert await tier(loyalty, driver) == "gold"
    await tiers.review_tiers(loyalty.process)
    assert await tier(loyalty, driver) == "gold"
    await asyncio.gather(*(tiers.review_tiers(loyalty.process, NEXT_MONTH) for _ in range(4)))
    await tiers.review_tiers(loyalty.process, NEXT_MONTH)
    assert await tier(loyalty, driver) == "silver"
    changes = await told(loyalty, driver)
    assert [(one.previous_tier, one.tier) for one in changes] == [("member", "gold"), ("gold", "silver")]
    assert changes[-1].occurred_at == NEXT_MONTH


async def test_a_review_goes_on_where_another_stopped(loyalty: Loyalty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "REVIEW_BATCH", 2)
    some = drivers(5)
    await take(loyalty, [paid(one, volume_ml=700_000, occurred_at=in_month(11)) for one in some])
    assert await loyalty.store.transact(lambda tx: tiers._review_some(tx, NEXT_MONTH)) == 2
    await tiers.review_tiers(loyalty.process, NEXT_MONTH)
    assert {await tier(loyalty, one) for one in some} == {"member"}


async def test_fuel_of_a_backlog_counts_in_the_months_of_now(loyalty: Loyalty, driver: str) -> None:
    """An old event that comes now must not be judged by the twelve months of its own time."""
    await loyalty.store.transact(lambda tx: registered_member(tx, driver))
    deltas = [(driver, months_after(MONTH, -14), 3_000_000)]
    await loyalty.store.transact(lambda tx: tiers.note_volumes(loyalty.process, tx, deltas, in_month(14)))
    assert await tier(loyalty, driver) == "member"


async def registered_member(tx, driver: str) -> None:
    await tx.execute("INSERT INTO members (driver_id) VALUES ($1)", driver)


Event = OrderPaidV1 | OrderRefundedV1
FILLS = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 13), st.integers(1, 900), st.integers(1, 10_000),
        st.lists(st.integers(0, 100), max_size=2),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fills=FILLS, shuffle=st.randoms(use_true_random=False))
async def test_it_equals_what_all_purchases_say_whatever_order_their_events_came_in(
    loyalty: Loyalty, fills: Sequence[tuple[int, int, int, int, list[int]]], shuffle: random.Random
) -> None:
    some = drivers(3)
    events: list[Event] = []
    counted: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for who, ago, litres, money, shares in fills:
        order = paid(some[who], money, volume_ml=litres * 1_000, occurred_at=in_month(ago))
        back = [money * share // 100 for share in shares]
        events += [order, *(refunded(order, one) for one in back if one), *([order] if shuffle.random() < 0.3 else [])]
        left = money - max(back, default=0)
        counted[some[who]][month_of(order.occurred_at)] += litres * 1_000 * left // money
    shuffle.shuffle(events)
    await _in_batches(loyalty, events, shuffle)
    for one, volumes in counted.items():
        assert +Counter(await months(loyalty, one)) == +volumes
        assert await tier(loyalty, one) == tier_for(volume_in(volumes, MONTH)).word
    await tiers.review_tiers(loyalty.process, NEXT_MONTH)
    for one, volumes in counted.items():
        assert await tier(loyalty, one) == tier_for(volume_in(volumes, months_after(MONTH, 1))).word


async def _in_batches(loyalty: Loyalty, events: Sequence[Event], shuffle: random.Random) -> None:
    start = 0
    while start < len(events):
        end = start + shuffle.randint(1, 5)
        for kind in (OrderPaidV1, OrderRefundedV1):
            if batch := [one for one in events[start:end] if isinstance(one, kind)]:
                await take(loyalty, batch)
        start = end


async def test_races_of_one_driver_lose_no_fuel(loyalty: Loyalty, driver: str) -> None:
    await asyncio.gather(*(fuel(loyalty, driver, 50) for _ in range(20)))
    assert (await tier(loyalty, driver), await months(loyalty, driver)) == ("silver", {MONTH: 1_000_000})


async def test_a_driver_sees_the_tier_what_is_missing_and_what_keeps_it(loyalty: Loyalty, driver: str) -> None:
    await fuel(loyalty, driver, 600, in_month(10))
    await fuel(loyalty, driver, 300, in_month(2))
    answer = await loyalty.client.get("/v1/me/tier", headers=loyalty.driver(driver))
    document = answer.json()
    assert (document["tier"], document["volume_ml"], document["next"]) == (
        "silver", 900_000, {"tier": "gold", "missing_ml": 300_000},
    )  # fmt: skip
    assert (document["kept_until"], document["to_keep_ml"]) == (f"{months_after(MONTH, 1):%Y-%m}", 200_000)
    assert [one["month"] for one in document["months"]] == [
        f"{months_after(MONTH, -n):%Y-%m}" for n in range(11, -1, -1)
    ]
    assert document["since"] is not None
    assert [one["tier"] for one in document["tiers"]] == list(BY_WORD)


async def test_whoever_never_fuelled_is_a_member(loyalty: Loyalty, driver: str) -> None:
    answer = await loyalty.client.get("/v1/me/tier", headers=loyalty.driver(driver))
    document = answer.json()
    assert (document["tier"], document["since"], document["kept_until"]) == ("member", None, None)
    assert document["next"] == {"tier": "silver", "missing_ml": 500_000}


async def test_a_birth_month_can_be_told_once_a_year(loyalty: Loyalty, driver: str) -> None:
    async def tell(month: int) -> tuple[int, dict]:
        answer = await loyalty.client.put(
            "/v1/me/birth-month", json={"month": month}, headers=loyalty.driver(driver)
        )  # fmt: skip
        return answer.status_code, answer.json()

    assert (await tell(13))[0] == 422
    first = await tell(5)
    assert (first[0], first[1]["month"]) == (200, 5)
    assert await tell(5) == first
    status, problem = await tell(6)
    assert (status, problem["type"].split(":")[-1]) == (409, "birth-month-told")
    year = timedelta(days=365, seconds=1)
    await loyalty.sql("UPDATE members SET birth_month_set_at = birth_month_set_at - $1::interval", year)
    assert (await tell(6))[1]["month"] == 6
    shown = await loyalty.client.get("/v1/me/birth-month", headers=loyalty.driver(driver))
    assert shown.json()["month"] == 6


async def test_what_is_known_of_a_member_is_told_and_erased(loyalty: Loyalty, driver: str) -> None:
    await fuel(loyalty, driver, 600)
    await loyalty.client.put("/v1/me/birth-month", json={"month": 5}, headers=loyalty.driver(driver))
    (membership,) = (await desk(loyalty).account_of(driver))["data"]["membership"]
    assert (membership["birth_month"], membership["tier"], membership["months"]) == (
        5, "silver", [{"month": MONTH, "volume_ml": 600_000}],
    )  # fmt: skip
    await erase(loyalty, driver)
    (row,) = await loyalty.rows("SELECT tier, birth_month, birth_month_set_at FROM members")
    assert row == {"tier": "member", "birth_month": None, "birth_month_set_at": None}
    assert await months(loyalty, driver) == {}
    answer = await loyalty.client.put("/v1/me/birth-month", json={"month": 5}, headers=loyalty.driver(driver))
    assert answer.status_code == 401
    await fuel(loyalty, driver, 700)
    assert (await months(loyalty, driver), await tier(loyalty, driver)) == ({}, "member")


async def test_two_accounts_of_one_person_count_together(loyalty: Loyalty) -> None:
    old, new = drivers(2)
    await fuel(loyalty, old, 300, in_month(1))
    order = paid(old, volume_ml=100_000)
    await take(loyalty, [order])
    await fuel(loyalty, new, 150, in_month(1))
    await loyalty.client.put("/v1/me/birth-month", json={"month": 5}, headers=loyalty.driver(old))
    await merge(loyalty, old, new)
    assert await months(loyalty, new) == {months_after(MONTH, -1): 450_000, MONTH: 100_000}
    assert (await tier(loyalty, new), await months(loyalty, old)) == ("silver", {})
    assert await loyalty.sql("SELECT birth_month FROM members WHERE driver_id = $1", new) == 5
    await take(loyalty, [refunded(order, 10_000)])
    assert (await tier(loyalty, new), await months(loyalty, old)) == ("member", {})
    await merge(loyalty, old, new)
    assert sum((await months(loyalty, new)).values()) == 450_000


async def test_since_when_somebody_has_an_account_is_the_first_that_is_told(loyalty: Loyalty, driver: str) -> None:
    await fuel(loyalty, driver, 10)
    old = NOW - timedelta(days=90)
    others = drivers(2)
    await loyalty.store.transact(lambda tx: take_registered(tx, [
        registered(driver, old), registered(driver, NOW), registered(others[0]), registered(others[1], kind="staff"),
    ]))  # fmt: skip
    rows = await loyalty.rows("SELECT driver_id, joined_at FROM members")
    assert {row["driver_id"]: row["joined_at"] for row in rows} == {driver: old, others[0]: NOW}
