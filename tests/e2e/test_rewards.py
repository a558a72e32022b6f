"""Loyalty as a driver and a manager meet it: through the gateway, with real payments, and while it is away."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from feeds.platform import PlatformError
from forecourt.demo_loyalty import show_a_campaign, show_rewards
from forecourt.demo_payments import Fuelling, fuelling_in_beijing
from forecourt.demo_people import Cast, people_of
from forecourt.fuel_stops import OPERATOR
from forecourt.sign_in import SignIns
from local_stack.config import Config
from servicekit.ids import new_id
from servicekit.testkit import eventually

from ..platform_kit import forecourt, kill

PAID = {"paid", "completed"}


@pytest.fixture(scope="module")
async def cast(platform: Config) -> AsyncIterator[Cast]:
    async with people_of(platform, [OPERATOR]) as cast:
        yield cast


@pytest.fixture(scope="module")
async def fuelling(platform: Config, cast: Cast) -> AsyncIterator[Fuelling]:
    """The driver at a station in Beijing, known to WeChat Pay and Alipay."""
    async with aiohttp.ClientSession(platform.gateway_url) as http, fuelling_in_beijing(platform, cast) as fuelling:
        await fuelling.bind_payers(SignIns(platform, http))
        yield fuelling


async def fuelled(fuelling: Fuelling, amount_minor: int) -> dict[str, Any]:
    """An order whose fuel is in the tank."""
    order = await fuelling.scan("3", mode="post_pay", amount_minor=amount_minor)
    return await fuelling.seen(order, lambda seen: seen["status"] == "confirmed")


async def test_points_come_a_campaign_is_seen_and_a_coupon_points_and_a_gift_are_used(
    platform: Config, cast: Cast, fuelling: Fuelling
) -> None:
    await fuelling.pay(await fuelled(fuelling, 50_000), "wechat")
    offered = await show_a_campaign(cast)
    await show_rewards(cast, fuelling, offered)
    account = await cast.driver.get("/v1/me/points")
    entries = (await cast.driver.get("/v1/me/points/entries"))["entries"]
    assert account["balance"] == account["spendable"] == sum(entry["points"] for entry in entries) > 0
    assert {entry["kind"] for entry in entries} == {"accrued", "redeemed"}
    [coupon] = (await cast.driver.get("/v1/me/coupons"))["coupons"]
    assert (coupon["status"], coupon["amount_minor"]) == ("redeemed", 1_000)
    [gift] = (await cast.driver.get("/v1/gift-orders"))["gift_orders"]
    assert gift["status"] == "picked_up"
    assert forecourt(platform, "points", "check").returncode == 0


async def test_one_trace_runs_from_a_payment_to_its_points(platform: Config, cast: Cast, fuelling: Fuelling) -> None:
    order, trace_id = await fuelled(fuelling, 20_000), new_id().hex
    card_id = await fuelling.open_card()
    headers = {
        "Authorization": f"Bearer {await cast.driver.token()}", "traceparent": f"00-{trace_id}-{'1' * 16}-01",
        "Idempotency-Key": str(new_id()),
    }  # fmt: skip
    async with aiohttp.ClientSession(platform.gateway_url) as http:
        body = {"method": "fuel_card", "card_id": card_id}
        async with http.post(f"/v1/orders/{order['order_id']}/pay", json=body, headers=headers) as reply:
            assert reply.status == 200, await reply.text()

    async def services() -> bool:
        files = (platform.data / "traces").glob("*.jsonl")
        return {file.stem for file in files if trace_id in file.read_text()} >= {"gateway", "payments", "loyalty"}

    assert await eventually(services)
    seen = await fuelling.seen(order, lambda seen: seen["status"] in PAID)
    assert seen["breakdown"][0]["kind"] == "campaign"

    async def has_points() -> bool:
        entries = (await cast.driver.get("/v1/me/points/entries"))["entries"]
        return any(entry["order_id"] == order["order_id"] for entry in entries)

    assert await eventually(has_points)


async def test_with_loyalty_away_a_driver_is_asked_and_may_pay_in_full(
    platform: Config, cast: Cast, fuelling: Fuelling
) -> None:
    order = await fuelled(fuelling, 10_000)
    kill(platform, "loyalty")
    try:
        with pytest.raises(PlatformError) as refused:
            await fuelling.pay(order, "wechat")
        assert refused.value.kind == "loyalty-away"
        assert "without_discounts" in str(refused.value)
        paid = await fuelling.pay(order, "wechat", without_discounts=True)
        assert (paid["paid_minor"], paid["breakdown"]) == (paid["gross_minor"], [])
    finally:
        forecourt(platform, "up")

    async def has_points() -> bool:
        entries = (await cast.driver.get("/v1/me/points/entries"))["entries"]
        return any(entry["order_id"] == order["order_id"] for entry in entries)

    assert await eventually(has_points), "what was paid meanwhile earns points as soon as loyalty is there again"


async def test_a_topic_played_again_changes_nothing(platform: Config, fuelling: Fuelling) -> None:
    result = forecourt(platform, "replay-topic", "payments.orders", "--into", "loyalty", check=False)
    assert result.returncode == 0, result.stdout
    assert "0 balances changed" in result.stdout
