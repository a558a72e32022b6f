"""The ledger of points on the real store."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from loyalty.domain.points import TooFewPoints
from loyalty.repository import points as repository
from loyalty.use_cases import points
from servicekit.ids import new_id
from servicekit.postgres import Connection

from .conftest import Loyalty


class Driver:
    """A driver with points."""

    def __init__(self, loyalty: Loyalty) -> None:
        self.loyalty = loyalty
        self.id = str(new_id())

    async def award(self, amount: int, key: str | None = None, days: int = 400) -> bool:
        now = datetime.now(UTC)

        async def work(tx: Connection) -> bool:
            return await points.award(
                self.loyalty.process, tx, self.id, amount, reason="reward", key=key or str(new_id()), at=now,
                expires_at=now + timedelta(days=days),
            )  # fmt: skip

        return await self.loyalty.store.transact(work)

    async def hold(self, amount: int, key: str) -> None:
        await self.loyalty.store.transact(lambda tx: points.hold(tx, self.id, amount, key))

    async def release(self, key: str) -> int:
        return await self.loyalty.store.transact(lambda tx: points.release_hold(tx, key))

    async def spend_hold(self, key: str) -> int:
        async def work(tx: Connection) -> int:
            return await points.spend_hold(
                self.loyalty.process, tx, key, order_id=new_id(), amount_minor=100, currency="CNY",
                at=datetime.now(UTC),
            )  # fmt: skip

        return await self.loyalty.store.transact(work)

    async def spend(self, amount: int, key: str) -> None:
        async def work(tx: Connection) -> None:
            await points.spend(
                self.loyalty.process, tx, self.id, amount, key=key, gift_order_id=new_id(), at=datetime.now(UTC)
            )

        await self.loyalty.store.transact(work)

    async def give_back(self, key: str, amount: int | None = None) -> int:
        async def work(tx: Connection) -> int:
            return await points.give_back(self.loyalty.process, tx, key, at=datetime.now(UTC), points=amount)

        return await self.loyalty.store.transact(work)

    async def standing(self) -> tuple[int, int]:
        """(balance, spendable), and all sums agree."""
        async with self.loyalty.store.connection() as connection:
            assert await repository.check(connection) == []
            balance = await repository.balance_of(connection, self.id)
            return balance, await points.spendable(connection, self.id)


@pytest.fixture
def driver(loyalty: Loyalty) -> Driver:
    return Driver(loyalty)


async def test_points_are_awarded_held_spent_and_given_back_once_each(driver: Driver) -> None:
    assert await driver.award(100, "a")
    assert not await driver.award(100, "a")
    await driver.hold(60, "h")
    await driver.hold(60, "h")
    assert await driver.standing() == (100, 40)
    with pytest.raises(TooFewPoints) as refused:
        await driver.hold(41, "i")
    assert refused.value.available == 40
    assert [await driver.spend_hold("h"), await driver.spend_hold("h")] == [60, 0]
    assert await driver.standing() == (40, 40)
    await driver.spend(30, "g")
    await driver.spend(30, "g")
    assert await driver.standing() == (10, 10)
    assert [await driver.give_back("g", 10), await driver.give_back("g", 10), await driver.give_back("g")] == [
        10,
        0,
        20,
    ]
    assert await driver.standing() == (40, 40)


async def test_what_was_let_go_is_spent_all_the_same_and_may_be_owed(driver: Driver) -> None:
    await driver.award(50)
    await driver.hold(50, "h")
    assert [await driver.release("h"), await driver.release("h")] == [50, 0]
    await driver.spend(20, "g")
    assert await driver.spend_hold("h") == 50
    assert await driver.standing() == (-20, 0)
    await driver.award(30)
    assert await driver.standing() == (10, 10)


async def test_oldest_expiry_is_spent_first(driver: Driver) -> None:
    await driver.award(10, days=300)
    await driver.award(10, days=100)
    await driver.spend(15, "g")
    rows = await driver.loyalty.rows("SELECT remaining FROM lots ORDER BY expires_at")
    assert [row["remaining"] for row in rows] == [0, 5]


async def test_whoever_spends_at_once_never_spends_more_than_there_is(driver: Driver) -> None:
    await driver.award(60)
    await driver.award(40)
    wishes = [*(driver.hold(30, f"h{number}") for number in range(6)), *(driver.spend(30, f"g{n}") for n in range(6))]
    outcomes = await asyncio.gather(*wishes, return_exceptions=True)
    assert [outcome for outcome in outcomes if outcome and not isinstance(outcome, TooFewPoints)] == []
    assert sum(outcome is None for outcome in outcomes) == 3
    _, spendable = await driver.standing()
    assert spendable == 10
