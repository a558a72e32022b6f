"""The simulated invoices of WeChat Pay: its rules for who asks, and that it says the truth of what it issued."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from servicekit.ids import new_id

from .wechat_kit import STRANGERS_KEY, World, assert_signed, wechat_world

APPLICATIONS = "/v3/new-tax-control-fapiao/fapiao-applications"
SELLER = "1900000109"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with wechat_world() as world:
        yield world


def wish(**changes: Any) -> dict[str, Any]:
    """An application in order but for what is changed in its fapiao_information."""
    oil = {"station": "Wangjing", "trade_time": "2026-11-12T16:30:00+08:00", "gun_number": "3"}
    item = {
        "tax_code": "1" * 19, "goods_name": "95号车用汽油", "unit": "LETER", "quantity": 30 * 10**8,
        "total_amount": 30_000, "tax_rate": 1300, "discount": False, "refined_oil_information": oil,
    }  # fmt: skip
    return {
        "sub_mchid": SELLER, "fapiao_apply_id": new_id().hex,
        "buyer_information": {"type": "INDIVIDUAL", "name": "canary-name"},
        "fapiao_information": {"fapiao_id": new_id().hex, "total_amount": 30_000, "items": [item]} | changes,
    }  # fmt: skip


async def issue(world: World, asked: dict[str, Any], **how: Any) -> httpx.Response:
    return await world.merchant.call("POST", f"{APPLICATIONS}/issue-refined-oil", asked, **how)


async def state(world: World, asked: dict[str, Any]) -> Any:
    number = asked["fapiao_information"]["fapiao_id"]
    path = f"{APPLICATIONS}/{asked['fapiao_apply_id']}?sub_mchid={SELLER}&fapiao_id={number}"
    answer = await world.merchant.call("GET", path)
    assert_signed(answer.headers, answer.content)
    return answer.json()["fapiao_information"][0] if answer.status_code == 200 else answer.json()["code"]


async def test_it_is_issued_and_taken_back_once(world: World) -> None:
    asked = wish()
    assert await state(world, asked) == "RESOURCE_NOT_EXISTS"
    for _ in range(2):
        answer = await issue(world, asked)
        assert (answer.status_code, answer.content) == (202, b"")
        assert_signed(answer.headers, answer.content)
    issued = await state(world, asked)
    assert (issued["status"], issued["total_amount"]) == ("ISSUED", 30_000)
    back = {
        "sub_mchid": SELLER, "reverse_reason": "SALES_RETURN", "fapiao_information": [{
            "fapiao_id": issued["fapiao_id"], "fapiao_number": issued["blue_fapiao"]["fapiao_number"],
        }],
    }  # fmt: skip
    for _ in range(2):
        path = f"{APPLICATIONS}/{asked['fapiao_apply_id']}/reverse"
        assert (await world.merchant.call("POST", path, back)).status_code == 202
    taken_back = await state(world, asked)
    assert taken_back["status"] == "REVERSED"
    assert taken_back["red_fapiao"]["fapiao_number"] != issued["blue_fapiao"]["fapiao_number"]
    assert len((await world.http.get("/control/wechat-pay/fapiao")).json()) == 1


@pytest.mark.parametrize("changes", [{"total_amount": 29_999}, {"items": []}, {"fapiao_id": "x" * 33}])
async def test_what_does_not_add_up_is_refused(world: World, changes: dict[str, Any]) -> None:
    answer = await issue(world, wish(**changes))
    assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR")


async def test_a_payment_that_never_was_gets_no_invoice(world: World) -> None:
    number = await world.paid()
    trade = world.platform.trade(number)
    real = {
        "pay_channel": "WECHAT_PAY", "transaction_id": trade.transaction_id, "out_trade_no": number, "amount": 30_000
    }  # fmt: skip
    assert (await issue(world, wish(transaction_information=[real]))).status_code == 202
    for wrong in ({"amount": 1}, {"out_trade_no": "another"}, {"transaction_id": "4200"}):
        answer = await issue(world, wish(transaction_information=[real | wrong]))
        assert answer.status_code >= 400, wrong


async def test_a_failed_application_has_five_tries(world: World) -> None:
    await world.http.put("/control/wechat-pay/fapiao", json={"fail_next": 5})
    asked = wish()
    for _ in range(5):
        asked["fapiao_information"]["fapiao_id"] = new_id().hex
        assert (await issue(world, asked)).status_code == 202
        assert (await state(world, asked))["status"] == "ISSUE_FAILED"
    asked["fapiao_information"]["fapiao_id"] = new_id().hex
    assert (await issue(world, asked)).json()["code"] == "INVALID_REQUEST"


async def test_strangers_and_open_addresses_are_refused(world: World) -> None:
    assert (await issue(world, wish(), key=STRANGERS_KEY)).status_code == 401
    asked = wish()
    asked["buyer_information"]["email"] = "a@canary-forecourt.example"
    assert (await issue(world, asked)).json()["code"] == "PARAM_ERROR"
    asked["buyer_information"] = {"type": "ORGANIZATION", "name": "canary-name"}
    assert (await issue(world, asked)).json()["code"] == "PARAM_ERROR"
