"""The simulated message services refuse what the real ones refuse, in the same words."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from identity.providers.sms_aliyun import signed_headers
from servicekit.ids import new_id
from servicekit.testkit import canary_phone
from simulators import sms, sms_aliyun, sms_twilio

SECRET = "secret"
HOST = "dysmsapi.aliyuncs.com"
SETTINGS = sms.SmsSettings(aliyun_key_secret=SecretStr(SECRET), twilio_auth_token=SecretStr("token"))
TWILIO_PATH = f"/2010-04-01/Accounts/{SETTINGS.twilio_account_sid}/Messages.json"
TWILIO_AUTH = (SETTINGS.twilio_account_sid, "token")


@pytest.fixture
def network() -> sms.SmsNetwork:
    return sms.SmsNetwork(SETTINGS)


@pytest.fixture
async def client(network: sms.SmsNetwork) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    for router in (sms_aliyun.router(network), sms_twilio.router(network), sms.control_router(network)):
        app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{HOST}") as client:
        yield client


def parameters(phone: str, **changed: str) -> dict[str, str]:
    """SendSms's parameters for a code."""
    standard = {
        "PhoneNumbers": phone, "SignName": "Forecourt", "TemplateCode": "SMS_100001",
        "TemplateParam": '{"code":"123456"}',
    }  # fmt: skip
    return standard | changed


async def send_aliyun(
    client: httpx.AsyncClient, query: dict[str, str], *, key: str = SETTINGS.aliyun_key_id, secret: str = SECRET,
    action: str = "SendSms", at: datetime | None = None, nonce: str | None = None, **headers: str,
) -> tuple[int, str]:  # fmt: skip
    """Status and code of the answer to a signed request; `headers` are changed after the signature."""
    signed = signed_headers(
        key, secret, HOST, action, "2017-05-25", query, at or datetime.now(UTC), nonce or new_id().hex
    )
    response = await client.post("/", params=query, headers=signed | headers)
    assert set(response.json()) >= {"Code", "Message", "RequestId"}
    return response.status_code, response.json()["Code"]


async def test_signed_message_arrives_with_its_signature_name(client: httpx.AsyncClient) -> None:
    phone = canary_phone()
    for number in (phone, phone.removeprefix("+86"), phone.removeprefix("+")):
        assert await send_aliyun(client, parameters(number, TemplateCode="SMS_100003")) == (200, "OK")
    got = (await client.get("/control/sms/messages", params={"phone": phone})).json()
    assert len(got) == 3
    assert got[0]["text"].startswith("【Forecourt】")


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        ({"secret": "wrong"}, (400, "SignatureDoesNotMatch")),
        ({"key": "wrong"}, (404, "InvalidAccessKeyId.NotFound")),
        ({"action": "SendBatchSms"}, (404, "InvalidAction.NotFound")),
        ({"at": datetime.now(UTC) - timedelta(hours=1)}, (400, "InvalidTimeStamp.Expired")),
        ({"x-acs-date": "yesterday"}, (400, "InvalidTimeStamp.Format")),
        ({"x-acs-version": "2016-01-01"}, (400, "SignatureDoesNotMatch")),
        ({"x-acs-unsigned": "1"}, (400, "SignatureDoesNotMatch")),
        ({"Authorization": "Bearer token"}, (400, "MissingSecurityHeader")),
    ],
)
async def test_unproved_requests_are_refused(
    client: httpx.AsyncClient, network: sms.SmsNetwork, how: dict[str, Any], answer: tuple[int, str]
) -> None:
    assert await send_aliyun(client, parameters(canary_phone()), **how) == answer
    assert not network.messages


async def test_request_is_good_once(client: httpx.AsyncClient) -> None:
    query = parameters(canary_phone(), TemplateCode="SMS_100003")
    answers = [await send_aliyun(client, query, nonce="a" * 32) for _ in range(2)]
    assert answers == [(200, "OK"), (400, "SignatureNonceUsed")]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"PhoneNumbers": "12345"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"PhoneNumbers": "8610123456789"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"SignName": "Another"}, "isv.SMS_SIGNATURE_ILLEGAL"),
        ({"TemplateCode": "SMS_1"}, "isv.SMS_TEMPLATE_ILLEGAL"),
        ({"TemplateParam": "{}"}, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ({"TemplateParam": "code"}, "isv.INVALID_JSON_PARAM"),
        ({"TemplateParam": '{"code": 123456}'}, "isv.INVALID_JSON_PARAM"),
    ],
)
async def test_wrong_parameters_get_the_services_codes(
    client: httpx.AsyncClient, changed: dict[str, str], code: str
) -> None:
    assert await send_aliyun(client, parameters(canary_phone(), **changed)) == (200, code)


async def test_phone_gets_one_code_a_minute_five_an_hour_ten_a_day(
    client: httpx.AsyncClient, network: sms.SmsNetwork
) -> None:
    query, accepted = parameters(canary_phone()), []
    for step in [0, 10, 51] + [61] * 10 + [3_600] * 10:
        for message in network.messages:
            message.received_at -= timedelta(seconds=step)
        accepted.append(await send_aliyun(client, query) == (200, "OK"))
    assert accepted[:3] == [True, False, True]
    assert sum(accepted[:13]) == 5
    assert sum(accepted) == 10
    assert await send_aliyun(client, parameters(canary_phone())) == (200, "OK")


async def test_twilio_takes_a_message(client: httpx.AsyncClient) -> None:
    phone = canary_phone()
    form = {"To": phone, "From": SETTINGS.twilio_from, "Body": "Your code is 123456."}
    response = await client.post(TWILIO_PATH, data=form, auth=TWILIO_AUTH)
    assert response.status_code == 201
    assert response.json() | {"status": "queued", "to": phone, "error_code": None} == response.json()
    assert (await client.get("/control/sms/messages", params={"phone": phone})).json()[0]["text"] == form["Body"]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"To": ""}, 21604), ({"To": "12345"}, 21211), ({"From": "+12025550199"}, 21606), ({"Body": ""}, 21602),
        ({"Body": "x" * 1_601}, 21617),
    ],
)  # fmt: skip
async def test_twilio_refuses_by_number(client: httpx.AsyncClient, form: dict[str, str], code: int) -> None:
    standard = {"To": canary_phone(), "From": SETTINGS.twilio_from, "Body": "Your code is 123456."}
    response = await client.post(TWILIO_PATH, data=standard | form, auth=TWILIO_AUTH)
    assert (response.status_code, response.json()["code"]) == (400, code)


@pytest.mark.parametrize("auth", [(SETTINGS.twilio_account_sid, "wrong"), ("AC1", "token"), None])
async def test_twilio_knows_its_account(client: httpx.AsyncClient, auth: Any) -> None:
    response = await client.post(TWILIO_PATH, data={}, auth=auth)
    assert (response.status_code, response.json()["code"]) == (401, 20003)


async def test_twilio_takes_so_many_requests_a_second(
    network: sms.SmsNetwork, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1_000.0
    monkeypatch.setattr(sms_twilio.time, "monotonic", lambda: clock)
    form = {"To": canary_phone(), "From": SETTINGS.twilio_from, "Body": "Your code is 123456."}
    answers = [await client.post(TWILIO_PATH, data=form, auth=TWILIO_AUTH) for _ in range(101)]
    assert [answer.status_code for answer in answers] == [201] * 100 + [429]
    clock += 1
    assert (await client.post(TWILIO_PATH, data=form, auth=TWILIO_AUTH)).status_code == 201


async def test_faults_come_in_turn_and_to_their_provider(client: httpx.AsyncClient) -> None:
    query = parameters(canary_phone(), TemplateCode="SMS_100003")
    for fault in (
        {"provider": "aliyun", "kind": "error", "code": "isv.AMOUNT_NOT_ENOUGH"},
        {"provider": "twilio", "kind": "status", "code": "503"},
        {"provider": "aliyun", "kind": "slow", "seconds": 0.01, "times": 2},
    ):
        assert (await client.post("/control/sms/faults", json=fault)).status_code == 204
    answers = [await send_aliyun(client, query) for _ in range(4)]
    assert answers == [(200, "isv.AMOUNT_NOT_ENOUGH"), (200, "OK"), (200, "OK"), (200, "OK")]
    assert (await client.post(TWILIO_PATH)).status_code == 503
    await client.delete("/control/sms")
    assert (await client.get("/control/sms/messages")).json() == []


async def test_fault_must_be_one_that_there_is(client: httpx.AsyncClient) -> None:
    for fault in ({"provider": "aliyun"}, {"provider": "other", "kind": "error"}, {"provider": "aliyun", "kind": "x"}):
        assert (await client.post("/control/sms/faults", content=json.dumps(fault))).status_code == 422
