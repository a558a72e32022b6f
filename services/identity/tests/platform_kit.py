"""People with WeChat and Alipay on their phones, for tests: they act by the simulators' controls."""

from collections.abc import Mapping
from typing import Any

import httpx

from identity.domain.caller import Caller
from identity.domain.people import LoginKind, SignedIn
from identity.use_cases import alipay, people, wechat
from identity.use_cases.context import Identity as Process
from servicekit.ids import new_id
from servicekit.postgres import Connection

HERE = Caller("203.0.113.7")


class Platforms:
    """The controls of the simulated WeChat and Alipay."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def js_code(self, openid: str) -> str:
        """A fresh code of the person's WeChat."""
        return (await self._post("/control/wechat/logins", openid=openid))["js_code"]

    async def phone_code(self, phone: str, **fields: Any) -> str:
        """A fresh code of the phone button."""
        return (await self._post("/control/wechat/phone-codes", phone=phone, **fields))["code"]

    async def auth_code(self, open_id: str) -> str:
        """A fresh code of the person's Alipay."""
        return (await self._post("/control/alipay/logins", open_id=open_id))["auth_code"]

    async def mood(self, platform: str, **mood: Any) -> None:
        """What goes wrong from now on; nothing by default."""
        (await self._client.put(f"/control/{platform}/mood", json=mood)).raise_for_status()

    async def end_wechat_tokens(self) -> None:
        """Somebody made a new access token of the app by force."""
        (await self._client.post("/control/wechat/tokens/revoke")).raise_for_status()

    async def wechat_proof(self, openid: str) -> dict[str, str]:
        """A fresh proof of the person's WeChat, as the routes take it."""
        return {"kind": "wechat", "js_code": await self.js_code(openid)}

    async def alipay_proof(self, open_id: str) -> dict[str, str]:
        """A fresh proof of the person's Alipay, as the routes take it."""
        return {"kind": "alipay", "auth_code": await self.auth_code(open_id)}

    async def _post(self, path: str, **body: Any) -> dict[str, str]:
        response = await self._client.post(path, json=body)
        response.raise_for_status()
        return response.json()


def new_openid() -> str:
    """Somebody's id at a platform."""
    return f"canary-{new_id()}"


async def by_wechat(process: Process, form: Mapping[str, str]) -> SignedIn:
    """The grant of WeChat."""
    return await wechat.sign_in(process, form, HERE)


async def by_alipay(process: Process, form: Mapping[str, str]) -> SignedIn:
    """The grant of Alipay."""
    return await alipay.sign_in(process, form, HERE)


async def logins(process: Process, user_id: Any) -> set[tuple[LoginKind, str]]:
    """A person's ways to sign in, open."""

    async def look(tx: Connection) -> set[tuple[LoginKind, str]]:
        return {(one.kind, one.value) for one in await people.logins_of(process, tx, user_id)}

    return await process.store.transact(look)
