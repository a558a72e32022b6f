"""What a provider is told to do wrong, it does: that and nothing else, as often as said, and the same for each seed."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from simulators.faults import FaultPlan, Faults, Moment, Operation

from . import alipay_kit, wechat_kit
from .merchant_kit import is_signed
from .wechat_kit import JSAPI, SETTINGS, assert_signed, by_number, opened


@pytest.fixture
async def world() -> AsyncIterator[wechat_kit.World]:
    async with wechat_kit.wechat_world() as world:
        yield world


def _sequence(plan: FaultPlan, fault: str) -> list[bool]:
    return [plan.strikes(fault, "query") for _ in range(200)]


def test_seed_repeats_a_run_and_one_fault_does_not_change_another() -> None:
    first = _sequence(FaultPlan(Faults(seed=7, silent=0.2)), "silent")
    assert _sequence(FaultPlan(Faults(seed=7, silent=0.2, slow=0.5)), "silent") == first
    assert _sequence(FaultPlan(Faults(seed=8, silent=0.2)), "silent") != first
    assert 20 <= sum(first) <= 60


def test_fault_strikes_only_the_operations_named_and_only_so_often() -> None:
    plan = FaultPlan(Faults(only=frozenset({"create"}), times=3, busy=1))
    assert not plan.strikes("busy", "query")
    assert [plan.strikes("busy", "create") for _ in range(5)] == [True, True, True, False, False]
    assert plan.struck == {"busy": 3}


@pytest.mark.parametrize("wrong", [{"silent": 1.1}, {"silent": -0.1}, {"sielnt": 0.1}, {"only": ["pay"]}])
def test_faults_that_nobody_knows_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Faults.model_validate(wrong)


@pytest.mark.parametrize(
    ("faults", "status", "is_done"),
    [
        ({"down": 1}, 502, False), ({"busy": 1}, 500, False), ({"busy_done": 1}, 500, True),
        ({"limited": 1}, 429, False), ({"drop": 1, "silent_seconds": 0}, 504, False),
        ({"silent": 1, "silent_seconds": 0}, 504, True), ({"slow": 1, "slow_seconds": 0}, 200, True),
    ],
)  # fmt: skip
async def test_answer_goes_wrong_and_the_request_is_done_or_not(
    world: wechat_kit.World, faults: dict[str, Any], status: int, is_done: bool
) -> None:
    await world.http.put("/control/wechat-pay/faults", json={"only": ["create"], **faults})
    answer = await world.merchant.call("POST", JSAPI, world.order())
    assert (answer.status_code, bool(world.platform.trades)) == (status, is_done)
    struck = (await world.http.get("/control/wechat-pay/faults")).json()["struck"]
    assert struck == {next(iter(faults)): 1}


async def test_silence_lasts_until_the_merchant_gives_up(world: wechat_kit.World) -> None:
    done = asyncio.Event()

    async def watch(_: Operation, moment: Moment) -> None:
        if moment == "done":
            done.set()

    world.platform.plan.replace(Faults(silent=1))
    world.platform.plan.watch = watch
    asked = asyncio.create_task(world.merchant.call("POST", JSAPI, world.order()))
    await done.wait()
    finished, _ = await asyncio.wait([asked], timeout=0.05)
    assert not finished
    asked.cancel()


@pytest.mark.parametrize("fault", ["unsigned", "forged", "probe", "skewed"])
async def test_answer_that_proves_nothing(world: wechat_kit.World, fault: str) -> None:
    number, _ = await world.create()
    world.platform.plan.replace(Faults.model_validate({fault: 1, "only": ["query"]}))
    answer = await world.merchant.call("GET", by_number(number))
    assert answer.json()["out_trade_no"] == number
    with pytest.raises((AssertionError, KeyError)):
        assert_signed(answer.headers, answer.content)
    if fault == "probe":
        assert answer.headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        ("wrong_amount", {"amount": {"total": 30_001}}), ("wrong_currency", {"amount": {"currency": "USD"}}),
        ("wrong_app", {"appid": "wxffffffffffffffff"}), ("wrong_merchant", {"mchid": "1999999999"}),
    ],
)  # fmt: skip
async def test_lies_are_rightly_signed_and_change_no_truth(
    world: wechat_kit.World, fault: str, where: dict[str, Any]
) -> None:
    world.platform.plan.replace(Faults.model_validate({fault: 1}))
    number = await world.paid()
    (body,) = await world.heard.wait_for(1)
    assert_signed(world.heard.headers[0], body)
    for told in (json.loads(opened(json.loads(body)["resource"])), await world.query(number)):
        for name, value in where.items():
            assert (told[name] if isinstance(value, str) else told[name] | value) == (
                value if isinstance(value, str) else told[name]
            )
    (truth,) = (await world.http.get("/control/wechat-pay/trades")).json()
    assert (truth["total"], truth["currency"]) == (30_000, "CNY")


async def test_notifications_are_lost_or_come_again_or_late(world: wechat_kit.World) -> None:
    world.platform.plan.replace(Faults(lost=1))
    lost = await world.paid()
    world.platform.plan.replace(Faults(duplicate=1, duplicates=3))
    await world.paid()
    again = await world.heard.wait_for(4)
    assert len({json.loads(body)["id"] for body in again}) == 1
    world.platform.plan.replace(Faults(reorder=1, times=1, reorder_seconds=0.1))
    held_back, quick = await world.paid(), await world.paid()
    bodies = await world.heard.wait_for(6)
    numbers = [json.loads(opened(json.loads(body)["resource"]))["out_trade_no"] for body in bodies]
    assert numbers[4:] == [quick, held_back]
    assert lost not in numbers


async def test_trade_is_paid_although_it_was_closed(world: wechat_kit.World) -> None:
    number, _ = await world.create()
    world.platform.plan.replace(Faults(late=1))
    path = f"/v3/pay/transactions/out-trade-no/{number}/close"
    assert (await world.merchant.call("POST", path, {"mchid": SETTINGS.merchant_id})).status_code == 204
    assert (await world.query(number))["trade_state"] == "SUCCESS"
    await world.heard.wait_for(1)


async def test_whoever_watches_sees_each_moment_of_a_request(world: wechat_kit.World) -> None:
    seen: list[tuple[Operation, Moment, int]] = []

    async def watch(operation: Operation, moment: Moment) -> None:
        seen.append((operation, moment, len(world.platform.trades)))

    world.platform.plan.watch = watch
    await world.create()
    assert seen == [("create", "received", 0), ("create", "done", 1), ("create", "answered", 1)]


@pytest.mark.parametrize("fault", ["unsigned", "forged"])
async def test_alipay_s_answer_that_proves_nothing(fault: str) -> None:
    async with alipay_kit.alipay_world() as world:
        world.platform.plan.replace(Faults.model_validate({fault: 1}))
        answer = await world.seller.call("alipay.trade.create", world.order())
        found = alipay_kit.SIGNED.fullmatch(answer.text)
        assert found is None or not is_signed(alipay_kit.PLATFORMS_PUBLIC_KEY, found[2].encode(), found[3])


@pytest.mark.parametrize(
    ("faults", "field", "value"),
    [
        ({"wrong_amount": 1}, "total_amount", "0.01"), ({"wrong_app": 1}, "app_id", "2099999999999999"),
        ({"wrong_merchant": 1}, "seller_id", "2088999999999999"),
    ],
)  # fmt: skip
async def test_alipay_lies_in_a_notification(faults: dict[str, Any], field: str, value: str) -> None:
    async with alipay_kit.alipay_world() as world:
        world.platform.plan.replace(Faults(**faults, only=frozenset({"notification"})))
        await world.paid()
        (body,) = await world.heard.wait_for(1)
        assert alipay_kit.told(body)[field] == value


async def test_controls_refuse_what_they_do_not_know(world: wechat_kit.World) -> None:
    http: httpx.AsyncClient = world.http
    assert (await http.put("/control/wechat-pay/faults", json={"sielnt": 1})).status_code == 422
    assert (await world.control("payments", out_trade_no="none")).status_code == 404
    assert (await world.control("notifications", number="none")).status_code == 404
    assert (await http.put("/control/wechat-pay/pace", json={"speed": 0})).status_code == 422
