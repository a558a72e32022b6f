"""Alipay's trades, simulated: whose requests it takes, its rules, its signed answers, notifications and bills."""

import io
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from servicekit.testkit import eventually
from simulators.alipay_pay_models import fen_of, yuan_of
from simulators.faults import Faults

from .alipay_kit import APP, SELLER, STRANGERS_KEY, World, alipay_world, told


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with alipay_world() as world:
        yield world


async def test_trade_goes_from_created_to_paid_and_its_notification_is_signed(world: World) -> None:
    created = await world.ask("create", **world.order())
    number = created["out_trade_no"]
    assert (await world.ask("query", out_trade_no=number))["trade_status"] == "WAIT_BUYER_PAY"
    assert (await world.pay(out_trade_no=number, decline=True)).json()["state"] == "WAIT_BUYER_PAY"
    assert (await world.pay(out_trade_no=number)).json()["paid"] == 30_000
    (body,) = await world.heard.wait_for(1)
    form = told(body)
    assert (form["app_id"], form["seller_id"], form["out_trade_no"]) == (APP, SELLER, number)
    assert (form["trade_status"], form["total_amount"], form["subject"]) == ("TRADE_SUCCESS", "300.00", "加油 95号")
    found = await world.ask("query", trade_no=created["trade_no"])
    assert (found["trade_status"], found["send_pay_date"]) == ("TRADE_SUCCESS", form["gmt_payment"])
    assert (await world.pay(out_trade_no=number)).json()["code"] == "ACQ.TRADE_HAS_SUCCESS"


async def test_request_in_the_address_is_taken_too(world: World) -> None:
    answer = await world.seller.call("alipay.trade.query", {"out_trade_no": "none"}, by_query=True)
    assert answer.json()["alipay_trade_query_response"]["sub_code"] == "ACQ.TRADE_NOT_EXIST"


@pytest.mark.parametrize(
    ("how", "sub_code"),
    [
        ({"key": STRANGERS_KEY}, "isv.invalid-signature"),
        ({"notify_url": "http://evil.example"}, "isv.invalid-signature"),
        ({"app_id": "2021000000000001"}, "isv.invalid-app-id"),
        ({"sign": ""}, "isv.missing-signature"),
    ],
)
async def test_request_that_proves_nothing_is_refused(world: World, how: dict[str, Any], sub_code: str) -> None:
    answer = await world.seller.call("alipay.trade.create", world.order(), **how)
    assert answer.json()["alipay_trade_create_response"]["sub_code"] == sub_code
    assert not world.platform.trades


@pytest.mark.parametrize(
    "changes",
    [
        {"total_amount": "0.00"}, {"total_amount": "1.001"}, {"total_amount": 300}, {"total_amount": "-1.00"},
        {"out_trade_no": "with space"}, {"product_code": "FACE_TO_FACE_PAYMENT"}, {"subject": "a/b"},
        {"op_app_id": "2021000000000001"}, {"seller_id": "2088000000000001"}, {"buyer_open_id": ""},
        {"time_expire": "2020-01-01 00:00:00"}, {"time_expire": "soon"},
    ],
)  # fmt: skip
async def test_order_that_is_not_in_order_is_refused(world: World, changes: dict[str, Any]) -> None:
    answer = await world.ask("create", **world.order(**changes))
    assert (answer["code"], answer["sub_code"]) == ("40004", "ACQ.INVALID_PARAMETER")


async def test_number_is_good_for_one_charge(world: World) -> None:
    order = world.order()
    first = await world.ask("create", **order)
    assert await world.ask("create", **order) == first
    assert (await world.ask("create", **order | {"total_amount": "1.00"}))["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"
    await world.pay(trade_no=first["trade_no"])
    assert (await world.ask("create", **order))["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"


async def test_closed_trade_cannot_be_paid_unless_it_is_late(world: World) -> None:
    number = (await world.ask("create", **world.order()))["out_trade_no"]
    assert (await world.ask("close", out_trade_no=number))["code"] == "10000"
    assert (await world.ask("close", out_trade_no=number))["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    assert (await world.pay(out_trade_no=number)).json()["code"] == "ACQ.TRADE_HAS_CLOSE"
    assert (await world.pay(out_trade_no=number, late=True)).status_code == 200
    assert (await world.ask("query", out_trade_no=number))["trade_status"] == "TRADE_SUCCESS"


async def test_trade_closes_by_itself_when_its_time_is_over(world: World) -> None:
    number = (await world.ask("create", **world.order()))["out_trade_no"]
    world.platform.clock_skew = timedelta(minutes=16)
    found = await world.ask("query", out_trade_no=number)
    assert found["trade_status"] == "TRADE_CLOSED"
    assert "send_pay_date" not in found


async def test_refunds_are_done_once_each_and_never_exceed_the_trade(world: World) -> None:
    number = await world.paid()
    part = {"out_trade_no": number, "refund_amount": "100.00", "out_request_no": "r1"}
    assert [(await world.ask("refund", **part))["fund_change"] for _ in range(2)] == ["Y", "N"]
    other = await world.ask("refund", **part | {"refund_amount": "99.99"})
    assert other["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    too_much = {"out_trade_no": number, "refund_amount": "200.01", "out_request_no": "r2"}
    assert (await world.ask("refund", **too_much))["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert (await world.ask("query", out_trade_no=number))["trade_status"] == "TRADE_SUCCESS"
    rest = await world.ask("refund", **too_much | {"refund_amount": "200.00"})
    assert (rest["fund_change"], rest["refund_fee"]) == ("Y", "300.00")
    assert (await world.ask("query", out_trade_no=number))["trade_status"] == "TRADE_CLOSED"
    found = await world.ask("fastpay.refund.query", out_trade_no=number, out_request_no="r1")
    assert (found["refund_status"], found["refund_amount"]) == ("REFUND_SUCCESS", "100.00")
    none = await world.ask("fastpay.refund.query", out_trade_no=number, out_request_no="r3")
    assert none == {"code": "10000", "msg": "Success"}
    forms = [told(body) for body in await world.heard.wait_for(3)]
    assert [(form.get("out_biz_no"), form.get("refund_fee")) for form in forms[1:]] == [
        ("r1", "100.00"),
        ("r2", "300.00"),
    ]


async def test_finished_trade_and_poor_seller_refund_nothing(world: World) -> None:
    number = await world.paid()
    request = {"out_trade_no": number, "refund_amount": "1.00", "out_request_no": "r1"}
    world.platform.plan.replace(Faults(refuse_refund=1))
    assert (await world.ask("refund", **request))["sub_code"] == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    world.platform.plan.replace(Faults())
    assert (await world.http.post(f"/control/alipay-pay/trades/{number}/finish")).status_code == 200
    assert (await world.ask("refund", **request))["sub_code"] == "ACQ.TRADE_HAS_FINISHED"
    unpaid = (await world.ask("create", **world.order()))["out_trade_no"]
    assert (await world.ask("refund", **request | {"out_trade_no": unpaid}))["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


async def test_notification_is_sent_until_the_seller_says_success(world: World) -> None:
    world.heard.answers = [(200, "failure"), (500, "success"), (200, "Success"), (200, "success")]
    number = await world.paid()
    bodies = await world.heard.wait_for(4)
    assert len({told(body)["notify_id"] for body in bodies}) == 1

    async def ended() -> bool:
        return world.platform.notifier.waiting == 0

    await eventually(ended)
    (sent,) = (await world.http.get("/control/alipay-pay/notifications", params={"number": number})).json()
    assert (sent["statuses"], sent["accepted"]) == ([200, 500, 200, 200], True)


async def test_bill_holds_what_was_paid_and_given_back(world: World) -> None:
    number = await world.paid(subject="加油 95号 油站")
    await world.ask("refund", out_trade_no=number, refund_amount="123.45", out_request_no="r1")
    day = (datetime.now(UTC) + timedelta(hours=8)).date().isoformat()
    method, content = "alipay.data.dataservice.bill.downloadurl.query", {"bill_type": "trade", "bill_date": day}
    answer = await world.seller.call(method, content)
    place = urlsplit(answer.json()["alipay_data_dataservice_bill_downloadurl_query_response"]["bill_download_url"])
    file = await world.http.get(f"{place.path}?{place.query}")
    with zipfile.ZipFile(io.BytesIO(file.content), metadata_encoding="gbk") as archive:
        details, sums = archive.namelist()
        lines = archive.read(details).decode("gbk").splitlines()
        foot = archive.read(sums).decode("gbk")
    assert (details.endswith("_业务明细.csv"), sums.endswith("_业务明细(汇总).csv")) == (True, True)
    rows = [line.split(",") for line in lines if not line.startswith("#")]
    assert [len(row) for row in rows] == [25, 25, 25]
    payment, refund = (dict(zip(rows[0], (value.rstrip("\t") for value in row), strict=True)) for row in rows[1:])
    amount = "订单金额\uff08元\uff09"
    assert (payment["业务类型"], payment["商户订单号"], payment[amount]) == ("交易", number, "300.00")
    assert (refund["业务类型"], refund["退款批次号/请求号"], refund[amount]) == ("退款", "r1", "-123.45")
    assert "共-123.45元" in foot
    none = await world.seller.call(method, content | {"bill_date": "2020-01-01"})
    assert "isp.bill_not_exist" in none.text
    assert (await world.http.get(f"{place.path}?token=other")).status_code == 403


@pytest.mark.parametrize("fen", [1, 10, 99, 100, 101, 12_345, 99_999_999_999])
def test_yuan_and_fen_are_the_same_amount(fen: int) -> None:
    assert fen_of(yuan_of(fen)) == fen
