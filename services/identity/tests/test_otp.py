"""One-time codes in the running service: asked for, delivered by the simulated providers, proved, attacked."""

from typing import Any

import httpx
import pytest

from forecourt.sms import code_from
from identity.domain.oauth import OAuthError
from identity.use_cases import otp
from servicekit.testkit import canary_phone

from .conftest import Identity

DEVICE = "device-of-a-test"


@pytest.fixture(autouse=True)
async def phones(simulators: httpx.AsyncClient) -> httpx.AsyncClient:
    """The simulated providers, with no messages and no faults."""
    await simulators.delete("/control/sms")
    return simulators


async def ask(identity: Identity, phone: str, device_id: str = DEVICE, address: str = "198.51.100.7") -> httpx.Response:
    """The answer to a request for a code."""
    body = {"phone": phone, "device_id": device_id}
    return await identity.client.post("/v1/otp-requests", json=body, headers={"X-Forwarded-For": address})


async def sent_code(identity: Identity, phones: httpx.AsyncClient, phone: str, **how: Any) -> tuple[str, str]:
    """A request's id and the code that the phone got for it."""
    await phones.delete("/control/sms")
    response = await ask(identity, phone, **how)
    assert response.status_code == 202, response.text
    return response.json()["request_id"], await code_from(str(phones.base_url), phone)


async def test_code_arrives_and_proves_the_phone_once(identity: Identity, phones: httpx.AsyncClient) -> None:
    phone = canary_phone()
    request_id, code = await sent_code(identity, phones, phone)
    assert await otp.prove(identity.process, request_id, code) == phone
    with pytest.raises(OAuthError):
        await otp.prove(identity.process, request_id, code)
