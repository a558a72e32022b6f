"""Orders that are paid before fuelling: they count by what was dispensed, whatever order their events come in."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from loyalty.domain.purchases import purchase_when_completed
from loyalty.use_cases.purchases import take_orders
from schemas.events import OrderCompletedV1, OrderPaidV1, OrderRefundedV1
from servicekit.consumer import Received
from servicekit.ids import new_id
from servicekit.postgres import Connection

from .conftest import Loyalty, any_message
from .purchase_kit import NOW, balance, paid, purchase, refunded
from .reward_kit import DRIVER, coupon_campaign, coupons_of, rewarded

SAID_OF_FUEL = ("order_id", "driver_id", "station_id", "operator", "pump_id", "fuel", "mode", "price_mills", "currency",
                "paid_minor")  # fmt: skip


def prepaid(driver_id: str, **fields: Any) -> OrderPaidV1:
    """200.00 paid before fuelling."""
    return paid(driver_id, 20_000, **{"mode": "prepaid", "volume_ml": 0} | fields)


def completed(order: OrderPaidV1, volume_ml: int | None, used_minor: int | None, **fields: Any) -> OrderCompletedV1:
    """That the pump gave so much for it."""
    told = {name: getattr(order, name) for name in SAID_OF_FUEL} | {
        "version": 5, "occurred_at": NOW, "volume_ml": volume_ml, "used_minor": used_minor, "method": order.method,
    }  # fmt: skip
    return OrderCompletedV1.model_validate(told | fields)


async def tell(loyalty: Loyalty, *events: OrderPaidV1 | OrderCompletedV1 | OrderRefundedV1) -> None:
    """Takes events one after the other."""
    await loyalty.process.earning.read()
    await loyalty.process.campaigns.read()
    for event in events:

        async def take(tx: Connection, event: Any = event) -> None:
            await take_orders(loyalty.process, tx, [Received(event, any_message())])

        await loyalty.store.transact(take)


async def counted(loyalty: Loyalty, driver_id: str) -> int:
    """How much fuel counts for a driver's tier."""
    return await loyalty.sql("SELECT coalesce(sum(volume_ml), 0)::bigint FROM member_months WHERE driver_id = $1",
                             driver_id)  # fmt: skip


@pytest.fixture
def driver() -> str:
    return str(new_id())


async def test_a_prepaid_order_earns_nothing_before_the_pump_has_given_fuel(loyalty: Loyalty, driver: str) -> None:
    order = prepaid(driver)
    await tell(loyalty, order)
    assert (await balance(loyalty, driver), await counted(loyalty, driver)) == (0, 0)
    assert await loyalty.rows("SELECT * FROM purchases") == []
    await tell(loyalty, refunded(order, 20_000))
    assert await balance(loyalty, driver) == 0


async def test_all_that_was_paid_counts_where_the_pump_gave_all_of_it(loyalty: Loyalty, driver: str) -> None:
    order = prepaid(driver)
    await tell(loyalty, order, completed(order, 25_478, 20_000))
    assert (await balance(loyalty, driver), await counted(loyalty, driver)) == (200, 25_478)
    row = await purchase(loyalty, order.order_id)
    assert (row["mode"], row["volume_ml"], row["method"], row["paid_at"]) == ("prepaid", 25_478, "wechat", NOW)


async def test_what_was_not_dispensed_earns_nothing_in_whatever_order_that_is_told(loyalty: Loyalty) -> None:
    """Of 200.00 the pump gave 10 litres for 78.50; later half of that is refunded."""
    for order_of_events in permutations(range(4)):
        driver = str(new_id())
        order = prepaid(driver)
        events = [order, completed(order, 10_000, 7_850), refunded(order, 12_150), refunded(order, 12_150 + 3_925)]
        shuffled = [events[index] for index in order_of_events]
        await tell(loyalty, *shuffled, *shuffled)
        found = (await balance(loyalty, driver), await counted(loyalty, driver))
        assert found == (39, 5_000), order_of_events


async def test_the_rest_that_goes_back_takes_no_points_with_it(loyalty: Loyalty, driver: str) -> None:
    order = prepaid(driver)
    await tell(loyalty, order, completed(order, 10_000, 7_850))
    assert (await balance(loyalty, driver), await counted(loyalty, driver)) == (78, 10_000)
    await tell(loyalty, refunded(order, 12_150))
    assert (await balance(loyalty, driver), await counted(loyalty, driver)) == (78, 10_000)
    assert await loyalty.sql("SELECT count(*) FROM transfers") == 1
    await tell(loyalty, refunded(order, 20_000))
    assert (await balance(loyalty, driver), await counted(loyalty, driver)) == (0, 0)


async def test_a_prepaid_order_is_rewarded_by_what_was_dispensed(loyalty: Loyalty) -> None:
    station = await loyalty.station()
    await coupon_campaign(loyalty, "first_fill", scope={"minimum_volume_ml": 10_000})
    little, much = (prepaid(DRIVER, station_id=station) for _ in range(2))
    later = NOW + timedelta(seconds=1)
    await tell(loyalty, little, much, completed(little, 0, 0, occurred_at=NOW - timedelta(hours=1)))
    await rewarded(loyalty)
    assert await coupons_of(loyalty) == 0
    await tell(loyalty, refunded(little, 20_000), completed(much, 10_000, 7_850, occurred_at=later))
    await rewarded(loyalty)
    assert await coupons_of(loyalty) == 1


def told() -> Sequence[tuple[OrderCompletedV1, bool]]:
    order = prepaid("d")
    return [
        (completed(order, 1, 1), True),
        (completed(order, 0, 0), False),
        (completed(order, 10_000, 7_850, mode="post_pay"), False),
        (completed(order, 10_000, 7_850, mode="pre_auth"), False),
        (completed(order, None, 7_850), False),
    ]


def test_only_completed_prepaid_orders_with_fuel_are_purchases_then() -> None:
    for event, is_purchase in told():
        assert (purchase_when_completed(event) is not None) is is_purchase, event
    found = purchase_when_completed(completed(prepaid("d"), 10_000, None, method=None))
    assert found is not None
    assert (found.gross_minor, found.paid_minor, found.method, found.breakdown) == (20_000, 20_000, "none", [])
