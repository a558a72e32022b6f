"""Whoever reserves, pays, lets go and comes too late at once: nothing is given twice, and sums are what they should be.

The model keeps reservations in the plainest way; after each step the tables must say the same.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loyalty.domain.terms import PerFill, Stacking
from loyalty.repository import campaign_use
from loyalty.use_cases import reservations
from schemas.reservations import ReservationRequest
from servicekit.ids import new_id
from servicekit.problems import Problem
from servicekit.testkit_services import OPERATOR

from .conftest import Loyalty
from .quote_kit import campaign, coupon_of
from .reservation_kit import Payer, cancelled, coupon_is, differences, expire, off, paid, refunded, tell, used

RACES = 1_000
STACKS = Stacking("coupon", priority=50)


async def test_security_27_the_last_coupon_points_and_budget_are_reserved_once(loyalty: Loyalty) -> None:
    """1,000 at once: some for the same coupon, some for the same points, and all for the rest of a campaign."""
    payer = await Payer.at_a_station(loyalty)
    await payer.award(500)
    coupon_id = await coupon_of(loyalty, payer.driver_id, stacking=STACKS)
    campaign_id = await campaign(loyalty, PerFill(300), budget_minor=600)
    await Payer(loyalty, payer.station_id).reserved()
    known, in_flight = loyalty.process.campaigns.of(OPERATOR), asyncio.Semaphore(40)
    wishes = [(payer, {"coupon_ids": [coupon_id]}), (payer, {"points": 500}), (None, {})]

    async def ask(number: int) -> set[str]:
        driver, wish = wishes[number % len(wishes)]
        one = driver or Payer(loyalty, payer.station_id)
        request = ReservationRequest.model_validate(one.body(**wish))
        async with in_flight:
            try:
                answer = await reservations.reserve(loyalty.process, one.driver_id, request, datetime.now(UTC))
            except Problem as problem:
                return {problem.slug}
        return {part.kind for part in answer.breakdown}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loyalty.process.campaigns, "of", lambda _: known)  # however long it takes
        got = await asyncio.gather(*map(ask, range(RACES)))
    refused = sum(number % len(wishes) < 2 for number in range(RACES)) - 2
    assert Counter(kind for kinds in got for kind in kinds) == {
        "coupon": 1, "points": 1, "campaign": 1, "reservation-refused": refused
    }  # fmt: skip
    assert (await coupon_is(loyalty, coupon_id), await payer.spendable()) == ("reserved", 0)
    assert await used(loyalty, campaign_id) == (600, 2)


async def test_security_27_the_last_use_of_a_campaign_is_taken_once(loyalty: Loyalty) -> None:
    """1,000 drivers at once, whose takings nothing else keeps apart."""
    campaign_id = await campaign(loyalty, PerFill(300), budget_minor=900, most_uses=3)
    in_flight = asyncio.Semaphore(40)

    async def take(amount: int) -> bool:
        driver_id, at = str(new_id()), datetime.now(UTC)
        async with in_flight:
            return await loyalty.store.transact(
                lambda tx: campaign_use.take(tx, campaign_id, driver_id, at=at, amount_minor=amount)
            )  # fmt: skip

    assert [await take(300), await take(300)] == [True, True]
    got = await asyncio.gather(*(take(1 + number % 300) for number in range(RACES)))
    (amount,) = [1 + number % 300 for number, was_taken in enumerate(got) if was_taken]
    assert await used(loyalty, campaign_id) == (600 + amount, 3)


async def test_drivers_who_take_of_several_campaigns_wait_in_no_circle(loyalty: Loyalty) -> None:
    """Each order is paid anew again and again, by another method and so with other campaigns, while others do so."""
    station_id, count = await loyalty.station(), 8
    for number in range(4):
        group = Stacking(f"group-{number}", priority=number)
        await campaign(loyalty, PerFill(10 + number), stacking=group, budget_minor=10**6)
    payers = [Payer(loyalty, station_id) for _ in range(count)]
    orders = [new_id() for _ in payers]

    async def again(payer: Payer, order_id: UUID) -> int:
        got = [await payer.reserved(order_id=order_id, gross_minor=gross) for gross in (40, 23, 1_000, 10, 46)]
        return off(got[-1])

    assert await asyncio.gather(*map(again, payers, orders)) == [46] * count
    total = await loyalty.sql("SELECT sum(used_minor)::bigint FROM campaign_use")
    assert (total, await loyalty.sql("SELECT sum(uses)::bigint FROM campaign_use")) == (46 * count, 4 * count)


async def test_a_use_that_does_not_fit_leaves_nothing(loyalty: Loyalty) -> None:
    driver_id = str(new_id())
    one = await campaign(loyalty, PerFill(300), budget_minor=1_000, most_uses=3, uses_per_driver=2)

    async def take(amount: int, driver_id: str = driver_id) -> bool:
        at = datetime.now(UTC)
        return await loyalty.store.transact(
            lambda tx: campaign_use.take(tx, one, driver_id, at=at, amount_minor=amount)
        )  # fmt: skip

    assert not await take(1_001)
    assert [await take(300), await take(300), await take(300)] == [True, True, False]
    other = str(new_id())
    assert [await take(401, other), await take(400, other), await take(0, str(new_id()))] == [False, True, False]
    assert await used(loyalty, one) == (1_000, 3)
    at = datetime.now(UTC)
    assert not await loyalty.store.transact(lambda tx: campaign_use.take(tx, new_id(), driver_id, at=at))


ORDERS, DRIVERS, BUDGET, POINTS = 4, 2, 1_000, 1_000
"""What an order earns when it is paid, at most 314 points, makes possible nothing below that was not before."""
orders = st.integers(0, ORDERS - 1)
operations = st.one_of(
    st.tuples(st.just("reserve"), orders, st.booleans(), st.sampled_from([0, 0, 700, 2_000])),
    st.tuples(st.sampled_from(["release", "expire", "cancel", "pay", "pay", "refund"]), orders, st.none(), st.none()),
)


@dataclass
class Model:
    """What is held and spent, by order: (what the campaign gives, whether the coupon is in it, points)."""

    held: dict[int, tuple[int, bool, int]] = field(default_factory=dict)
    spent: dict[int, tuple[int, bool, int]] = field(default_factory=dict)
    over: set[int] = field(default_factory=set)
    """Orders that were refunded wholly."""

    def taken(self, driver: int | None = None) -> list[tuple[int, bool, int]]:
        """All that is held or spent, of a driver or of all."""
        found = [*self.held.items(), *self.spent.items()]
        return [one for order, one in found if driver is None or order % DRIVERS == driver]

    def budget_left(self, order: int) -> int:
        """What there is for an order, which would give back what it holds."""
        mine = self.held.get(order, (0, False, 0))[0]
        return max(0, BUDGET - sum(one[0] for one in self.taken()) + mine)

    def reserve(self, order: int, with_coupon: bool, points: int) -> bool:
        """Whether it can be; then it is."""
        driver, mine = order % DRIVERS, self.held.get(order, (0, False, 0))
        coupon_taken = any(one[1] for one in self.taken(driver)) and not mine[1]
        points_left = POINTS - sum(one[2] for one in self.taken(driver)) + mine[2]
        if (with_coupon and coupon_taken) or points > points_left:
            return False
        self.held[order] = (min(300, self.budget_left(order)), with_coupon, points)
        return True


class Real:
    """The same at the service."""

    def __init__(self, payers: list[Payer], coupon_ids: list[UUID], campaign_id: UUID) -> None:
        self.payers, self.coupon_ids, self.campaign_id = payers, coupon_ids, campaign_id
        self.loyalty = payers[0].loyalty
        self.orders = [new_id() for _ in range(ORDERS)]
        self.latest: dict[int, dict[str, Any]] = {}
        """Of each order the reservation that it has or had last."""

    @classmethod
    async def made(cls, loyalty: Loyalty) -> "Real":
        """Two drivers with a coupon and points each, and a campaign for both."""
        station_id = await loyalty.station()
        await loyalty.sql("UPDATE campaigns SET status = 'ended'")
        payers = [Payer(loyalty, station_id) for _ in range(DRIVERS)]
        for payer in payers:
            await payer.award(POINTS)
        coupons = [await coupon_of(loyalty, payer.driver_id, stacking=STACKS) for payer in payers]
        return cls(payers, coupons, await campaign(loyalty, PerFill(300), budget_minor=BUDGET))

    async def reserve(self, order: int, with_coupon: bool, points: int) -> bool:
        """Whether it could be."""
        payer, coupons = self.payers[order % DRIVERS], [self.coupon_ids[order % DRIVERS]] if with_coupon else []
        body = {"reservation_id": new_id(), "order_id": self.orders[order], "coupon_ids": coupons, "points": points}
        reply = await payer.ask(**body)
        assert reply.status_code in (200, 409), reply.text
        if reply.status_code == 200:
            self.latest[order] = payer.body(**body) | reply.json()
        return reply.status_code == 200

    async def end(self, how: str, order: int) -> None:
        """What happens to the order's latest reservation."""
        reserved = self.latest[order]
        match how:
            case "release":
                await self.payers[order % DRIVERS].release(reserved["reservation_id"])
            case "expire":
                await expire(self.loyalty, reserved["reservation_id"])
            case "cancel":
                await tell(self.loyalty, cancelled(reserved))
            case "pay":
                await tell(self.loyalty, paid(reserved))
            case _:
                await tell(self.loyalty, refunded(reserved))

    async def sums(self) -> tuple[int, int]:
        """(minor units, times) that the campaign gave."""
        return await used(self.loyalty, self.campaign_id)


def end(model: Model, how: str, order: int) -> None:
    """What the model makes of an end, or of one that comes in vain. Only those that hold are paid here: what comes
    late is for test_confirming.py."""
    if how in ("release", "expire", "cancel"):
        model.held.pop(order, None)
    elif how == "pay" and order in model.held:
        model.spent[order] = model.held.pop(order)
    elif how == "refund" and model.spent.pop(order, None):
        model.over.add(order)


@given(st.lists(operations, max_size=20))
@example([("reserve", 2, False, 0), ("pay", 2, None, None), ("reserve", 0, False, 2_000), ("reserve", 0, False, 700)])
@example([("reserve", 2, False, 700), ("pay", 2, None, None), ("reserve", 0, False, 700), ("reserve", 0, True, 0)])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_is_taken_is_what_is_held_and_spent(loyalty: Loyalty, steps: list[tuple[Any, ...]]) -> None:
    real, model = await Real.made(loyalty), Model()
    await loyalty.process.earning.read()
    for name, order, with_coupon, points in steps:
        if name == "reserve":
            if order in model.spent or order in model.over:
                continue  # payments asks for no order that is paid
            assert await real.reserve(order, with_coupon, points) == model.reserve(order, with_coupon, points)
        elif order in real.latest and (name not in ("pay", "refund") or order in model.held or order in model.spent):
            if name == "refund" and order in model.held:
                continue
            await real.end(name, order)
            end(model, name, order)
        await compare(real, model)
    assert await differences(loyalty) == []


async def compare(real: Real, model: Model) -> None:
    """The tables say what the model says."""
    taken = model.taken()
    gives = [one[0] for one in taken if one[0]]
    assert await real.sums() == (sum(gives), len(gives))
    assert sum(gives) <= BUDGET
    for number, coupon_id in enumerate(real.coupon_ids):
        mine = {order: one for order, one in model.held.items() if order % DRIVERS == number}
        spent = {order: one for order, one in model.spent.items() if order % DRIVERS == number}
        expected = (
            "redeemed" if any(one[1] for one in spent.values())
            else "reserved" if any(one[1] for one in mine.values()) else "active"
        )  # fmt: skip
        assert await coupon_is(real.loyalty, coupon_id) == expected
    held = await real.loyalty.sql(
        "SELECT count(*) FROM reservations WHERE status = 'held' AND order_id = ANY($1)", real.orders
    )
    assert held == sum(1 for one in model.held.values() if one != (0, False, 0))


@pytest.mark.parametrize("ends", [("pay", "release"), ("pay", "expire"), ("pay", "cancel"), ("expire", "release")])
async def test_of_two_ends_at_once_one_counts(loyalty: Loyalty, ends: tuple[str, str]) -> None:
    """A payment counts whichever comes first."""
    real = await Real.made(loyalty)
    await loyalty.process.earning.read()
    assert await real.reserve(0, True, 400)
    await asyncio.gather(*(real.end(how, 0) for how in ends for _ in range(3)))
    is_paid = "pay" in ends
    assert await real.sums() == ((300, 1) if is_paid else (0, 0))
    assert await coupon_is(loyalty, real.coupon_ids[0]) == ("redeemed" if is_paid else "active")
    assert await differences(loyalty) == []
