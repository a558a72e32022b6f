"""The simulators' wiring: each platform is a router of its own, with the platform's own paths."""

from fastapi import FastAPI

from servicekit.app import Kit, build_app
from simulators import (
    alipay,
    alipay_pay,
    alipay_pay_api,
    alipay_pay_control,
    sms,
    sms_aliyun,
    sms_twilio,
    wechat,
    wechat_fapiao,
    wechat_pay,
    wechat_pay_api,
    wechat_pay_control,
)
from simulators.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """All simulated platforms in one process; settings come from the environment unless given."""
    chosen = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment has the rest

    async def start(kit: Kit) -> None:
        """A platform's state lives in memory; only notifications need connections."""
        kit.app.state.wechat_pay, kit.app.state.alipay_pay = at_wechat_pay, at_alipay_pay  # for tests beside them
        await kit.open(lambda: at_wechat_pay.notifier)
        await kit.open(lambda: at_alipay_pay.notifier)

    phones = sms.SmsNetwork(chosen.sms)
    at_wechat = wechat.WechatPlatform(chosen.wechat)
    at_alipay = alipay.AlipayPlatform(chosen.alipay)
    at_wechat_pay = wechat_pay.WechatPay(chosen.wechat_pay)
    at_tax_office = wechat_fapiao.TaxOffice(at_wechat_pay)
    at_alipay_pay = alipay_pay.AlipayPay(chosen.alipay_pay, at_alipay)
    routers = [
        sms_aliyun.router(phones), sms_twilio.router(phones), sms.control_router(phones),
        wechat.router(at_wechat), wechat.control_router(at_wechat),
        alipay.router(at_alipay, alipay_pay_api.methods(at_alipay_pay)), alipay.control_router(at_alipay),
        alipay_pay_api.bill_router(at_alipay_pay), alipay_pay_control.control_router(at_alipay_pay),
        wechat_pay_api.router(at_wechat_pay), wechat_pay_control.control_router(at_wechat_pay),
        wechat_fapiao.router(at_tax_office), wechat_fapiao.control_router(at_tax_office),
    ]  # fmt: skip
    return build_app(
        chosen, title="Simulators", description="Outside platforms, simulated.", start=start, routers=routers,
    )  # fmt: skip
