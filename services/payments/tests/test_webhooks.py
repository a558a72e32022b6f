"""Providers' notifications at our door: what is theirs, of just now and about our charge, and nothing else at all."""

import json
import random
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from local_stack.config import Config
from local_stack.environment import service_environment
from local_stack.platforms import new_rsa_key
from simulators.alipay_pay import ZONE

from .conftest import Payments
from .webhook_kit import AlipaySender, Sent, WechatSender, add_attempt

AMOUNT = 23_550
STRANGER = new_rsa_key()
MUTATIONS = 1_000
HEADERS = ("Serial", "Timestamp", "Nonce", "Signature")


@pytest.fixture
def wechat(infrastructure: Config) -> WechatSender:
    return WechatSender(service_environment(infrastructure, "simulators"))


@pytest.fixture
def alipay(infrastructure: Config) -> AlipaySender:
    return AlipaySender(service_environment(infrastructure, "simulators"))


async def send(payments: Payments, path: str, sent: Sent) -> httpx.Response:
    return await payments.client.post(path, content=sent.body, headers=dict(sent.headers))


async def stored(payments: Payments) -> list[dict[str, Any]]:
    return await payments.rows("SELECT provider, provider_id, kind, number, next_look_at FROM notifications")


async def attempt(payments: Payments, provider: str, amount_minor: int = AMOUNT) -> str:
    return await payments.store.transact(lambda tx: add_attempt(tx, provider, amount_minor))


async def test_wechat_s_notification_is_stored_and_answered_and_again_changes_nothing(
    payments: Payments, wechat: WechatSender
) -> None:
    number = await attempt(payments, "wechat")
    for _ in range(3):
        answer = await send(payments, wechat.path, wechat.paid(number, AMOUNT, "EV-1"))
        assert (answer.status_code, answer.json()) == (200, {"code": "SUCCESS"})
    (row,) = await stored(payments)
    assert row["provider"], row["kind"] == ("wechat", "payment")
    assert (row["provider_id"], row["number"]) == ("EV-1", number)


async def test_alipay_s_notification_is_stored_and_answered_and_again_changes_nothing(
    payments: Payments, alipay: AlipaySender
) -> None:
    number = await attempt(payments, "alipay")
    sent = alipay.paid(number, AMOUNT)
    for _ in range(3):
        answer = await send(payments, alipay.path, sent)
        assert (answer.status_code, answer.content) == (200, b"success")
    (row,) = await stored(payments)
    assert (row["provider"], row["kind"], row["number"]) == ("alipay", "payment", number)


async def test_nothing_but_names_is_stored_of_what_wechat_encrypted(payments: Payments, wechat: WechatSender) -> None:
    number = await attempt(payments, "wechat")
    await send(payments, wechat.path, wechat.paid(number, AMOUNT))
    assert "canary" not in str(await payments.rows("SELECT * FROM notifications"))


async def test_security_31_a_thousand_changed_notifications_of_wechat_are_refused(
    payments: Payments, wechat: WechatSender, caplog: pytest.LogCaptureFixture
) -> None:
    number, luck = await attempt(payments, "wechat"), random.Random(7)  # noqa: S311 - to be repeatable
    genuine, changed = wechat.paid(number, AMOUNT), wechat_mutations(wechat, number, luck)
    for _ in range(MUTATIONS):
        sent = next(changed)
        answer = await send(payments, wechat.path, sent)
        assert answer.status_code == 400, (sent, answer.text)
    assert await stored(payments) == []
    assert "canary" not in caplog.text
    assert (await send(payments, wechat.path, genuine)).status_code == 200


async def test_security_31_a_thousand_changed_notifications_of_alipay_are_refused(
    payments: Payments, alipay: AlipaySender, caplog: pytest.LogCaptureFixture
) -> None:
    number, luck = await attempt(payments, "alipay"), random.Random(7)  # noqa: S311 - to be repeatable
    genuine, changed = alipay.paid(number, AMOUNT), alipay_mutations(alipay, number, luck)
    for _ in range(MUTATIONS):
        sent = next(changed)
        answer = await send(payments, alipay.path, sent)
        assert answer.status_code == 400, (sent, answer.text)
    assert await stored(payments) == []
    assert "canary" not in caplog.text
    assert (await send(payments, alipay.path, genuine)).status_code == 200


def wechat_mutations(sender: WechatSender, number: str, luck: random.Random) -> Iterator[Sent]:
    """Genuine notifications, each with one thing changed that must not be."""
    genuine = [sender.paid(number, AMOUNT) for _ in range(20)]

    def of_body() -> Sent:
        sent = luck.choice(genuine)
        return Sent(flipped(sent.body, luck), sent.headers)

    def of_header() -> Sent:
        sent, name = luck.choice(genuine), f"Wechatpay-{luck.choice(HEADERS)}"
        return Sent(sent.body, {**sent.headers, name: other_text(sent.headers[name], luck)})

    def without_header() -> Sent:
        sent, name = luck.choice(genuine), f"Wechatpay-{luck.choice(HEADERS)}"
        return Sent(sent.body, {known: value for known, value in sent.headers.items() if known != name})

    def of_another_time() -> Sent:
        age = luck.choice((-1, 1)) * luck.randint(301, 10**6)
        return sender.signed(luck.choice(genuine).body, at=time.time() + age)

    def of_another_key() -> Sent:
        return sender.signed(luck.choice(genuine).body, key=STRANGER)

    def sealed_by_a_stranger() -> Sent:
        document = sender.transaction(number, luck.randint(1, AMOUNT))
        return sender.signed(sender.envelope(sender.sealed(document, secrets.token_hex(16))))

    def of_resource() -> Sent:
        """WeChat's own signature, and another nonce, associated data or ciphertext than it encrypted with."""
        document = json.loads(luck.choice(genuine).body)
        name = luck.choice(("nonce", "associated_data", "ciphertext", "algorithm"))
        document["resource"][name] = other_text(document["resource"][name], luck)
        return sender.signed(json.dumps(document).encode())

    def of_another_amount() -> Sent:
        return sender.paid(number, AMOUNT + luck.choice((-1, 1)) * luck.randint(1, AMOUNT - 1))

    def rewritten() -> Sent:
        sent = luck.choice(genuine)
        return Sent(json.dumps(json.loads(sent.body), indent=luck.randint(1, 8)).encode(), sent.headers)

    kinds = (
        of_body, of_header, without_header, of_another_time, of_another_key, sealed_by_a_stranger, of_resource,
        of_another_amount, rewritten,
    )  # fmt: skip
    return forever(kinds, luck)


def alipay_mutations(sender: AlipaySender, number: str, luck: random.Random) -> Iterator[Sent]:
    """Genuine notifications, each with one thing changed that must not be."""
    genuine = [sender.paid(number, AMOUNT) for _ in range(20)]

    def of_field() -> Sent:
        form = dict(parse_qsl(luck.choice(genuine).body.decode()))
        name = luck.choice(sorted(form.keys()))
        return sender.encoded({**form, name: other_text(form[name], luck)})

    def without_field() -> Sent:
        form = dict(parse_qsl(luck.choice(genuine).body.decode()))
        del form[luck.choice(sorted(form.keys()))]
        return sender.encoded(form)

    def with_field() -> Sent:
        sent, form = luck.choice(genuine), sender.form(number, 1)
        name = luck.choice(sorted(form.keys()))
        return Sent(sent.body + f"&{name}={form[name]}".encode(), sent.headers)

    def of_another_time() -> Sent:
        at = datetime.now(ZONE) + luck.choice((-1, 1)) * timedelta(seconds=luck.randint(301, 10**6))
        return sender.paid(number, AMOUNT, notify_time=at.strftime("%Y-%m-%d %H:%M:%S"))

    def of_another_key() -> Sent:
        return sender.signed(sender.form(number, luck.randint(1, AMOUNT)), key=STRANGER)

    def of_another_amount() -> Sent:
        return sender.paid(number, AMOUNT + luck.choice((-1, 1)) * luck.randint(1, AMOUNT - 1))

    def of_another_seller() -> Sent:
        name = luck.choice(("seller_id", "app_id"))
        return sender.paid(number, AMOUNT, **{name: f"2088{luck.randrange(10**12):012}"})

    def cut_off() -> Sent:
        sent = luck.choice(genuine)
        return Sent(sent.body[: luck.randrange(len(sent.body))], sent.headers)

    kinds = (
        of_field, without_field, with_field, of_another_time, of_another_key, of_another_amount, of_another_seller,
        cut_off,
    )  # fmt: skip
    return forever(kinds, luck)


def forever(kinds: tuple[Callable[[], Sent], ...], luck: random.Random) -> Iterator[Sent]:
    while True:
        yield luck.choice(kinds)()


def flipped(body: bytes, luck: random.Random) -> bytes:
    """The body with one bit turned over."""
    place = luck.randrange(len(body))
    return body[:place] + bytes([body[place] ^ (1 << luck.randrange(8))]) + body[place + 1 :]


def other_text(text: str, luck: random.Random) -> str:
    """The text with one character changed for another that a header may hold."""
    place = luck.randrange(len(text))
    other = luck.choice([one for one in "0123456789abcdefABCDEF+/=-" if one != text[place]])
    return text[:place] + other + text[place + 1 :]


async def test_security_32_wechat_s_probe_is_refused(payments: Payments, wechat: WechatSender) -> None:
    number = await attempt(payments, "wechat")
    sent = wechat.paid(number, AMOUNT)
    for signature in (f"WECHATPAY/SIGNTEST/{sent.headers['Wechatpay-Signature']}", "WECHATPAY/SIGNTEST/"):
        answer = await send(payments, wechat.path, Sent(sent.body, {**sent.headers, "Wechatpay-Signature": signature}))
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:forecourt:problem:notification-refused")
    assert await stored(payments) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"appid": "wxffffffffffffffff"}, {"mchid": "1999999999"}, {"amount": {"total": AMOUNT - 1, "currency": "CNY"}},
        {"amount": {"total": AMOUNT, "currency": "USD"}}, {"amount": {"currency": "CNY"}}, {"amount": None},
        {"trade_state": "WHATEVER"}, {"out_trade_no": ""},
    ],
)  # fmt: skip
async def test_security_33_what_wechat_signed_of_something_else_is_refused(
    payments: Payments, wechat: WechatSender, changes: dict[str, Any]
) -> None:
    number = await attempt(payments, "wechat")
    answer = await send(payments, wechat.path, wechat.paid(number, AMOUNT, **changes))
    assert answer.status_code == 400
    assert await stored(payments) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"app_id": "2021999999999999"}, {"seller_id": "2088999999999999"}, {"total_amount": "235.49"},
        {"total_amount": "235.501"}, {"total_amount": "NaN"}, {"total_amount": ""}, {"out_trade_no": ""},
        {"trade_status": "WHATEVER"},
    ],
)  # fmt: skip
async def test_security_33_what_alipay_signed_of_something_else_is_refused(
    payments: Payments, alipay: AlipaySender, changes: dict[str, str]
) -> None:
    number = await attempt(payments, "alipay")
    answer = await send(payments, alipay.path, alipay.paid(number, AMOUNT, **changes))
    assert answer.status_code == 400
    assert await stored(payments) == []


async def test_a_charge_of_the_other_provider_is_not_paid_by_this_one(
    payments: Payments, wechat: WechatSender, alipay: AlipaySender
) -> None:
    number = await attempt(payments, "alipay")
    assert (await send(payments, wechat.path, wechat.paid(number, AMOUNT))).status_code == 400
    other = await attempt(payments, "wechat")
    assert (await send(payments, alipay.path, alipay.paid(other, AMOUNT))).status_code == 400
    assert await stored(payments) == []


async def test_money_for_a_number_that_nobody_here_knows_is_kept_for_people(
    payments: Payments, wechat: WechatSender
) -> None:
    answer = await send(payments, wechat.path, wechat.paid("an-older-system-7", AMOUNT))
    assert answer.status_code == 200
    assert [row["number"] for row in await stored(payments)] == ["an-older-system-7"]


async def test_a_payment_at_the_address_of_refunds_is_refused(payments: Payments, wechat: WechatSender) -> None:
    number = await attempt(payments, "wechat")
    answer = await send(payments, "/v1/webhooks/wechatpay/refunds", wechat.paid(number, AMOUNT))
    assert answer.status_code == 400


async def test_refunds_are_told_apart_from_payments(
    payments: Payments, wechat: WechatSender, alipay: AlipaySender
) -> None:
    document = {
        "mchid": wechat.of("MERCHANT_ID"), "out_trade_no": "a" * 32, "transaction_id": "42", "out_refund_no": "b" * 32,
        "refund_id": "50", "refund_status": "SUCCESS", "success_time": "2026-11-25T16:00:00+08:00",
        "user_received_account": "canary", "amount": {"total": 100, "refund": 50},
    }  # fmt: skip
    sent = wechat.signed(wechat.envelope(wechat.sealed(document), event="REFUND.SUCCESS"))
    assert (await send(payments, "/v1/webhooks/wechatpay/refunds", sent)).status_code == 200
    told = alipay.paid("c" * 32, 100, refund_fee="0.50", out_biz_no="d" * 32, gmt_refund="2026-11-25 16:00:00.1")
    assert (await send(payments, alipay.path, told)).status_code == 200
    rows = await stored(payments)
    assert {(row["kind"], row["number"]) for row in rows} == {("refund", "b" * 32), ("refund", "d" * 32)}


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[" * 10_000, b"\xff\x00", b"a=1&a=2", b"sign=%FF"])
async def test_what_is_no_notification_at_all_is_refused(payments: Payments, body: bytes) -> None:
    for path in ("wechatpay/payments", "wechatpay/refunds", "alipay"):
        answer = await payments.client.post(f"/v1/webhooks/{path}", content=body)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:forecourt:problem:notification-refused")
        assert b"success" not in answer.content
