"""Clients that others wrote, wechatpayv3 and python-alipay-sdk: they understand our simulators, and we them."""

import asyncio
import json
import textwrap
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import alipay
import pytest
from alipay import AliPay
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3 import core as wechat_core
from wechatpayv3 import utils as wechat_utils

from local_stack import platforms
from payments.providers import alipay_notifications, wechat_pay_signing
from payments.providers.channel import NotificationRefused, RefundState, TradeState
from servicekit.alipay_gateway import TIME_FORMAT, ZONE
from servicekit.ids import new_id
from servicekit.rsa_signing import private_key, public_key
from simulators.notifying import Notification

from .provider_kit import PUBLIC_URL, SECRETS, Played, charge, played, refund_of

MERCHANT_KEY = SECRETS[platforms.WECHAT_MERCHANT_KEY]
V3_KEY = SECRETS[platforms.WECHAT_V3_KEY]


def pem(der: str, name: str) -> str:
    """A key as the libraries take it."""
    return "\n".join((f"-----BEGIN {name}-----", *textwrap.wrap(der, 64), f"-----END {name}-----"))


WECHAT_PUBLIC_KEY = pem(platforms.public_half(SECRETS[platforms.WECHAT_PAY_KEY]), "PUBLIC KEY")


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[Played]:
    async with played() as world:
        yield world


@pytest.fixture
def library(world: Played, monkeypatch: pytest.MonkeyPatch) -> Callable[..., WeChatPay]:
    """Makes wechatpayv3's client; it asks our simulator in the place of its only address."""
    place = property(lambda _: world.url, lambda _, __: None)
    monkeypatch.setattr(wechat_core.Core, "_gate_way", place, raising=False)

    def make(**keys: Any) -> WeChatPay:
        return WeChatPay(
            WeChatPayType.JSAPI, platforms.WECHAT_MERCHANT, pem(MERCHANT_KEY, "PRIVATE KEY"),
            platforms.WECHAT_MERCHANT_SERIAL, platforms.WECHAT_APP, V3_KEY, notify_url=f"{PUBLIC_URL}/n", **keys,
        )  # fmt: skip

    return make


async def answered(call: Callable[..., Any], *arguments: Any, **named: Any) -> dict[str, Any]:
    """What the library made of an answer, whose signature it found good; it waits in a thread."""
    status, text = await asyncio.to_thread(call, *arguments, **named)
    assert 200 <= status < 300, text
    return json.loads(text) if text else {}


def own_key() -> dict[str, str]:
    """WeChat's public key, for public-key mode."""
    return {"public_key": WECHAT_PUBLIC_KEY, "public_key_id": platforms.WECHAT_PAY_KEY_ID}


@pytest.mark.parametrize("mode", ["public key", "certificates"])
async def test_wechatpayv3_charges_queries_refunds_and_closes_at_our_simulator(
    world: Played, library: Callable[..., WeChatPay], mode: str
) -> None:
    world.wechat.keys.prefers_certificate = mode == "certificates"
    try:
        client = await asyncio.to_thread(library, **(own_key() if mode == "public key" else {}))
        number, refund_number = new_id().hex, new_id().hex
        order = {"description": "95号汽油", "amount": {"total": 100}, "payer": {"openid": "o-canary"}}
        assert (await answered(client.pay, out_trade_no=number, **order))["prepay_id"]
        await world.pay("wechat", number)
        assert (await answered(client.query, out_trade_no=number))["trade_state"] == "SUCCESS"
        part = {"refund": 40, "total": 100, "currency": "CNY"}
        await answered(client.refund, refund_number, part, out_trade_no=number)
        assert (await answered(client.query_refund, refund_number))["amount"]["refund"] == 40
        other = new_id().hex
        await answered(client.pay, out_trade_no=other, **order)
        await answered(client.close, other)
        assert (await answered(client.query, out_trade_no=other))["trade_state"] == "CLOSED"
    finally:
        world.wechat.keys.prefers_certificate = False


async def test_wechatpayv3_reads_the_notifications_of_our_simulator(
    world: Played, library: Callable[..., WeChatPay]
) -> None:
    channel, client, wanted = world.channel("wechat"), await asyncio.to_thread(library, **own_key()), charge()
    await channel.create(wanted)
    await world.pay("wechat", wanted.number)
    body, headers = world.wechat.payment_notification(world.wechat.trades[wanted.number]).build()
    told: Any = await asyncio.to_thread(client.callback, dict(headers), body)
    assert told["event_type"] == "TRANSACTION.SUCCESS"
    assert told["resource"]["out_trade_no"] == wanted.number
    trade = (await channel.notification(headers, body)).trade
    assert trade
    assert (trade.state, trade.amount_minor) == (TradeState.SUCCEEDED, wanted.amount_minor)
    assert told["resource"]["transaction_id"] == trade.trade_id


async def test_wechatpayv3_signs_requests_and_phones_just_as_we_do(
    library: Callable[..., WeChatPay], monkeypatch: pytest.MonkeyPatch
) -> None:
    at, key = datetime.now(UTC), private_key(MERCHANT_KEY)
    monkeypatch.setattr(wechat_utils.time, "time", lambda: at.timestamp())
    path, body, nonce = "/v3/pay/transactions/jsapi?a=b", '{"description": "汽油"}', "N" * 32
    theirs = wechat_utils.build_authorization(path, "POST", "1900000001", "5157F09E", key, body, nonce)
    ours = wechat_pay_signing.authorization(
        "1900000001", "5157F09E", key, "POST", path, body.encode(), at, nonce
    )  # fmt: skip
    assert sorted(theirs.partition(" ")[2].split(",")) == sorted(ours.partition(" ")[2].split(","))
    client = await asyncio.to_thread(library, **own_key())
    phone = wechat_pay_signing.client_parameters(platforms.WECHAT_APP, "wx25", key, at, nonce)
    assert phone["paySign"] == client.sign([platforms.WECHAT_APP, phone["timeStamp"], nonce, "prepay_id=wx25"])


async def test_our_code_accepts_what_wechatpayv3_signs_and_seals_and_no_byte_else(world: Played) -> None:
    """The library signs in WeChat's place, with WeChat's key."""
    key = private_key(SECRETS[platforms.WECHAT_PAY_KEY])
    body, timestamp = b'{"trade_state": "SUCCESS"}', str(int(datetime.now(UTC).timestamp()))
    signature = wechat_utils.rsa_sign(key, f"{timestamp}\nabc\n{body.decode()}\n")
    headers = {
        "Wechatpay-Serial": platforms.WECHAT_PAY_KEY_ID, "Wechatpay-Timestamp": timestamp, "Wechatpay-Nonce": "abc",
        "Wechatpay-Signature": signature,
    }  # fmt: skip
    keys = wechat_pay_signing.PlatformKeys({platforms.WECHAT_PAY_KEY_ID: key.public_key()})
    wechat_pay_signing.require_signed(headers, body, keys, datetime.now(UTC))
    with pytest.raises(wechat_pay_signing.Unproven):
        wechat_pay_signing.require_signed(headers, body + b" ", keys, datetime.now(UTC))
    assert wechat_utils.rsa_verify(timestamp, "abc", body.decode(), signature, key.public_key())


async def test_what_our_simulator_seals_opens_for_the_library_and_for_us(world: Played) -> None:
    sealed = world.wechat.keys.seal("只给商户".encode(), "transaction")
    theirs = wechat_utils.aes_decrypt(
        sealed["nonce"], sealed["ciphertext"], sealed["associated_data"], V3_KEY
    )  # fmt: skip
    ours = wechat_pay_signing.opened(wechat_pay_signing.Sealed(**sealed), V3_KEY.encode())
    assert (theirs, ours.decode()) == ("只给商户", "只给商户")


async def test_wechatpayv3_fetches_the_bill_of_our_simulator(world: Played, library: Callable[..., WeChatPay]) -> None:
    channel, client, wanted = world.channel("wechat"), await asyncio.to_thread(library, **own_key()), charge()
    await channel.create(wanted)
    await world.pay("wechat", wanted.number)
    today = (datetime.now(UTC) + timedelta(hours=8)).date()
    place = await answered(client.trade_bill, today.isoformat())
    status, packed = await asyncio.to_thread(client.download_bill, place["download_url"])
    assert (status, packed[:2]) == (200, b"\x1f\x8b")
    assert wanted.number in {line.number async for line in channel.bill(today)}


class ChinaTime(datetime):
    """The library's clock: it takes for granted that its machine is in China."""

    @classmethod
    def now(cls, tz: Any = None) -> "ChinaTime":  # type: ignore[override]
        return super().now(tz or ZONE)


@pytest.fixture
def alipay_library(world: Played, monkeypatch: pytest.MonkeyPatch) -> AliPay:
    """python-alipay-sdk's client, which asks our simulator."""
    monkeypatch.setattr(alipay, "datetime", ChinaTime)
    client = AliPay(
        appid=platforms.ALIPAY_APP, app_notify_url=f"{PUBLIC_URL}/n",
        app_private_key_string=pem(SECRETS[platforms.ALIPAY_APP_KEY], "PRIVATE KEY"),
        alipay_public_key_string=pem(platforms.public_half(SECRETS[platforms.ALIPAY_PLATFORM_KEY]), "PUBLIC KEY"),
    )  # fmt: skip
    monkeypatch.setattr(client, "_gateway", f"{world.url}/gateway.do")
    return client


async def test_python_alipay_sdk_charges_queries_refunds_and_closes_at_our_simulator(
    world: Played, alipay_library: AliPay
) -> None:
    client, number, part = alipay_library, new_id().hex, new_id().hex
    order = {"product_code": "JSAPI_PAY", "op_app_id": platforms.ALIPAY_APP, "buyer_open_id": "canary-buyer"}
    made = await asyncio.to_thread(client.api_alipay_trade_create, "95号汽油", number, "1.00", **order)
    assert made["code"] == "10000"
    await world.pay("alipay", number)
    assert (await asyncio.to_thread(client.api_alipay_trade_query, number))["trade_status"] == "TRADE_SUCCESS"
    back = await asyncio.to_thread(client.api_alipay_trade_refund, "0.40", number, out_request_no=part)
    assert back["fund_change"] == "Y"
    found = await asyncio.to_thread(client.api_alipay_trade_fastpay_refund_query, part, out_trade_no=number)
    assert (found["refund_status"], found["refund_amount"]) == ("REFUND_SUCCESS", "0.40")
    other = new_id().hex
    await asyncio.to_thread(client.api_alipay_trade_create, "95号汽油", other, "1.00", **order)
    assert (await asyncio.to_thread(client.api_alipay_trade_close, other))["code"] == "10000"


async def test_a_charge_of_the_library_is_found_by_us_and_ours_by_the_library(
    world: Played, alipay_library: AliPay, library: Callable[..., WeChatPay]
) -> None:
    wanted, at_wechat = charge(), charge()
    await world.channel("alipay").create(wanted)
    await world.pay("alipay", wanted.number)
    seen = await asyncio.to_thread(alipay_library.api_alipay_trade_query, wanted.number)
    assert (seen["total_amount"], seen["trade_status"]) == ("235.50", "TRADE_SUCCESS")
    client = await asyncio.to_thread(library, **own_key())
    await answered(
        client.pay, "95号汽油", at_wechat.number, {"total": at_wechat.amount_minor}, payer={"openid": "o-canary"}
    )
    await world.pay("wechat", at_wechat.number)
    assert (await world.channel("wechat").query(at_wechat.number)).state is TradeState.SUCCEEDED


async def test_python_alipay_sdk_accepts_the_notifications_of_our_simulator(
    world: Played, alipay_library: AliPay
) -> None:
    channel, wanted = world.channel("alipay"), charge()
    await channel.create(wanted)
    await world.pay("alipay", wanted.number)
    part = refund_of(wanted, 100)
    assert (await channel.refund(part)).state is RefundState.SUCCEEDED
    trade = world.alipay.trades[wanted.number]
    paid = await _taken(alipay_library, channel, world.alipay.notification(trade))
    assert paid.trade
    assert (paid.trade.number, paid.trade.amount_minor) == (wanted.number, wanted.amount_minor)
    back = await _taken(alipay_library, channel, world.alipay.notification(trade, trade.refunds[part.number]))
    assert back.refund
    assert back.refund.number == part.number


async def _taken(client: AliPay, channel: Any, notification: Notification) -> Any:
    """What we make of a notification that the library accepts."""
    body, headers = notification.build()
    form = dict(parse_qsl(body.decode()))
    assert client.verify(form, form.pop("sign"))
    return await channel.notification(headers, body)


async def test_our_code_accepts_what_python_alipay_sdk_signs_and_not_what_was_changed(world: Played) -> None:
    """The library signs in Alipay's place, with Alipay's key."""
    signer = AliPay(
        appid="any", app_private_key_string=pem(SECRETS[platforms.ALIPAY_PLATFORM_KEY], "PRIVATE KEY"),
        alipay_public_key_string=pem(platforms.public_half(SECRETS[platforms.ALIPAY_PLATFORM_KEY]), "PUBLIC KEY"),
    )  # fmt: skip
    now, key = datetime.now(ZONE), public_key(platforms.public_half(SECRETS[platforms.ALIPAY_PLATFORM_KEY]))
    form = {
        "app_id": platforms.ALIPAY_APP, "seller_id": platforms.ALIPAY_SELLER, "notify_id": "n1", "trade_no": "42",
        "notify_time": now.strftime(TIME_FORMAT), "out_trade_no": new_id().hex, "subject": "95号汽油 & 洗车",
        "trade_status": "TRADE_SUCCESS", "total_amount": "1.00", "gmt_payment": now.strftime(TIME_FORMAT),
    }  # fmt: skip
    signature = parse_qs(signer.sign_data(dict(form)))["sign"][0]

    def read(**changes: str) -> Any:
        body = urlencode({**form, **changes, "sign_type": "RSA2", "sign": signature}).encode()
        return alipay_notifications.read(body, key, platforms.ALIPAY_APP, platforms.ALIPAY_SELLER, now, 300)

    trade = read().trade
    assert (trade.number, trade.amount_minor) == (form["out_trade_no"], 100)
    with pytest.raises(NotificationRefused):
        read(total_amount="100.00")
