"""Alipay and a seller for tests, in this process."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from local_stack.platforms import new_rsa_key, public_half
from servicekit.ids import new_id
from simulators import alipay, alipay_pay_api, alipay_pay_control
from simulators.alipay_pay import AlipayPay, AlipayPaySettings

from .merchant_kit import AlipaySeller, Heard, hearing, is_signed

APP_KEY, PLATFORM_KEY, STRANGERS_KEY = new_rsa_key(), new_rsa_key(), new_rsa_key()
PLATFORMS_PUBLIC_KEY = public_half(PLATFORM_KEY)
APP, SELLER = "2021000000000000", "2088000000000000"
SIGNED = re.compile(r'^\{"(\w+)":(\{.*\}),"sign":"([^"]+)"\}$')


@dataclass
class World:
    """Alipay, a seller, and where the seller hears from it."""

    platform: AlipayPay
    http: httpx.AsyncClient
    seller: AlipaySeller
    heard: Heard

    async def ask(self, method: str, /, **content: Any) -> dict[str, Any]:
        """The signed part of the answer to a method of alipay.trade."""
        answer = await self.seller.call(f"alipay.trade.{method}", content)
        found = SIGNED.fullmatch(answer.text)
        assert found, answer.text
        assert is_signed(PLATFORMS_PUBLIC_KEY, found[2].encode(), found[3])
        return answer.json()[f"alipay_trade_{method.replace('.', '_')}_response"]

    def order(self, **changes: Any) -> dict[str, Any]:
        """An order in order but for what is changed."""
        return {
            "out_trade_no": new_id().hex, "total_amount": "300.00", "subject": "加油 95号", "product_code": "JSAPI_PAY",
            "op_app_id": APP, "buyer_open_id": "canary-open-id", "seller_id": SELLER,
        } | changes  # fmt: skip

    async def paid(self, **changes: Any) -> str:
        """The seller's number of a trade that its buyer confirmed."""
        created = await self.ask("create", **self.order(**changes))
        assert created["code"] == "10000", created
        assert (await self.pay(trade_no=created["trade_no"])).status_code == 200
        return created["out_trade_no"]

    async def pay(self, **payment: Any) -> httpx.Response:
        """The buyer's phone."""
        return await self.http.post("/control/alipay-pay/payments", json=payment)


@asynccontextmanager
async def alipay_world() -> AsyncIterator[World]:
    """Alipay and a seller, in this process."""
    gateway = alipay.AlipayPlatform(
        alipay.AlipaySettings(
            app_id=APP, app_public_key=public_half(APP_KEY), platform_private_key=SecretStr(PLATFORM_KEY)
        )
    )
    platform, app = AlipayPay(AlipayPaySettings(seller_id=SELLER, notify_speed=1_000_000), gateway), FastAPI()
    app.include_router(alipay.router(gateway, alipay_pay_api.methods(platform)))
    app.include_router(alipay_pay_api.bill_router(platform))
    app.include_router(alipay_pay_control.control_router(platform))
    transport = httpx.ASGITransport(app)
    async with (
        platform.notifier,
        httpx.AsyncClient(transport=transport, base_url="http://alipay.test") as http,
        hearing() as heard,
    ):
        yield World(platform, http, AlipaySeller(http, APP_KEY, APP, heard.url), heard)


def told(body: bytes) -> dict[str, str]:
    """A notification, which Alipay signed."""
    form = dict(parse_qsl(body.decode(), strict_parsing=True))
    signature, kind = form.pop("sign"), form.pop("sign_type")
    text = "&".join(f"{name}={form[name]}" for name in sorted(form))
    assert kind == "RSA2"
    assert is_signed(PLATFORMS_PUBLIC_KEY, text.encode(), signature)
    return form
