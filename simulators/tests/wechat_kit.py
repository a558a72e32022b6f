"""WeChat Pay and a merchant of it for tests, in this process."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import FastAPI
from pydantic import SecretStr

from local_stack.platforms import new_rsa_key, public_half
from servicekit.ids import new_id
from simulators import wechat_fapiao, wechat_pay_api, wechat_pay_control
from simulators.wechat_pay import WechatPay
from simulators.wechat_pay_signing import WechatPaySettings

from .merchant_kit import Heard, WechatMerchant, hearing, is_signed

MERCHANT_KEY, PLATFORM_KEY, STRANGERS_KEY = new_rsa_key(), new_rsa_key(), new_rsa_key()
PLATFORMS_PUBLIC_KEY = public_half(PLATFORM_KEY)
V3_KEY = "v" * 32
KEY_ID = "PUB_KEY_ID_0119"
SETTINGS = WechatPaySettings(
    app_id="wx0123456789abcdef", merchant_id="1900000001", merchant_serial="5157F09E",
    merchant_public_key=public_half(MERCHANT_KEY), api_v3_key=SecretStr(V3_KEY),
    platform_private_key=SecretStr(PLATFORM_KEY), platform_key_id=KEY_ID, refund_seconds=0, notify_speed=100_000,
)  # fmt: skip
JSAPI = "/v3/pay/transactions/jsapi"
REFUNDS = "/v3/refund/domestic/refunds"


@dataclass
class World:
    """WeChat Pay, a merchant of it, and where the merchant hears from it."""

    platform: WechatPay
    http: httpx.AsyncClient
    merchant: WechatMerchant
    heard: Heard

    def order(self, **changes: Any) -> dict[str, Any]:
        """An order in order but for what is changed."""
        return {
            "appid": SETTINGS.app_id, "mchid": SETTINGS.merchant_id, "description": "Petrol 95",
            "out_trade_no": new_id().hex, "notify_url": self.heard.url, "amount": {"total": 30_000, "currency": "CNY"},
            "payer": {"openid": "o-canary"},
        } | changes  # fmt: skip

    async def create(self, **changes: Any) -> tuple[str, str]:
        """A trade's number and prepay_id."""
        order = self.order(**changes)
        answer = await self.merchant.call("POST", JSAPI, order)
        assert answer.status_code == 200, answer.text
        return order["out_trade_no"], answer.json()["prepay_id"]

    async def control(self, path: str, **body: Any) -> httpx.Response:
        """A POST to the controls."""
        return await self.http.post(f"/control/wechat-pay/{path}", json=body)

    async def paid(self, **changes: Any) -> str:
        """The number of a trade that its payer confirmed."""
        number, prepay_id = await self.create(**changes)
        assert (await self.control("payments", prepay_id=prepay_id)).status_code == 200
        return number

    async def query(self, number: str) -> Any:
        """The trade as WeChat Pay has it."""
        return (await self.merchant.call("GET", by_number(number))).json()

    async def refund(self, number: str, amount: int, total: int = 30_000, **changes: Any) -> httpx.Response:
        """Asks for some of it back."""
        body = {
            "out_trade_no": number, "out_refund_no": new_id().hex, "notify_url": self.heard.url,
            "amount": {"refund": amount, "total": total, "currency": "CNY"},
        }  # fmt: skip
        return await self.merchant.call("POST", REFUNDS, body | changes)


def by_number(number: str) -> str:
    """The path of a query."""
    return f"/v3/pay/transactions/out-trade-no/{number}?mchid={SETTINGS.merchant_id}"


@asynccontextmanager
async def wechat_world() -> AsyncIterator[World]:
    """WeChat Pay and a merchant of it, in this process."""
    platform, app = WechatPay(SETTINGS), FastAPI()
    app.include_router(wechat_pay_api.router(platform))
    app.include_router(wechat_pay_control.control_router(platform))
    tax_office = wechat_fapiao.TaxOffice(platform)
    app.include_router(wechat_fapiao.router(tax_office))
    app.include_router(wechat_fapiao.control_router(tax_office))
    transport = httpx.ASGITransport(app)
    async with (
        platform.notifier,
        httpx.AsyncClient(transport=transport, base_url="http://wechat-pay.test") as http,
        hearing() as heard,
    ):
        yield World(platform, http, WechatMerchant(http, MERCHANT_KEY, SETTINGS.merchant_id, "5157F09E"), heard)


def assert_signed(headers: Mapping[str, str], body: bytes, key: str | RSAPublicKey = PLATFORMS_PUBLIC_KEY) -> None:
    """That WeChat Pay signed just these bytes just now."""
    timestamp, nonce = headers["Wechatpay-Timestamp"], headers["Wechatpay-Nonce"]
    assert is_signed(key, f"{timestamp}\n{nonce}\n".encode() + body + b"\n", headers["Wechatpay-Signature"])
    assert abs(int(timestamp) - datetime.now(UTC).timestamp()) < 60


def opened(resource: dict[str, str]) -> bytes:
    """What was sealed for the merchant."""
    sealed, associated = base64.b64decode(resource["ciphertext"]), resource["associated_data"].encode()
    return AESGCM(V3_KEY.encode()).decrypt(resource["nonce"].encode(), sealed, associated)
