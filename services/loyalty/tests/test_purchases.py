"""Orders' events as they come over Kafka, and what their driver sees of it."""

from datetime import UTC, datetime

from schemas.events import OrderCancelledV1
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .conftest import Loyalty
from .purchase_kit import balance, paid, refunded


async def test_a_paid_order_shows_in_the_app_and_a_refund_takes_its_share(loyalty: Loyalty) -> None:
    driver = str(new_id())
    order = paid(driver, 23_100, occurred_at=datetime.now(UTC))
    await loyalty.kafka.publish(order)
    await loyalty.kafka.publish(order)
    await eventually(lambda: balance(loyalty, driver))
    await loyalty.kafka.publish(refunded(order, 11_550))

    async def taken_back() -> bool:
        return await balance(loyalty, driver) == 115

    await eventually(taken_back)
    account = (await loyalty.client.get("/v1/me/points", headers=loyalty.driver(driver))).json()
    assert (account["balance"], account["spendable"], account["held"], account["owed"]) == (115, 115, 0, 0)
    assert {"currency": "EUR", "points_per_minor": 8, "amount_minor": 14} in account["worth"]
    assert [one["points"] for one in account["expiries"]] == [115]
    assert account["explanation"] is None
    page = (await loyalty.client.get("/v1/me/points/entries?limit=1", headers=loyalty.driver(driver))).json()
    assert [(one["kind"], one["points"], one["balance"]) for one in page["entries"]] == [("reversed", -116, 115)]
    more = await loyalty.client.get(
        f"/v1/me/points/entries?cursor={page['next_cursor']}", headers=loyalty.driver(driver)
    )
    (entry,) = more.json()["entries"]
    assert (entry["kind"], entry["points"], entry["order_id"]) == ("accrued", 231, str(order.order_id))
    assert more.json()["next_cursor"] is None


async def test_a_driver_sees_no_points_but_the_own(loyalty: Loyalty) -> None:
    account = (await loyalty.client.get("/v1/me/points", headers=loyalty.driver())).json()
    assert (account["balance"], account["expiries"]) == (0, [])
    assert (await loyalty.client.get("/v1/me/points/entries", headers=loyalty.driver())).json()["entries"] == []
    refused = await loyalty.client.get("/v1/me/points/entries?cursor=x!", headers=loyalty.driver())
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:forecourt:problem:bad-cursor")
    assert (await loyalty.client.get("/v1/me/points", headers=loyalty.machine())).status_code == 403


async def test_a_cancelled_order_of_nobody_we_know_is_taken(loyalty: Loyalty) -> None:
    order = paid(str(new_id()))
    await loyalty.kafka.publish(OrderCancelledV1(
        **{name: getattr(order, name) for name in (
            "order_id", "driver_id", "station_id", "operator", "pump_id", "fuel", "mode", "price_mills", "currency",
            "occurred_at",
        )},
        version=2, how="expired", reason="not_paid", reservation_id=new_id(),
    ))  # fmt: skip

    async def seen() -> bool:
        return await loyalty.sql("SELECT count(*) FROM inbox") > 0

    await eventually(seen)
    assert await loyalty.sql("SELECT count(*) FROM dead_letters") == 0
