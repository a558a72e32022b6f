"""The simulated WeChat Pay: whose requests it takes, its rules for trades and refunds, and what it tells by itself."""

import gzip
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate

from servicekit.testkit import eventually
from simulators.faults import Faults
from simulators.wechat_pay import RETRY_SECONDS

from .wechat_kit import (
    JSAPI,
    KEY_ID,
    REFUNDS,
    SETTINGS,
    STRANGERS_KEY,
    World,
    assert_signed,
    by_number,
    opened,
    wechat_world,
)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with wechat_world() as world:
        yield world


async def test_trade_goes_from_prepay_to_paid_and_its_notification_is_sealed_and_signed(world: World) -> None:
    number, prepay_id = await world.create(description="加油 95号")
    answer = await world.merchant.call("GET", by_number(number))
    assert_signed(answer.headers, answer.content)
    assert answer.headers["Wechatpay-Serial"] == KEY_ID
    assert (answer.json()["trade_state"], answer.json()["amount"]["total"]) == ("NOTPAY", 30_000)
    assert (await world.control("payments", prepay_id=prepay_id)).json()["paid"] == 30_000
    (body,) = await world.heard.wait_for(1)
    assert_signed(world.heard.headers[0], body)
    message = json.loads(body)
    assert message["event_type"] == "TRANSACTION.SUCCESS"
    told = json.loads(opened(message["resource"]))
    assert told == await world.query(number)
    assert (told["trade_state"], told["out_trade_no"], told["amount"]["payer_total"]) == ("SUCCESS", number, 30_000)
    by_id = await world.merchant.call(
        "GET", f"/v3/pay/transactions/id/{told['transaction_id']}?mchid={SETTINGS.merchant_id}"
    )
    assert by_id.json() == told


@pytest.mark.parametrize(
    "how",
    [
        {"key": STRANGERS_KEY}, {"age_seconds": 310}, {"age_seconds": -310}, {"serial": "5157F09F"},
        {"sent": b'{"mchid": "1900000001"}'},
    ],
)  # fmt: skip
async def test_request_that_proves_nothing_is_refused_unsigned(world: World, how: dict[str, Any]) -> None:
    answer = await world.merchant.call("POST", JSAPI, world.order(), **how)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
    assert "Wechatpay-Signature" not in answer.headers
    assert not world.platform.trades
    assert (await world.http.post(JSAPI, json=world.order())).status_code == 401


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"appid": "wxffffffffffffffff"}, (400, "APPID_MCHID_NOT_MATCH")),
        ({"mchid": "1900000002"}, (400, "APPID_MCHID_NOT_MATCH")),
        ({"out_trade_no": "12345"}, (400, "PARAM_ERROR")),
        ({"out_trade_no": "with space"}, (400, "PARAM_ERROR")),
        ({"amount": {"total": 0, "currency": "CNY"}}, (400, "PARAM_ERROR")),
        ({"amount": {"total": 10.5, "currency": "CNY"}}, (400, "PARAM_ERROR")),
        ({"amount": {"total": "100", "currency": "CNY"}}, (400, "PARAM_ERROR")),
        ({"amount": {"total": 100, "currency": "USD"}}, (400, "PARAM_ERROR")),
        ({"payer": {}}, (400, "PARAM_ERROR")),
        ({"notify_url": "http://merchant.test/notify?a=1"}, (400, "PARAM_ERROR")),
        ({"time_expire": "2026-01-01T00:00:00+08:00"}, (400, "PARAM_ERROR")),
        ({"time_expire": "soon"}, (400, "PARAM_ERROR")),
    ],
)
async def test_order_that_is_not_in_order_is_refused(
    world: World, changes: dict[str, Any], refusal: tuple[int, str]
) -> None:
    answer = await world.merchant.call("POST", JSAPI, world.order(**changes))
    assert (answer.status_code, answer.json()["code"]) == refusal
    assert_signed(answer.headers, answer.content)


async def test_number_is_good_for_one_charge(world: World) -> None:
    order = world.order()
    first = await world.merchant.call("POST", JSAPI, order)
    assert (await world.merchant.call("POST", JSAPI, order)).json() == first.json()
    other = await world.merchant.call("POST", JSAPI, order | {"amount": {"total": 1, "currency": "CNY"}})
    assert (other.status_code, other.json()["code"]) == (403, "OUT_TRADE_NO_USED")
    payment = {"prepay_id": f"prepay_id={first.json()['prepay_id']}"}
    assert [(await world.control("payments", **payment)).status_code for _ in range(2)] == [200, 400]
    again = await world.merchant.call("POST", JSAPI, order)
    assert (again.status_code, again.json()["code"]) == (400, "ORDERPAID")


async def test_closed_trade_cannot_be_paid_unless_it_is_late(world: World) -> None:
    number, prepay_id = await world.create()
    path, merchant = f"/v3/pay/transactions/out-trade-no/{number}/close", {"mchid": SETTINGS.merchant_id}
    closed = await world.merchant.call("POST", path, merchant)
    assert (closed.status_code, closed.content) == (204, b"")
    assert_signed(closed.headers, b"")
    assert (await world.query(number))["trade_state"] == "CLOSED"
    assert (await world.control("payments", prepay_id=prepay_id)).json()["code"] == "ORDER_CLOSED"
    assert (await world.control("payments", prepay_id=prepay_id, late=True)).status_code == 200
    assert (await world.query(number))["trade_state"] == "SUCCESS"
    paid = await world.merchant.call("POST", path, merchant)
    assert (paid.status_code, paid.json()["code"]) == (400, "ORDERPAID")


async def test_expired_trade_cannot_be_paid_and_declining_changes_nothing(world: World) -> None:
    end = datetime.now(UTC) + timedelta(minutes=5)
    number, prepay_id = await world.create(time_expire=end.isoformat())
    assert (await world.control("payments", prepay_id=prepay_id, decline=True)).json()["state"] == "NOTPAY"
    world.platform.clock_skew = timedelta(minutes=6)
    assert (await world.control("payments", prepay_id=prepay_id)).json()["code"] == "ORDER_CLOSED"
    world.platform.clock_skew = timedelta()
    assert (await world.query(number))["trade_state"] == "NOTPAY"
    assert (await world.query("0" * 32))["code"] == "ORDER_NOT_EXIST"


async def test_refunds_end_later_are_told_and_never_exceed_the_trade(world: World) -> None:
    number = await world.paid()
    first = await world.refund(number, 10_000, out_refund_no="refund-1")
    assert (first.status_code, first.json()["status"]) == (200, "PROCESSING")
    again = await world.refund(number, 10_000, out_refund_no="refund-1")
    assert again.json()["refund_id"] == first.json()["refund_id"]
    assert (await world.refund(number, 9_999, out_refund_no="refund-1")).json()["code"] == "INVALID_REQUEST"
    assert (await world.refund(number, 20_001)).json()["code"] == "INVALID_REQUEST"
    assert (await world.refund(number, 1, total=1)).json()["code"] == "INVALID_REQUEST"
    assert (await world.refund("0" * 32, 1)).status_code == 404
    assert (await world.refund(number, 20_000)).status_code == 200
    bodies = await world.heard.wait_for(3)
    told = [json.loads(opened(json.loads(body)["resource"])) for body in bodies[1:]]
    assert [one["refund_status"] for one in told] == ["SUCCESS", "SUCCESS"]
    assert sum(one["amount"]["refund"] for one in told) == 30_000
    found = (await world.merchant.call("GET", f"{REFUNDS}/refund-1")).json()
    assert (found["status"], found["amount"]["refund"]) == ("SUCCESS", 10_000)
    assert (await world.query(number))["trade_state"] == "REFUND"
    assert (await world.merchant.call("GET", f"{REFUNDS}/another")).json()["code"] == "RESOURCE_NOT_EXISTS"
    (truth,) = (await world.http.get("/control/wechat-pay/trades")).json()
    assert (truth["paid"], truth["refunded"]) == (30_000, 30_000)


async def test_unpaid_trade_is_not_refunded(world: World) -> None:
    number, _ = await world.create()
    assert (await world.refund(number, 1)).json()["code"] == "INVALID_REQUEST"


async def test_refund_may_fail_for_good_or_be_refused(world: World) -> None:
    number = await world.paid()
    await world.http.put("/control/wechat-pay/faults", json={"abnormal_refund": 1})
    assert (await world.refund(number, 100, out_refund_no="r1")).status_code == 200

    async def told() -> bool:
        return (await world.merchant.call("GET", f"{REFUNDS}/r1")).json()["status"] == "ABNORMAL"

    await eventually(told)
    assert json.loads((await world.heard.wait_for(2))[1])["event_type"] == "REFUND.ABNORMAL"
    world.platform.plan.replace(Faults(refuse_refund=1))
    refused = await world.refund(number, 100)
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_ENOUGH")
    assert (await world.control("refunds/r1", status="SUCCESS")).json()["refunded"] == 100


async def test_notification_is_sent_until_it_is_accepted_by_the_published_schedule(world: World) -> None:
    world.heard.answers = [(500, ""), (404, ""), (302, ""), (204, "")]
    number = await world.paid()
    bodies = await world.heard.wait_for(4)
    assert len({json.loads(body)["id"] for body in bodies}) == 1
    assert len({headers["Wechatpay-Nonce"] for headers in world.heard.headers}) == 4

    async def ended() -> bool:
        return world.platform.notifier.waiting == 0

    await eventually(ended)
    assert len(world.heard.bodies) == 4
    (sent,) = (await world.http.get("/control/wechat-pay/notifications", params={"number": number})).json()
    assert (sent["statuses"], sent["accepted"]) == ([500, 404, 302, 204], True)
    assert sum(RETRY_SECONDS) == 24 * 3600 + 4 * 60
    assert (await world.control("notifications", number=number, times=3)).json() == {"statuses": [204] * 3}


async def test_bill_holds_what_was_paid_and_given_back_and_its_digest_is_true(world: World) -> None:
    number = await world.paid()
    await world.create()
    await world.refund(number, 12_345, out_refund_no="r1")
    day = (datetime.now(UTC) + timedelta(hours=8)).date()
    answer = await world.merchant.call("GET", f"/v3/bill/tradebill?bill_date={day}&bill_type=ALL&tar_type=GZIP")
    assert_signed(answer.headers, answer.content)
    place = urlsplit(answer.json()["download_url"])
    file = await world.merchant.call("GET", f"{place.path}?{place.query}")
    assert "Wechatpay-Signature" not in file.headers
    text = gzip.decompress(file.content)
    assert hashlib.sha1(text).hexdigest() == answer.json()["hash_value"]  # noqa: S324 - its protocol
    lines = text.decode("utf-8-sig").splitlines()
    assert len(lines) == 5
    payment, refund, totals = ([value.removeprefix("`") for value in lines[at].split(",")] for at in (1, 2, 4))
    columns = lines[0].split(",")
    assert len(columns) == len(payment) == len(refund) == 27
    named = dict(zip(columns, refund, strict=True))
    assert (named["商户订单号"], named["商户退款单号"], named["退款金额"]) == (number, "r1", "123.45")
    assert (payment[columns.index("应结订单金额")], payment[columns.index("交易状态")]) == ("300.00", "SUCCESS")
    assert totals == ["2", "300.00", "123.45", "0.00", "0.00000", "300.00", "123.45"]
    none = await world.merchant.call("GET", "/v3/bill/tradebill?bill_date=2020-01-01&bill_type=ALL&tar_type=GZIP")
    assert none.json()["code"] == "NO_STATEMENT_EXIST"
    assert (await world.http.get(f"{place.path}?{place.query}")).status_code == 401


async def test_certificates_open_with_the_merchants_key_and_sign_after_a_rotation(world: World) -> None:
    await world.http.put("/control/wechat-pay/keys", json={"prefer_certificate": True})
    answer = await world.merchant.call("GET", "/v3/certificates")
    serial = (await world.control("certificates")).json()["serial_no"]
    both = (await world.merchant.call("GET", "/v3/certificates")).json()["data"]
    assert [one["serial_no"] for one in both] == [answer.json()["data"][0]["serial_no"], serial]
    certificate = load_pem_x509_certificate(opened(both[1]["encrypt_certificate"]))
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    number, _ = await world.create()
    signed = await world.merchant.call("GET", by_number(number))
    assert signed.headers["Wechatpay-Serial"] == serial == f"{certificate.serial_number:040X}"
    assert_signed(signed.headers, signed.content, key)
    wanted = await world.merchant.call("GET", by_number(number), wanted=KEY_ID)
    assert wanted.headers["Wechatpay-Serial"] == KEY_ID
    assert_signed(wanted.headers, wanted.content)
