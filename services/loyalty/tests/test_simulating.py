"""Simulating a campaign over HTTP, on orders as they lie in the database."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec

from loyalty.use_cases import simulating
from servicekit.ids import new_id

from .conftest import OPERATOR, Loyalty

PER_LITRE = {"kind": "per_litre", "mills": 300}


async def paid(loyalty: Loyalty, station_id: UUID, *, days_ago: int = 1, **fields: Any) -> UUID:
    """A paid order, as its events left it."""
    order_id = new_id()
    standard: dict[str, Any] = {
        "order_id": order_id, "driver_id": str(new_id()), "station_id": station_id, "operator": OPERATOR,
        "fuel": "petrol_95", "mode": "post_pay", "price_mills": 7_850, "currency": "CNY",
        "paid_at": datetime.now(UTC) - timedelta(days=days_ago), "volume_ml": 40_000, "gross_minor": 31_400,
        "paid_minor": 31_400, "method": "wechat", "tier": "member", "points_due": 314, "breakdown": "[]",
    }  # fmt: skip
    row = standard | fields
    marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await loyalty.sql(f"INSERT INTO purchases ({', '.join(row)}) VALUES ({marks})", *row.values())  # noqa: S608
    return order_id


async def draft(loyalty: Loyalty, staff: dict[str, str], **terms: Any) -> dict[str, Any]:
    body = {
        "operator": OPERATOR, "name": "Cheaper", "benefit": PER_LITRE, "currency": "CNY",
        "starts_at": "2030-01-01T00:00:00Z",
    } | terms  # fmt: skip
    reply = await loyalty.client.post("/v1/campaigns", json=body, headers={**staff, "Idempotency-Key": str(new_id())})
    assert reply.status_code == 201, reply.text
    return reply.json()


async def simulate(loyalty: Loyalty, staff: dict[str, str], campaign: dict[str, Any], **span: str) -> httpx.Response:
    return await loyalty.client.post(f"/v1/campaigns/{campaign['campaign_id']}/simulate", json=span, headers=staff)


async def test_a_draft_is_tried_on_past_orders_and_may_be_published(loyalty: Loyalty) -> None:
    staff, station_id = loyalty.staff("campaigns:write"), await loyalty.station()
    driver = str(new_id())
    for days_ago in (1, 2, 40):
        await paid(loyalty, station_id, days_ago=days_ago, driver_id=driver)
    await paid(loyalty, station_id, days_ago=3, fuel="diesel_b0")
    await paid(loyalty, station_id, days_ago=3, refunded_minor=31_400)
    part = {"kind": "coupon", "reference": "c", "reason": "r", "amount_minor": 2_000, "points": None}
    points = {"kind": "points", "reference": None, "reason": "p", "amount_minor": 400, "points": 400}
    await paid(
        loyalty, station_id, days_ago=4, tier="gold", breakdown=msgspec.json.encode([part, points]).decode(),
        paid_minor=29_000,
    )  # fmt: skip
    campaign = await draft(loyalty, staff, scope={"fuels": ["petrol_95"]}, budget_minor=3_000)
    reply = await simulate(loyalty, staff, campaign)
    assert reply.status_code == 200, reply.text
    found = reply.json()
    assert (found["orders"], found["orders_reached"], found["drivers_reached"]) == (4, 3, 2)
    assert (found["cost_minor"], found["more_off_minor"], found["used_up_at"] is not None) == (3_000, 3_000, True)
    assert found["unreached"] == {"grade": 1}
    assert [(one["key"], one["cost_minor"]) for one in found["by_tier"]] == [("member", 1_800), ("gold", 1_200)]
    assert (found["new_drivers"], found["gainers"]["drivers"]) == (1, 2)
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    again = await loyalty.client.get(f"{path}/simulation", headers=staff)
    assert again.json() == found
    plan = await loyalty.client.get(f"/v1/campaign-plans/{campaign['campaign_id']}", headers=staff)
    assert (plan.json()["status"], plan.json()["simulated_version"]) == ("simulated", campaign["version"])


async def test_a_longer_time_and_what_is_refused(loyalty: Loyalty) -> None:
    staff, station_id = loyalty.staff("campaigns:write"), await loyalty.station()
    await paid(loyalty, station_id, days_ago=40)
    campaign = await draft(loyalty, staff)
    from_at = (datetime.now(UTC) - timedelta(days=50)).isoformat()
    assert (await simulate(loyalty, staff, campaign, **{"from": from_at})).json()["orders_reached"] == 1
    assert (await simulate(loyalty, staff, campaign)).json()["orders"] == 0
    wrong = ({"from": "2020-01-01T00:00:00Z"}, {"from": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"})
    for span in wrong:
        assert (await simulate(loyalty, staff, campaign, **span)).status_code == 422
    assert (await simulate(loyalty, staff, campaign, since="2026-01-01T00:00:00Z")).status_code == 422
    foreign = loyalty.staff("campaigns:write", operators=["other"], grants=[])
    assert (await simulate(loyalty, foreign, campaign)).status_code == 404
    unknown = await draft(loyalty, staff)
    reply = await loyalty.client.get(f"/v1/campaigns/{unknown['campaign_id']}/simulation", headers=staff)
    assert (reply.status_code, reply.json()["type"].rpartition(":")[2]) == (404, "not-simulated")


async def test_staff_of_one_station_learn_of_their_own_orders_only(loyalty: Loyalty) -> None:
    own, other = await loyalty.station(), await loyalty.station()
    await paid(loyalty, own)
    await paid(loyalty, other)
    grants = [{"role": "manager", "operators": [], "stations": [str(own)]}]
    staff = loyalty.staff("campaigns:write", operators=[], grants=grants)
    campaign = await draft(loyalty, staff, scope={"station_ids": [str(own)]})
    found = (await simulate(loyalty, staff, campaign)).json()
    assert (found["orders"], found["orders_left_out"], found["cost_minor"]) == (1, 0, 1_200)


async def test_so_many_simulate_at_once_and_others_are_told_to_come_again(loyalty: Loyalty) -> None:
    staff = loyalty.staff("campaigns:write")
    campaign = await draft(loyalty, staff)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(loyalty.process.simulations.take())
        waiting = [asyncio.create_task(simulate(loyalty, staff, campaign)) for _ in range(5)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = [task.result() for task in done]
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    replies = await asyncio.gather(*waiting)
    assert sorted(one.status_code for one in replies) == [200] * 4 + [503]


async def test_others_are_served_while_many_orders_are_tried() -> None:
    turns, tried = 0, 0

    class Slow:
        def take(self, _: int) -> None:
            nonlocal tried
            tried += 1

    async def other() -> None:
        nonlocal turns
        while tried < 1_000:
            turns += 1
            await asyncio.sleep(0)

    await asyncio.gather(simulating._try(Slow(), range(1_000)), other())  # pyright: ignore[reportArgumentType, reportPrivateUsage]
    assert turns >= 1_000 // simulating.IN_A_ROW - 1
