"""Points end in time, with a warning before; and what becomes of them with their driver's account."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from loyalty.repository import points as repository
from loyalty.use_cases import expiring, point_people, points
from loyalty.use_cases.people import PeopleData
from schemas.events import UserErasedV1, UserMergedV1
from servicekit.consumer import Received
from servicekit.erasures import Erasure
from servicekit.ids import new_id
from servicekit.personal_data import PeopleDesk
from servicekit.postgres import Connection
from servicekit.testkit import eventually

from .conftest import Loyalty, any_message
from .purchase_kit import NOW, balance, paid, refunded, take


async def give(loyalty: Loyalty, driver: str, amount: int, days: int) -> None:
    """Points that expire in so many days."""

    async def work(tx: Connection) -> None:
        until = NOW + timedelta(days=days)
        await points.award(
            loyalty.process, tx, driver, amount, reason="reward", key=str(new_id()), at=NOW, expires_at=until
        )

    await loyalty.store.transact(work)


async def spend(loyalty: Loyalty, driver: str, amount: int, key: str | None = None) -> None:
    """Points for a gift."""

    async def work(tx: Connection) -> None:
        name = key or str(new_id())
        await points.spend(loyalty.process, tx, driver, amount, key=name, gift_order_id=new_id(), at=NOW)

    await loyalty.store.transact(work)


def desk(loyalty: Loyalty) -> PeopleDesk:
    """What handles events about people."""
    return PeopleDesk("loyalty", PeopleData(loyalty.process), loyalty.process.erasures)


async def erase(loyalty: Loyalty, driver: str) -> None:
    """As the event tells."""
    event = UserErasedV1(user_id=UUID(driver), version=2, occurred_at=NOW)
    await loyalty.store.transact(lambda tx: desk(loyalty).take_erasures(tx, [Received(event, any_message())]))


async def merge(loyalty: Loyalty, driver: str, into: str) -> None:
    """As the event tells."""
    event = UserMergedV1(user_id=UUID(driver), into_user_id=UUID(into), version=2, occurred_at=NOW)
    await loyalty.store.transact(lambda tx: desk(loyalty).take_merges(tx, [Received(event, any_message())]))


async def told(loyalty: Loyalty, kind: str, driver: str) -> list[dict[str, Any]]:
    """What was said of the driver's points."""
    return [
        event.model_dump()
        for message in await loyalty.kafka.read("loyalty.points")
        if (event := message.event()) is not None and type(event).__name__ == kind and event.key() == driver
    ]


@pytest.fixture
def driver() -> str:
    return str(new_id())


async def test_points_expire_in_time_but_not_while_they_are_held(loyalty: Loyalty, driver: str) -> None:
    await give(loyalty, driver, 100, days=1)
    await give(loyalty, driver, 50, days=3)
    await loyalty.store.transact(lambda tx: points.hold(tx, driver, 30, "h"))
    assert await expiring.expire_points(loyalty.process, NOW) == 0
    later = NOW + timedelta(days=2)
    done = await asyncio.gather(*(expiring.expire_points(loyalty.process, later) for _ in range(3)))
    assert (sum(done), await balance(loyalty, driver)) == (1, 80)
    await loyalty.store.transact(lambda tx: points.release_hold(tx, "h"))
    assert await expiring.expire_points(loyalty.process, later) == 1
    assert await balance(loyalty, driver) == 50


async def test_a_driver_is_warned_once_of_each_lot(loyalty: Loyalty, driver: str) -> None:
    for amount, days in ((10, 5), (20, 5), (40, 9), (70, 90)):
        await give(loyalty, driver, amount, days)
    done = await asyncio.gather(*(expiring.warn_drivers(loyalty.process, NOW) for _ in range(3)))
    assert sum(done) == 2
    assert await expiring.warn_drivers(loyalty.process, NOW + timedelta(days=10)) == 0
    assert await expiring.warn_drivers(loyalty.process, NOW + timedelta(days=70)) == 1

    await eventually(loyalty.outbox_is_empty)
    events = await told(loyalty, "PointsExpiringV1", driver)
    assert sorted(one["points"] for one in events) == [30, 40, 70]


async def test_who_spends_while_points_expire_keeps_the_books_right(loyalty: Loyalty) -> None:
    drivers = [str(new_id()) for _ in range(6)]
    await asyncio.gather(*(give(loyalty, one, 10, days=1) for one in drivers))
    later = NOW + timedelta(days=2)
    spent, *expired = await asyncio.gather(
        asyncio.gather(*(spend(loyalty, one, 4) for one in drivers), return_exceptions=True),
        *(expiring.expire_points(loyalty.process, later) for _ in range(3)),
    )
    assert sum(expired) == len(drivers)
    assert [await balance(loyalty, one) for one in drivers] == [0] * len(drivers)
    rows = await loyalty.rows("SELECT points FROM transfers WHERE kind = 'redeemed'")
    assert [row["points"] for row in rows] == [-4] * sum(one is None for one in spent)


async def test_an_erased_driver_forfeits_what_is_left_and_owes_nothing(loyalty: Loyalty, driver: str) -> None:
    order = paid(driver)
    await take(loyalty, [order])
    await loyalty.store.transact(lambda tx: points.hold(tx, driver, 30, "h"))
    await erase(loyalty, driver)
    await erase(loyalty, driver)
    await take(loyalty, [refunded(order, 10_000)])
    assert await balance(loyalty, driver) == 0
    account = await desk(loyalty).account_of(driver)
    assert (account["data"]["points_left"], account["kept"]["points"], account["kept"]["purchases"]) == ([], 2, 1)
    assert account["erased"]["points"] == 1


@pytest.mark.parametrize("is_merged", [False, True])
async def test_an_order_that_comes_while_its_driver_goes_waits_and_then_knows(
    loyalty: Loyalty, driver: str, is_merged: bool
) -> None:  # fmt: skip
    survivor = str(new_id()) if is_merged else None
    erased, may_commit = asyncio.Event(), asyncio.Event()

    async def go(tx: Connection) -> None:
        if survivor:
            await point_people.move(loyalty.process, tx, driver, survivor)
        else:
            await point_people.erase(loyalty.process, tx, driver)
        await loyalty.process.erasures.record(tx, driver, Erasure(NOW, merged_into=survivor))
        erased.set()
        await may_commit.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(loyalty.store.transact(go))
        await erased.wait()
        order = tasks.create_task(take(loyalty, [paid(driver)]))
        await eventually(lambda: loyalty.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
        may_commit.set()
        await order
    assert await balance(loyalty, driver) == 0
    if survivor:
        assert await balance(loyalty, survivor) == 100


async def test_a_merged_account_hands_over_its_lots_its_uses_and_its_orders(loyalty: Loyalty, driver: str) -> None:
    survivor = str(new_id())
    order = paid(driver)
    await take(loyalty, [order])
    await give(loyalty, driver, 50, days=40)
    await give(loyalty, survivor, 5, days=1)
    await spend(loyalty, driver, 50, "gift")
    await merge(loyalty, driver, survivor)
    await merge(loyalty, driver, survivor)
    assert (await balance(loyalty, driver), await balance(loyalty, survivor)) == (0, 105)
    await loyalty.store.transact(lambda tx: points.give_back(loyalty.process, tx, "gift", at=NOW))
    await take(loyalty, [refunded(order, 10_000)])
    assert (await balance(loyalty, driver), await balance(loyalty, survivor)) == (0, 55)
    lots = await loyalty.rows("SELECT remaining FROM lots WHERE driver_id = $1 AND remaining <> 0 ORDER BY 1", survivor)
    assert [one["remaining"] for one in lots] == [5, 50]


async def test_a_debt_goes_over_too(loyalty: Loyalty, driver: str) -> None:
    survivor = str(new_id())
    order = paid(driver)
    await take(loyalty, [order])
    await spend(loyalty, driver, 100, "gift")
    await take(loyalty, [refunded(order, 10_000)])
    await give(loyalty, survivor, 130, days=9)
    await merge(loyalty, driver, survivor)
    assert (await balance(loyalty, driver), await balance(loyalty, survivor)) == (0, 30)


async def test_the_books_refuse_change_and_what_does_not_balance(loyalty: Loyalty, driver: str) -> None:
    await give(loyalty, driver, 10, days=9)
    for statement in (
        "UPDATE postings SET points = 1", "DELETE FROM transfers", "TRUNCATE postings",
        "UPDATE transfers SET balance = 0",
    ):  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await loyalty.sql(statement)
    transfer = await loyalty.sql("SELECT transfer_id FROM transfers")
    with pytest.raises(asyncpg.CheckViolationError):
        await loyalty.sql("INSERT INTO postings (transfer_id, account, points) VALUES ($1, 'issued', 5)", transfer)
    lot = await loyalty.sql("SELECT lot_id FROM lots")
    more = """INSERT INTO postings (transfer_id, account, lot_id, points)
              VALUES ($1, 'driver', $2, 5), ($1, 'issued', NULL, -5)"""
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await loyalty.sql(more, transfer, lot)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await loyalty.sql(more, new_id(), lot)


async def test_what_was_falsified_is_found_and_made_anew(loyalty: Loyalty, driver: str) -> None:
    await give(loyalty, driver, 10, days=9)
    await give(loyalty, driver, 20, days=9)
    await loyalty.sql("UPDATE members SET balance = 999, version = 9 WHERE driver_id = $1", driver)
    await loyalty.sql("UPDATE lots SET remaining = 11 WHERE remaining = 10")
    async with loyalty.store.connection() as connection:
        (wrong,) = await repository.check(connection)
    assert (wrong["driver_id"], wrong["balance"], wrong["of_lots"], wrong["of_postings"]) == (driver, 999, 31, 30)
    assert await loyalty.store.transact(repository.rebuild) == 2
    assert await loyalty.store.transact(repository.rebuild) == 0
    assert await balance(loyalty, driver) == 30
    assert await loyalty.sql("SELECT version FROM members WHERE driver_id = $1", driver) == 2


async def test_debt_is_explained_to_the_driver(loyalty: Loyalty, driver: str) -> None:
    order = paid(driver, occurred_at=datetime.now(UTC))
    await take(loyalty, [order])
    await spend(loyalty, driver, 60, "gift")
    await take(loyalty, [refunded(order, 10_000)])
    account = (await loyalty.client.get("/v1/me/points", headers=loyalty.driver(driver))).json()
    assert (account["balance"], account["spendable"], account["owed"], account["expiries"]) == (-60, 0, 60, [])
    assert "You owe 60 points" in account["explanation"]
    texts = (await loyalty.client.get("/v1/me/points/entries", headers=loyalty.driver(driver))).json()["entries"]
    assert [one["text"] for one in texts] == [
        "Taken back: the order that earned them was refunded", "Spent on a gift", "Earned by refuelling",
    ]  # fmt: skip
