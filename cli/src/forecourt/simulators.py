"""What people and operators do at the simulated payment providers of a local stack."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp

from feeds.platform import PlatformError
from local_stack.config import Config
from local_stack.services import SERVICE_BY_NAME

PROVIDERS = {"wechat": "wechat-pay", "alipay": "alipay-pay"}
"""The name of each provider among the controls."""


class Simulators:
    """The controls of one stack's simulators."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def connected(cls, config: Config) -> AsyncIterator[Self]:
        """The controls, with an open session."""
        async with aiohttp.ClientSession(SERVICE_BY_NAME["simulators"].url(config)) as http:
            yield cls(http)

    async def pay(self, provider: str, client: Mapping[str, str], **how: bool) -> bool:
        """The payer confirms what the phone was handed; whether the provider took it. `how`: decline, late."""
        number = client.get("trade_no")
        what = {"trade_no": number} if number else {"prepay_id": client["package"]}
        status, _ = await self._ask("POST", provider, "payments", what | how)
        return status == 200

    async def trades(self, provider: str) -> list[dict[str, Any]]:
        """What was really charged and really given back."""
        return (await self._ask("GET", provider, "trades"))[1]

    async def set_faults(self, provider: str, faults: Mapping[str, Any]) -> None:
        """Replaces what goes wrong; nothing ends it."""
        status, answer = await self._ask("PUT", provider, "faults", dict(faults))
        if status != 200:
            raise PlatformError(f"the simulator of {provider} does not take {dict(faults)}: {answer}")

    async def struck(self, provider: str) -> dict[str, int]:
        """How often each fault has struck since they were set."""
        return (await self._ask("GET", provider, "faults"))[1]["struck"]

    async def set_pace(self, provider: str, speed: float) -> None:
        """Compresses the schedule by which notifications are tried again."""
        await self._ask("PUT", provider, "pace", {"speed": speed})

    async def _ask(self, method: str, provider: str, path: str, body: Any = None) -> tuple[int, Any]:
        url = f"/control/{PROVIDERS[provider]}/{path}"
        async with self._http.request(method, url, json=body) as reply:
            return reply.status, await reply.json()
