"""What tests of one-time codes share."""

from datetime import timedelta
from typing import Any

import httpx

from forecourt.sms import code_from
from identity.otp_settings import OtpSettings
from servicekit.ids import new_id

from .conftest import Identity

APP = "forecourt-app"
GRANT = "urn:forecourt:grant:otp"
DEVICE = "device-of-its-owner"


async def ask(identity: Identity, phone: str, device_id: str = DEVICE, address: str = "198.51.100.7") -> httpx.Response:
    """The answer to a request for a code."""
    body = {"phone": phone, "device_id": device_id}
    return await identity.client.post("/v1/otp-requests", json=body, headers={"X-Forwarded-For": address})


async def ask_as_stranger(identity: Identity, phone: str) -> httpx.Response:
    """The same from a device and an address that nobody has seen before."""
    number = new_id().int
    return await ask(
        identity, phone, f"device-{number:x}", f"2001:db8:{number >> 16 & 0xFFFF:x}:{number & 0xFFFF:x}::1"
    )


async def sent_code(identity: Identity, phones: httpx.AsyncClient, phone: str, **how: Any) -> tuple[str, str]:
    """A new request's id and the code that the phone got for it."""
    await phones.delete("/control/sms")
    response = await ask(identity, phone, **how)
    assert response.status_code == 202, response.text
    return response.json()["request_id"], await code_from(str(phones.base_url), phone)


async def sign_in(identity: Identity, request_id: str, code: str, address: str = "198.51.100.7") -> httpx.Response:
    """The token endpoint's answer to a code."""
    form = {"grant_type": GRANT, "client_id": APP, "request_id": request_id, "code": code}
    return await identity.client.post("/v1/oauth/token", data=form, headers={"X-Forwarded-For": address})


def wrong(code: str) -> str:
    """Another code."""
    return f"{(int(code) + 1) % 10**6:06}"


def limit(identity: Identity, **limits: Any) -> None:
    """Gives the running service other limits; those not named are what production has."""
    identity.process.settings = identity.settings.model_copy(update={"otp": OtpSettings(**limits)})


async def pass_time(identity: Identity, age: timedelta) -> None:
    """Lets codes, messages and counts be older than they are: as good as waiting.

    The last statement sorts, so that all counts are gone before the first one comes back.
    """
    for statement in (
        "UPDATE otp_requests SET created_at = created_at - $1::interval, expires_at = expires_at - $1",
        "UPDATE sms_messages SET due_at = due_at - $1::interval, expires_at = expires_at - $1",
        "UPDATE sms_prefixes SET blocked_until = blocked_until - $1::interval, judged_at = judged_at - $1",
        "UPDATE familiar_devices SET seen_at = seen_at - $1::interval",
        """WITH counts AS (DELETE FROM limit_counts RETURNING *)
           INSERT INTO limit_counts (key, slot, count, ends_at)
           SELECT key, slot - $1::interval, count, ends_at - $1 FROM counts ORDER BY slot""",
    ):
        await identity.sql(statement, age)
