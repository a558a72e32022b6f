"""WeChat Pay and Alipay, played by their simulators behind a real socket, and our own ends of them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from local_stack import platforms
from payments.providers.alipay_pay import AlipayPay, AlipayPaySettings
from payments.providers.channel import Channel, Charge, RefundOrder
from payments.providers.wechat_pay import WechatPay, WechatPaySettings
from servicekit.ids import new_id
from servicekit.outbound import Outbound
from servicekit.testkit import eventually
from simulators import (
    alipay,
    alipay_pay,
    alipay_pay_api,
    alipay_pay_control,
    wechat,
    wechat_fapiao,
    wechat_pay_api,
    wechat_pay_control,
)
from simulators import wechat_pay as simulated_wechat_pay
from simulators.alipay import AlipayPlatform
from simulators.faults import Faults
from simulators.wechat import WechatPlatform
from simulators.wechat_fapiao import TaxOffice
from simulators.wechat_pay_signing import WechatPaySettings as SimulatedWechatPaySettings

PUBLIC_URL = "http://127.0.0.1:9"
"""Where notifications would go: nobody listens."""
SECRETS = {
    platforms.WECHAT_SECRET: "canary-secret", platforms.ALIPAY_APP_KEY: platforms.new_rsa_key(),
    platforms.ALIPAY_PLATFORM_KEY: platforms.new_rsa_key(), platforms.WECHAT_MERCHANT_KEY: platforms.new_rsa_key(),
    platforms.WECHAT_PAY_KEY: platforms.new_rsa_key(), platforms.WECHAT_V3_KEY: platforms.new_api_v3_key(),
}  # fmt: skip
QUICK_SECONDS = 0.3
"""How long our ends wait for an answer, in tests of those that never come."""


@dataclass
class Played:
    """The platforms, our channels to them, and a client for their controls."""

    url: str
    http: Outbound
    controls: httpx.AsyncClient
    wechat: simulated_wechat_pay.WechatPay
    alipay: alipay_pay.AlipayPay
    logins: WechatPlatform
    alipay_logins: AlipayPlatform
    tax_office: TaxOffice

    def wechat_settings(self, **changes: Any) -> WechatPaySettings:
        """Ours, some of them changed."""
        return WechatPaySettings(**_of("WECHAT__", platforms.of_payments(SECRETS, self.url)) | changes)

    def alipay_settings(self, **changes: Any) -> AlipayPaySettings:
        """Ours, some of them changed."""
        return AlipayPaySettings(**_of("ALIPAY__", platforms.of_payments(SECRETS, self.url)) | changes)

    def channel(self, name: str, **changes: Any) -> Channel:
        """Our end of a provider."""
        if name == "wechat":
            return WechatPay(self.wechat_settings(**changes), self.http, PUBLIC_URL)
        return AlipayPay(self.alipay_settings(**changes), self.http, PUBLIC_URL)

    def fault(self, name: str, **faults: Any) -> None:
        """What goes wrong at a provider from now on."""
        (self.wechat if name == "wechat" else self.alipay).plan.replace(Faults(**faults))

    async def pay(self, name: str, number: str, *, late: bool = False) -> None:
        """The payer confirms on the phone."""
        path = "wechat-pay" if name == "wechat" else "alipay-pay"
        answer = await self.controls.post(f"/control/{path}/payments", json={"out_trade_no": number, "late": late})
        assert answer.status_code == 200, answer.text


def charge(amount_minor: int = 23_550, **changes: Any) -> Charge:
    """A charge of a number of its own."""
    standard: dict[str, Any] = {
        "number": new_id().hex, "amount_minor": amount_minor, "currency": "CNY", "description": "95号汽油 30.00升",
        "payer_id": "o-canary-payer", "expires_at": datetime.now(UTC) + timedelta(minutes=15),
    }  # fmt: skip
    return Charge(**standard | changes)


def refund_of(charge: Charge, amount_minor: int, number: str | None = None) -> RefundOrder:
    """A refund of a charge."""
    return RefundOrder(
        number or new_id().hex, charge.number, amount_minor, charge.amount_minor, charge.currency, "fuel not received"
    )


@asynccontextmanager
async def played() -> AsyncIterator[Played]:
    """The platforms, until the tests have ended."""
    known = platforms.of_simulators(SECRETS)
    at_wechat = simulated_wechat_pay.WechatPay(
        SimulatedWechatPaySettings(**_of("WECHAT_PAY__", known), refund_seconds=0)
    )
    logins = WechatPlatform(wechat.WechatSettings(**_of("WECHAT__", known)))
    alipay_logins = AlipayPlatform(alipay.AlipaySettings(**_of("ALIPAY__", known)))
    at_alipay = alipay_pay.AlipayPay(alipay_pay.AlipayPaySettings(**_of("ALIPAY_PAY__", known)), alipay_logins)
    tax_office, app = TaxOffice(at_wechat), FastAPI()
    for router in (
        wechat_pay_api.router(at_wechat), wechat_pay_control.control_router(at_wechat), wechat.router(logins),
        wechat.control_router(logins), alipay.router(alipay_logins, alipay_pay_api.methods(at_alipay)),
        alipay.control_router(alipay_logins), alipay_pay_api.bill_router(at_alipay),
        alipay_pay_control.control_router(at_alipay), wechat_fapiao.router(tax_office),
    ):  # fmt: skip
        app.include_router(router)
    async with (
        at_wechat.notifier,
        at_alipay.notifier,
        Outbound() as http,
        _listening(app) as url,
        httpx.AsyncClient(base_url=url) as controls,
    ):
        yield Played(url, http, controls, at_wechat, at_alipay, logins, alipay_logins, tax_office)


@asynccontextmanager
async def _listening(app: FastAPI) -> AsyncIterator[str]:
    """The app's address while it is served."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))

        async def started() -> bool:
            return server.started or task.done()

        try:
            await eventually(started)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


def _of(prefix: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """Settings of one nested model, by the names of its fields."""
    return {name.removeprefix(prefix).lower(): value for name, value in variables.items() if name.startswith(prefix)}
