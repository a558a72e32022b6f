"""Both providers behind one Protocol: what happens to a charge and a refund, in good days and bad, on a real socket."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from payments.providers.channel import (
    BillKind,
    BillLine,
    ProviderAway,
    ProviderRefused,
    RefundState,
    TradeState,
)
from servicekit.outbound import CodeRefused, PersonRefused
from servicekit.testkit import eventually

from .provider_kit import QUICK_SECONDS, Played, charge, played, refund_of

BOTH = ("wechat", "alipay")
CHINA = timedelta(hours=8)


@pytest.fixture(scope="module")
async def running_platforms() -> AsyncIterator[Played]:
    async with played() as world:
        yield world


@pytest.fixture
def world(running_platforms: Played) -> Played:
    """The platforms, in a good mood."""
    for name in BOTH:
        running_platforms.fault(name)
    return running_platforms


@pytest.mark.parametrize("name", BOTH)
async def test_a_charge_is_made_paid_and_found_paid(world: Played, name: str) -> None:
    channel, wanted = world.channel(name), charge()
    client = await channel.create(wanted)
    assert client.keys() == ({"timeStamp", "nonceStr", "package", "signType", "paySign"}, {"tradeNO"})[name == "alipay"]
    assert (await channel.query(wanted.number)).state is TradeState.WAITING
    await world.pay(name, wanted.number)
    trade = await channel.query(wanted.number)
    assert (trade.state, trade.amount_minor, trade.currency) == (TradeState.SUCCEEDED, 23_550, "CNY")
    assert trade.trade_id
    assert trade.paid_at
    assert abs(trade.paid_at - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("name", BOTH)
async def test_the_same_charge_again_is_the_same_and_another_amount_under_its_number_is_unknown(
    world: Played, name: str
) -> None:
    channel, wanted = world.channel(name), charge()
    first, again = await channel.create(wanted), await channel.create(wanted)
    assert first.get("package") == again.get("package")
    assert first.get("tradeNO") == again.get("tradeNO")
    with pytest.raises(ProviderAway):
        await channel.create(charge(23_551, number=wanted.number))


@pytest.mark.parametrize("name", BOTH)
async def test_nobody_is_told_that_nothing_was_charged_when_the_number_is_paid(world: Played, name: str) -> None:
    channel, wanted = world.channel(name), charge()
    await channel.create(wanted)
    await world.pay(name, wanted.number)
    with pytest.raises(ProviderAway) as caught:
        await channel.create(wanted)
    assert caught.value.was_sent


@pytest.mark.parametrize("name", BOTH)
async def test_an_open_charge_is_closed_and_a_paid_one_is_not(world: Played, name: str) -> None:
    channel, unwanted, paid = world.channel(name), charge(), charge()
    await channel.create(unwanted)
    await channel.close(unwanted.number)
    await channel.close(unwanted.number)
    assert (await channel.query(unwanted.number)).state is TradeState.CLOSED
    await channel.create(paid)
    await world.pay(name, paid.number)
    with pytest.raises(ProviderRefused) as caught:
        await channel.close(paid.number)
    assert caught.value.code == "paid"


@pytest.mark.parametrize("name", BOTH)
async def test_a_number_that_nobody_knows_is_not_found(world: Played, name: str) -> None:
    channel, wanted = world.channel(name), charge()
    assert (await channel.query(wanted.number)).state is TradeState.NOT_FOUND
    with pytest.raises(ProviderRefused) as caught:
        await channel.close(wanted.number)
    assert caught.value.code == "not_found"
    assert (await channel.query_refund(wanted.number, wanted.number)).state is RefundState.NOT_FOUND
    with pytest.raises(ProviderRefused) as caught:
        await channel.refund(refund_of(wanted, 100))
    assert caught.value.final


@pytest.mark.parametrize("name", BOTH)
async def test_parts_go_back_each_once_and_never_more_than_was_paid(world: Played, name: str) -> None:
    channel, wanted = world.channel(name), charge()
    await channel.create(wanted)
    await world.pay(name, wanted.number)
    part = refund_of(wanted, 5_050)
    for _ in range(2):
        assert (await channel.refund(part)).amount_minor == 5_050
    with pytest.raises(ProviderRefused) as caught:
        await channel.refund(refund_of(wanted, 23_550))
    assert caught.value.final
    assert (await channel.query(wanted.number)).state is TradeState.SUCCEEDED
    rest = refund_of(wanted, 18_500)
    await channel.refund(rest)

    async def is_there() -> bool:
        return (await channel.query_refund(rest.number, wanted.number)).state is RefundState.SUCCEEDED

    await eventually(is_there)
    result = await channel.query_refund(rest.number, wanted.number)
    assert (result.amount_minor, bool(result.refund_id), bool(result.at)) == (18_500, True, True)
    assert (await channel.query(wanted.number)).state is TradeState.SUCCEEDED  # it was paid, whatever went back


@pytest.mark.parametrize("name", BOTH)
async def test_a_refund_that_our_account_has_no_money_for_may_be_asked_again(world: Played, name: str) -> None:
    channel, wanted = world.channel(name), charge()
    await channel.create(wanted)
    await world.pay(name, wanted.number)
    part = refund_of(wanted, 100)
    world.fault(name, refuse_refund=1, times=1)
    with pytest.raises(ProviderRefused) as caught:
        await channel.refund(part)
    assert not caught.value.final
    assert (await channel.refund(part)).amount_minor == 100


async def test_a_refund_that_the_payer_s_account_does_not_take_is_for_people(world: Played) -> None:
    channel, wanted = world.channel("wechat"), charge()
    await channel.create(wanted)
    await world.pay("wechat", wanted.number)
    world.fault("wechat", abnormal_refund=1)
    part = refund_of(wanted, 100)
    await channel.refund(part)

    async def has_failed() -> bool:
        return (await channel.query_refund(part.number, wanted.number)).state is RefundState.FAILED

    await eventually(has_failed)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("fault", ["down", "drop", "silent", "busy", "busy_done"])
async def test_no_answer_is_unknown_and_the_next_query_tells(world: Played, name: str, fault: str) -> None:
    channel, wanted = world.channel(name, timeout_seconds=QUICK_SECONDS), charge()
    world.fault(name, **{fault: 1})
    with pytest.raises(ProviderAway) as caught:
        await channel.create(wanted)
    assert caught.value.was_sent
    world.fault(name)
    done = fault in ("silent", "busy_done")
    assert (await channel.query(wanted.number)).state is (TradeState.WAITING if done else TradeState.NOT_FOUND)


@pytest.mark.parametrize("name", BOTH)
async def test_a_request_that_never_left_is_told_apart(world: Played, name: str) -> None:
    channel = world.channel(name, base_url="http://127.0.0.1:9")
    with pytest.raises(ProviderAway) as caught:
        await channel.create(charge())
    assert not caught.value.was_sent


@pytest.mark.parametrize("name", BOTH)
async def test_what_is_asked_too_often_may_be_asked_again(world: Played, name: str) -> None:
    world.fault(name, limited=1)
    with pytest.raises(ProviderRefused) as caught:
        await world.channel(name).create(charge())
    assert not caught.value.final


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("fault", [{"unsigned": 1}, {"forged": 1}])
async def test_security_36_an_answer_that_is_not_signed_is_none(
    world: Played, name: str, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    channel, wanted = world.channel(name), charge()
    await channel.create(wanted)
    await world.pay(name, wanted.number)
    world.fault(name, **fault)
    for ask in (
        lambda: channel.create(charge()), lambda: channel.query(wanted.number), lambda: channel.close(wanted.number),
        lambda: channel.refund(refund_of(wanted, 1)), lambda: channel.query_refund(wanted.number, wanted.number),
    ):  # fmt: skip
        with pytest.raises(ProviderAway):
            await ask()
    assert "canary" not in caplog.text


@pytest.mark.parametrize("fault", [{"probe": 1}, {"skewed": 1}, {"skewed": 1, "skew_seconds": 301}])
async def test_security_36_wechat_s_answer_of_another_time_or_of_a_probe_is_none(
    world: Played, fault: dict[str, Any]
) -> None:
    world.fault("wechat", **fault)
    with pytest.raises(ProviderAway):
        await world.channel("wechat").query(charge().number)


@pytest.mark.parametrize("fault", ["wrong_app", "wrong_merchant"])
async def test_security_33_a_charge_of_another_app_or_merchant_is_no_answer(world: Played, fault: str) -> None:
    channel, wanted = world.channel("wechat"), charge()
    await channel.create(wanted)
    await world.pay("wechat", wanted.number)
    world.fault("wechat", **{fault: 1})
    with pytest.raises(ProviderAway):
        await channel.query(wanted.number)


@pytest.mark.parametrize("name", BOTH)
async def test_security_33_the_amount_and_currency_are_told_as_the_provider_has_them(world: Played, name: str) -> None:
    channel, wanted = world.channel(name), charge()
    await channel.create(wanted)
    await world.pay(name, wanted.number)
    world.fault(name, wrong_amount=1, wrong_currency=1)
    trade = await channel.query(wanted.number)
    assert (trade.amount_minor, trade.currency) != (wanted.amount_minor, wanted.currency)
    assert trade.currency == "USD"


@pytest.mark.parametrize("name", BOTH)
async def test_another_currency_is_refused_before_anybody_is_asked(world: Played, name: str) -> None:
    wanted = charge(currency="EUR")
    with pytest.raises(ProviderRefused) as caught:
        await world.channel(name).create(wanted)
    assert (caught.value.code, caught.value.final) == ("currency", True)
    assert wanted.number not in world.wechat.trades | world.alipay.trades


async def test_our_own_mistake_is_refused_by_alipay_and_logged(world: Played, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    with pytest.raises(ProviderRefused) as caught:
        await world.channel("alipay", app_id="2021999999999999").query(charge().number)
    assert caught.value.code == "isv.invalid-app-id"
    assert "alipay refuses us" in caplog.text


async def test_certificates_are_fetched_when_they_are_first_needed_and_when_they_change(world: Played) -> None:
    channel, keys = world.channel("wechat", platform_key_id=""), world.wechat.keys
    keys.prefers_certificate = True
    try:
        assert (await channel.query(charge().number)).state is TradeState.NOT_FOUND
        keys.rotate()
        with pytest.raises(ProviderAway):  # just looked: whoever sends us unknown serials does not make us look again
            await channel.query(charge().number)
        client: Any = channel._client  # type: ignore[attr-defined]
        client._asked_at -= 61  # a minute goes by
        assert (await channel.query(charge().number)).state is TradeState.NOT_FOUND
        world.fault("wechat", down=1, only=["certificates"])
        client._asked_at -= 61
        client._fetched_at -= 13 * 3_600  # half a day goes by, and WeChat has no certificates to give
        assert (await channel.query(charge().number)).state is TradeState.NOT_FOUND
        assert world.wechat.plan.struck["down"] == 1
    finally:
        keys.prefers_certificate = False


async def test_certificates_and_the_public_key_work_side_by_side(world: Played) -> None:
    channel, keys = world.channel("wechat"), world.wechat.keys
    assert (await channel.query(charge().number)).state is TradeState.NOT_FOUND
    body = b'{"code": "ORDER_NOT_EXIST"}'
    keys.prefers_certificate = True
    try:
        headers = keys.headers(body, datetime.now(UTC))
        assert not headers["Wechatpay-Serial"].startswith("PUB_KEY_ID_")
        await channel._client.require_signed(headers, body)  # type: ignore[attr-defined]
    finally:
        keys.prefers_certificate = False


async def test_certificates_that_another_key_sealed_are_none(world: Played) -> None:
    channel, keys = world.channel("wechat", platform_key_id="", api_v3_key="x" * 32), world.wechat.keys
    keys.prefers_certificate = True
    try:
        with pytest.raises(ProviderAway):
            await channel.query(charge().number)
    finally:
        keys.prefers_certificate = False


@pytest.mark.parametrize("name", BOTH)
async def test_a_bill_has_every_payment_and_refund_of_the_day(world: Played, name: str) -> None:
    channel, wanted = world.channel(name), charge(10_001)
    await channel.create(wanted)
    await world.pay(name, wanted.number)
    part = refund_of(wanted, 999)
    await channel.refund(part)
    today = (datetime.now(UTC) + CHINA).date()
    lines = {line.number: line async for line in channel.bill(today)}
    assert _seen(lines[wanted.number]) == (BillKind.PAYMENT, 10_001, "CNY")
    assert _seen(lines[part.number]) == (BillKind.REFUND, 999, "CNY")
    trade = await channel.query(wanted.number)
    assert {lines[wanted.number].trade_id, lines[part.number].trade_id} == {trade.trade_id}
    assert abs(lines[wanted.number].at - datetime.now(UTC)) < timedelta(minutes=1)


def _seen(line: BillLine) -> tuple[BillKind, int, str]:
    return line.kind, line.amount_minor, line.currency


@pytest.mark.parametrize("name", BOTH)
async def test_a_payer_is_known_by_the_code_of_the_phone_once(world: Played, name: str) -> None:
    path, field = ("wechat", "code") if name == "wechat" else ("alipay", "auth_code")
    body = {"openid": "o-canary"} if name == "wechat" else {"open_id": "o-canary"}
    login = (await world.controls.post(f"/control/{path}/logins", json=body)).json()
    code = login.get(field) or login.get("js_code")
    channel = world.channel(name)
    assert await channel.payer_of(code) == "o-canary"
    with pytest.raises(CodeRefused):
        await channel.payer_of(code)


async def test_a_payer_whom_wechat_distrusts_is_refused(world: Played) -> None:
    login = (await world.controls.post("/control/wechat/logins", json={"openid": "o-canary-risk"})).json()
    await world.controls.put("/control/wechat/mood", json={"high_risk": ["o-canary-risk"]})
    with pytest.raises(PersonRefused):
        await world.channel("wechat").payer_of(login.get("code") or login["js_code"])
    await world.controls.put("/control/wechat/mood", json={})
