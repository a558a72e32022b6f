"""`forecourt simulate` against the simulators behind a real socket."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import uvicorn

from forecourt import simulate
from forecourt.simulate_providers import Provider, faults_of, providers, trade_named
from forecourt.simulate_station import run_station, show_json, show_line
from local_stack.config import Config, StackError
from local_stack.environment import service_environment
from local_stack.services import SERVICE_BY_NAME
from payments.settings import Settings as PaymentsSettings
from servicekit.ids import new_id
from servicekit.migrations import migrate
from servicekit.postgres import PostgresStore
from servicekit.testkit import eventually, settings_from
from simulators.alipay_pay import AlipayPay
from simulators.alipay_pay_models import TradeOrder
from simulators.main import create_app
from simulators.pump_dispenses import Habits
from simulators.settings import Settings
from simulators.wechat_pay import WechatPay
from simulators.wechat_pay_models import JsapiOrder


@pytest.fixture(scope="module")
async def platforms(infrastructure: Config) -> AsyncIterator[tuple[WechatPay, AlipayPay]]:
    """The stack's simulators, and the providers among them."""
    with pytest.MonkeyPatch.context() as patch, socket.socket() as listener:
        # Other tests of the session have simulators at the stack's own port.
        patch.setitem(SERVICE_BY_NAME, "simulators", replace(SERVICE_BY_NAME["simulators"], port_offset=59))
        settings = settings_from(Settings, service_environment(infrastructure, "simulators"))
        app = create_app(settings)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
        task = asyncio.create_task(server.serve(sockets=[listener]))

        async def started() -> bool:
            return server.started or task.done()

        await eventually(started)
        yield app.state.wechat_pay, app.state.alipay_pay
        server.should_exit = True
        await task


def wechat_trade(platform: WechatPay, number: str | None = None) -> str:
    """The prepay_id of a new trade of 300 yuan."""
    settings = platform.settings
    return platform.create(JsapiOrder.model_validate({
        "appid": settings.app_id, "mchid": settings.merchant_id, "description": "Petrol 95",
        "out_trade_no": number or new_id().hex, "notify_url": "http://127.0.0.1:9/notify",
        "amount": {"total": 30_000}, "payer": {"openid": "o-canary"},
    }))  # fmt: skip


async def test_payer_declines_and_then_pays_and_cannot_pay_twice(
    infrastructure: Config, platforms: tuple[WechatPay, AlipayPay]
) -> None:
    prepay_id = wechat_trade(platforms[0])
    declined = await simulate._pay(infrastructure, prepay_id, decline=True, late=False)
    assert (declined["state"], declined["paid"]) == ("NOTPAY", 0)
    assert (await simulate._pay(infrastructure, f"prepay_id={prepay_id}", decline=False, late=False))["paid"] == 30_000
    with pytest.raises(StackError, match="wechat: the provider says ORDERPAID"):
        await simulate._pay(infrastructure, prepay_id, decline=False, late=False)


async def test_payment_is_found_by_the_number_of_either_provider(
    infrastructure: Config, platforms: tuple[WechatPay, AlipayPay]
) -> None:
    _, alipay = platforms
    order = TradeOrder.model_validate({
        "out_trade_no": new_id().hex, "total_amount": "12.34", "subject": "Petrol 95", "product_code": "JSAPI_PAY",
        "op_app_id": alipay.platform.settings.app_id, "buyer_open_id": "canary-buyer",
    })  # fmt: skip
    trade = alipay.create(order, "http://127.0.0.1:9/notify")
    assert (await simulate._pay(infrastructure, trade.trade_no, decline=True, late=False))["total"] == 1_234
    assert (await simulate._pay(infrastructure, trade.number, decline=False, late=False))["state"] == "TRADE_SUCCESS"
    with pytest.raises(StackError, match=r"wechat: .*ORDER_NOT_EXIST.*; alipay: .*ACQ.TRADE_NOT_EXIST"):
        await simulate._pay(infrastructure, "0" * 31 + "a", decline=False, late=False)


async def test_payment_is_found_by_its_order(infrastructure: Config, platforms: tuple[WechatPay, AlipayPay]) -> None:
    environment = service_environment(infrastructure, "payments")
    await migrate("payments", environment)
    order_id, attempt_id, now = new_id(), new_id(), datetime.now(UTC)
    settings = settings_from(PaymentsSettings, environment)
    async with PostgresStore.connect(settings) as store, store.connection() as connection:
        await connection.execute(
            """INSERT INTO attempts (attempt_id, purpose, purpose_id, driver_id, provider, amount_minor, currency,
                   status, created_at, expires_at)
               VALUES ($1, 'order', $2, $3, 'wechat', 30000, 'CNY', 'waiting', $4, $5)""",
            attempt_id, order_id, str(new_id()), now, now + timedelta(minutes=15),
        )  # fmt: skip
    wechat_trade(platforms[0], attempt_id.hex)
    assert (await simulate._pay(infrastructure, str(order_id), decline=False, late=False))["number"] == attempt_id.hex
    with pytest.raises(StackError, match="nothing waits to be paid"):
        await asyncio.to_thread(trade_named, infrastructure, str(new_id()))


async def test_provider_in_trouble_says_so_and_heals(
    infrastructure: Config, platforms: tuple[WechatPay, AlipayPay]
) -> None:
    wechat, _ = platforms
    given = {"only": ["create"], "duplicate": 1, "duplicates": 3}
    found = await simulate._set(infrastructure, Provider.WECHAT, ["silent=0.2"], given, 7, 50.0, heal=False)
    assert found["faults"] == {"seed": 7, "only": ["create"], "silent": 0.2, "duplicate": 1, "duplicates": 3}
    assert (wechat.plan.faults.silent, wechat.notifier.speed) == (0.2, 50.0)
    asked = await simulate._set(infrastructure, Provider.WECHAT, [], {}, 0, None, heal=False)
    assert asked["faults"] == found["faults"]
    healed = await simulate._set(infrastructure, Provider.WECHAT, [], {}, 0, None, heal=True)
    assert healed["faults"] == {}
    shown = await simulate._status(infrastructure)
    assert shown["wechat"]["charged_minor"] == 30_000 * sum(one.paid_at is not None for one in wechat.trades.values())


@pytest.mark.parametrize(
    ("named", "words"),
    [("sielnt=0.2", "there is no fault 'sielnt'"), ("silent=2", "from 0 .never. to 1"), ("slow=often", "slow: ")],
)
def test_fault_that_is_none_is_said_so(named: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        faults_of([named], {})


def test_fault_without_a_rate_strikes_always() -> None:
    assert faults_of(["down", "slow_seconds=0.5"], {"seed": 7}).model_dump(exclude_unset=True) == {
        "seed": 7, "down": 1, "slow_seconds": 0.5,
    }  # fmt: skip


async def test_simulators_that_are_not_there_are_said_so(infrastructure: Config) -> None:
    nobody: Any = Config(infrastructure.data, 1)
    async with providers(nobody) as known:
        with pytest.raises(StackError, match="forecourt up"):
            await known.faults(Provider.ALIPAY)


async def test_platform_that_is_not_there_has_no_stations(infrastructure: Config) -> None:
    nobody = Config(infrastructure.data, 1)
    with pytest.raises(StackError, match="forecourt up"):
        await run_station(nobody, new_id(), None, Habits(), show_line)


def test_what_pumps_do_is_told_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    dispensed = {
        "event": "dispensed", "order_id": "o-1", "volume_ml": 30_000, "amount_minor": 23_550, "outcome": "taken"
    }  # fmt: skip
    for told in (
        {"event": "ready", "station_id": "s-1", "unheard": 2}, {"event": "pump", "pump_id": "3", "status": "in_use"},
        {"event": "offline", "seconds": 20.0}, {"event": "silent", "pump_id": "3", "order_id": "o-1"}, dispensed,
    ):  # fmt: skip
        show_line(told)
    show_json(dispensed)
    *lines, document = capsys.readouterr().out.splitlines()
    assert lines == [
        "station s-1: pumps are ready, 2 reports still to be heard; Ctrl-C ends", "pump 3: in use",
        "the line is lost for 20 s", "pump 3: gave fuel for order o-1 and does not say so",
        "order o-1: 30.00 l, 23,550 minor units: taken",
    ]  # fmt: skip
    assert json.loads(document) == dispensed
