"""kill -9 of identity while codes wait to be sent: after `up` each phone gets the code that it was promised."""

import asyncio
import re
from typing import Any

import aiohttp

from local_stack.config import Config
from local_stack.services import SERVICE_BY_NAME
from servicekit.testkit import canary_phone, eventually

from ..platform_kit import forecourt, kill

PHONES = 5
PROVIDERS = {"aliyun": "Throttling.User", "twilio": "20429"}
ARRIVAL_SECONDS = 60.0
"""What was in the middle of an attempt waits 30 seconds, in case it was sent."""


async def test_promised_codes_survive_the_death_of_identity(platform: Config) -> None:
    phones = [canary_phone() for _ in range(PHONES)]
    control = f"{SERVICE_BY_NAME['simulators'].url(platform)}/control/sms"
    async with aiohttp.ClientSession() as session:
        for provider, code in PROVIDERS.items():
            fault = {"provider": provider, "kind": "error", "code": code, "times": 1_000}
            await _post(session, f"{control}/faults", fault)
        body = {"device_id": "device-of-a-driver"}
        url = f"{platform.gateway_url}/v1/otp-requests"
        asked = {phone: await _post(session, url, body | {"phone": phone}) for phone in phones}
        kill(platform, "identity")
        (await session.delete(control)).raise_for_status()
        await asyncio.to_thread(forecourt, platform, "up")
        for phone, request in asked.items():

            async def arrived(phone: str = phone) -> str | None:
                return await _newest_code(session, control, phone)

            code = await eventually(arrived, timeout_seconds=ARRIVAL_SECONDS)
            assert code is not None
            assert await _signs_in(session, platform, request["request_id"], code)


async def _post(session: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> Any:
    async with session.post(url, json=body) as response:
        response.raise_for_status()
        return await response.json() if response.status == 202 else None


async def _newest_code(session: aiohttp.ClientSession, control: str, phone: str) -> str | None:
    async with session.get(f"{control}/messages", params={"phone": phone}) as response:
        messages = await response.json()
    return re.findall(r"\d{6}", messages[-1]["text"])[0] if messages else None


async def _signs_in(session: aiohttp.ClientSession, platform: Config, request_id: str, code: str) -> bool:
    form = {"grant_type": "urn:forecourt:grant:otp", "client_id": "forecourt-app"}
    form |= {"request_id": request_id, "code": code}
    async with session.post(f"{platform.gateway_url}/v1/oauth/token", data=form) as response:
        return response.status == 200
