"""Alibaba Cloud and Twilio: signatures as published, what their errors mean, both against their simulators."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from identity.domain.messages import MessageKind, Outcome, TextMessage
from identity.domain.phones import parse_phone
from identity.providers import sms_aliyun, sms_twilio
from identity.providers.sms import SmsSender, SmsSenders, SmsSettings
from identity.settings import Settings
from servicekit.outbound import Outbound
from servicekit.testkit import canary_phone


@pytest.fixture
async def http() -> AsyncIterator[Outbound]:
    async with Outbound() as http:
        yield http


@pytest.fixture
async def senders(settings: Settings, simulators: httpx.AsyncClient, http: Outbound) -> dict[str, SmsSender]:
    await simulators.delete("/control/sms")
    assert settings.sms.aliyun
    assert settings.sms.twilio
    return {
        "aliyun": sms_aliyun.Aliyun(settings.sms.aliyun.model_copy(update={"timeout_seconds": 0.3}), http),
        "twilio": sms_twilio.Twilio(settings.sms.twilio.model_copy(update={"timeout_seconds": 0.3}), http),
    }


def message(phone: str) -> TextMessage:
    return TextMessage(parse_phone(phone), MessageKind.CODE, {"code": "012345"})


async def messages(simulators: httpx.AsyncClient, phone: str) -> list[Any]:
    return (await simulators.get("/control/sms/messages", params={"phone": phone})).json()


def test_aliyun_signature_is_the_published_one() -> None:
    """The example of "V3 request structure and signature"."""
    query = {"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"}
    headers = sms_aliyun.signed_headers(
        "YourAccessKeyId", "YourAccessKeySecret", "ecs.cn-shanghai.aliyuncs.com", "RunInstances", "2014-05-26", query,
        datetime(2023, 10, 26, 10, 22, 32, tzinfo=UTC), "3156853299f313e23d1673dc12e1703d",
    )  # fmt: skip
    assert headers["Authorization"] == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,"
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


@pytest.mark.parametrize("phone", ["+8619900123456", "+4915112345678", "+12025550123", "+85261234567"])
@pytest.mark.parametrize("name", ["aliyun", "twilio"])
async def test_message_arrives_in_the_phones_language(
    senders: dict[str, SmsSender], simulators: httpx.AsyncClient, phone: str, name: str
) -> None:
    assert (await senders[name].send(message(phone), "reference", 300))[0] is Outcome.SENT
    (got,) = await messages(simulators, phone)
    assert got["provider"] == name
    assert "012345" in got["text"]
    assert ("验证码" in got["text"]) == (parse_phone(phone).language == "zh")


@pytest.mark.parametrize("name", ["aliyun", "twilio"])
@pytest.mark.parametrize("kind", list(MessageKind))
async def test_every_message_has_a_template_in_both_languages(
    senders: dict[str, SmsSender], name: str, kind: MessageKind
) -> None:
    for phone in (canary_phone(), "+4915112345678"):
        sent = TextMessage(parse_phone(phone), kind, {"code": "012345"} if kind is MessageKind.CODE else {})
        assert (await senders[name].send(sent, "reference", 300))[0] is Outcome.SENT


ANSWERS = [
    ("aliyun", {"kind": "error", "code": "isv.MOBILE_NUMBER_ILLEGAL"}, Outcome.IMPOSSIBLE),
    ("aliyun", {"kind": "error", "code": "isv.BUSINESS_LIMIT_CONTROL"}, Outcome.NOT_NOW),
    ("aliyun", {"kind": "error", "code": "isv.AMOUNT_NOT_ENOUGH"}, Outcome.AWAY),
    ("aliyun", {"kind": "error", "code": "isv.DAY_LIMIT_CONTROL"}, Outcome.AWAY),
    ("aliyun", {"kind": "error", "code": "Throttling.User"}, Outcome.AWAY),
    ("aliyun", {"kind": "error", "code": "isp.SYSTEM_ERROR"}, Outcome.UNKNOWN),
    ("aliyun", {"kind": "status", "code": "503"}, Outcome.UNKNOWN),
    ("aliyun", {"kind": "hang_after_accepting", "seconds": 1}, Outcome.UNKNOWN),
    ("twilio", {"kind": "error", "code": "21211"}, Outcome.IMPOSSIBLE),
    ("twilio", {"kind": "error", "code": "21610"}, Outcome.IMPOSSIBLE),
    ("twilio", {"kind": "error", "code": "21408"}, Outcome.NOT_NOW),
    ("twilio", {"kind": "error", "code": "20429"}, Outcome.AWAY),
    ("twilio", {"kind": "error", "code": "20003"}, Outcome.AWAY),
    ("twilio", {"kind": "status", "code": "500"}, Outcome.UNKNOWN),
    ("twilio", {"kind": "status", "code": "302"}, Outcome.UNKNOWN),
    ("twilio", {"kind": "hang_after_accepting", "seconds": 1}, Outcome.UNKNOWN),
]


@pytest.mark.parametrize(("name", "fault", "outcome"), ANSWERS)
async def test_providers_errors_mean_what_their_tables_say(
    senders: dict[str, SmsSender], simulators: httpx.AsyncClient, name: str, fault: dict[str, Any], outcome: Outcome
) -> None:
    assert (await simulators.post("/control/sms/faults", json={"provider": name} | fault)).status_code == 204
    assert (await senders[name].send(message(canary_phone()), "reference", 300))[0] is outcome
    assert (await senders[name].send(message(canary_phone()), "reference", 300))[0] is Outcome.SENT


@pytest.mark.parametrize(("module", "body"), [(sms_aliyun, b""), (sms_aliyun, b"<html>"), (sms_aliyun, b'{"a":1}')])
def test_answer_that_makes_no_sense_may_have_sent(module: Any, body: bytes) -> None:
    assert module.outcome_of(200, body)[0] is Outcome.UNKNOWN


def test_throttling_has_sent_nothing_whatever_its_status() -> None:
    for status in (400, 429, 503):
        assert sms_aliyun.outcome_of(status, b'{"Code":"Throttling.User"}')[0] is Outcome.AWAY


async def test_wrong_secrets_are_the_providers_matter(settings: Settings, http: Outbound, senders: Any) -> None:
    assert settings.sms.aliyun
    assert settings.sms.twilio
    wrong = SecretStr("wrong")
    aliyun = sms_aliyun.Aliyun(settings.sms.aliyun.model_copy(update={"key_secret": wrong}), http)
    twilio = sms_twilio.Twilio(settings.sms.twilio.model_copy(update={"auth_token": wrong}), http)
    phone = message(canary_phone())
    assert await aliyun.send(phone, "reference", 300) == (Outcome.AWAY, "SignatureDoesNotMatch")
    assert await twilio.send(phone, "reference", 300) == (Outcome.AWAY, "20003")


async def test_provider_that_cannot_be_reached_has_sent_nothing(settings: Settings, http: Outbound) -> None:
    assert settings.sms.aliyun
    nowhere = settings.sms.aliyun.model_copy(update={"base_url": "http://127.0.0.1:9"})
    assert (await sms_aliyun.Aliyun(nowhere, http).send(message(canary_phone()), "reference", 300))[0] is Outcome.AWAY


def test_providers_are_asked_in_the_countrys_order_and_past_those_that_do_not_work(settings: Settings) -> None:
    senders, chinese, german = SmsSenders(settings.sms, Outbound()), message(canary_phone()), message("+4915112345678")
    assert [senders.choose(chinese, attempts).name for attempts in range(3)] == ["aliyun", "twilio", "aliyun"]
    assert [senders.choose(german, attempts).name for attempts in range(2)] == ["twilio", "aliyun"]
    aliyun = senders.choose(chinese, 0)
    senders.note(aliyun, Outcome.UNKNOWN)
    assert [senders.choose(chinese, attempts).name for attempts in range(2)] == ["twilio", "twilio"]
    senders.note(senders.choose(chinese, 0), Outcome.AWAY)
    assert [senders.choose(chinese, attempts).name for attempts in range(2)] == ["aliyun", "twilio"]
    senders.note(aliyun, Outcome.SENT)
    assert senders.choose(chinese, 1).name == "aliyun"


def test_settings_name_a_provider_every_template_and_only_https() -> None:
    with pytest.raises(ValidationError, match="at least one"):
        SmsSettings()
    fields: dict[str, Any] = {"account_sid": "AC1", "auth_token": "secret", "sender": "+12025550100"}
    for url in ("http://api.twilio.com", "https://10.0.0.1", "https://user@api.twilio.com", "ftp://api.twilio.com"):
        with pytest.raises(ValidationError, match=r"https|private|base URL"):
            sms_twilio.TwilioSettings(**fields, base_url=url)
    with pytest.raises(ValidationError, match="login-changed zh"):
        sms_twilio.TwilioSettings(**fields, texts={"code zh": "${code}", "code en": "${code}", "login-changed en": "!"})
    assert "secret" not in repr(sms_twilio.TwilioSettings(**fields))
