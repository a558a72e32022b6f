"""The demo's chapters on people: how they sign in, what they may do, what nobody can fake, and how they leave."""

import asyncio
import base64
import io
import json
import secrets
import time
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from joserfc import jwt
from joserfc.jwk import ECKey
from rich.table import Table

from feeds.platform import PlatformClient, PlatformError, connected
from forecourt.clients import ensure_client
from forecourt.console import out
from forecourt.sign_in import OTP_REQUESTS, Session, SignIns
from forecourt.sms import newest_message
from forecourt.staff import ensure_staff
from local_stack.config import Config, StackError
from local_stack.services import UPSTREAMS

PATIENCE_SECONDS = 30.0
ME = "/v1/me"


@dataclass(frozen=True)
class Cast:
    """Who plays in the story."""

    system: PlatformClient
    """The station system, a machine."""
    manager: PlatformClient
    driver: PlatformClient
    driver_session: Session


@asynccontextmanager
async def people_of(config: Config, operators: Sequence[str]) -> AsyncIterator[Cast]:
    """Everybody signs in, and is told of."""
    scopes = ["prices:write", "stations:write"]
    credentials = await asyncio.to_thread(ensure_client, config, "demo", scopes, operators, [])
    async with aiohttp.ClientSession(config.gateway_url) as http:
        signs_in = SignIns(config, http)
        session = await _sign_the_driver_in(config, http, signs_in)
        manager = await _sign_staff_in(config, http, signs_in, operators)
        async with (
            connected(config.gateway_url, credentials) as system,
            connected(config.gateway_url, access_token=manager.access_token) as staff,
            connected(config.gateway_url, access_token=session.access_token) as driver,
        ):
            await system.token()
            out.print(
                f"station system:  signed in by client credentials: {' '.join(scopes)}, for {len(operators)} operators"
            )
            yield Cast(system, staff, driver, session)


async def _sign_the_driver_in(config: Config, http: aiohttp.ClientSession, signs_in: SignIns) -> Session:
    """By a code from the phone, and by WeChat once that is linked."""
    phone, openid = f"+8619900{secrets.randbelow(10**6):06}", f"demo-{secrets.token_hex(8)}"
    session = await signs_in.driver(phone)
    message = await newest_message(config, phone)
    out.print(f"phone:           [dim]{message}[/]", highlight=False)
    me = await _me(http, session)
    out.print(f"driver:          signed in by code ({OTP_REQUESTS}) as {me['identities'][0]['shown']}")
    js_code = await signs_in.wechat_code(openid)
    proof = {"kind": "wechat", "js_code": js_code}
    async with http.post(f"{ME}/identities", json=proof, headers=_bearer(session)) as reply:
        if reply.status != 201:
            raise PlatformError(f"linking WeChat: {reply.status} {await reply.text()}")
    again = await signs_in.driver_with_wechat(openid)
    same = (await _me(http, again))["user_id"] == me["user_id"]
    out.print(f"driver:          linked WeChat, signed in with it: the same account: {'yes' if same else 'NO'}")
    return again


async def _sign_staff_in(
    config: Config, http: aiohttp.ClientSession, signs_in: SignIns, operators: Sequence[str]
) -> Session:
    """A manager, by password and second factor at the sign-in pages."""
    email, password = "manager@demo.forecourt.example", secrets.token_urlsafe(18)
    who = await asyncio.to_thread(ensure_staff, config, email, password, ["manager"], operators, name="Demo")
    session = await signs_in.staff(who)
    [role] = (await _me(http, session))["roles"]
    out.print(f"manager:         signed in by password and TOTP (/v1/oauth/authorize, PKCE): {role['role']} of "
              f"{', '.join(role['operators'])}")  # fmt: skip
    return session


async def show_what_nobody_can_fake(config: Config, driver: Session) -> None:
    """Tokens without a right signature, at the gateway and at each service's own port."""
    doors = {"gateway": config.gateway_url} | {service.name: service.url(config) for service in UPSTREAMS}
    paths = {"stations": "/v1/me/favourites", "pricing": "/v1/me/price-alerts"}
    table = Table("token", *doors, box=None, padding=(0, 2))
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{config.gateway_url}/.well-known/jwks.json") as reply:
            public = (await reply.json())["keys"][0]
        for name, token in _tokens(driver.access_token, public).items():
            answers: list[str] = []
            for door, url in doors.items():
                headers = {"Authorization": f"Bearer {token}"}
                async with http.get(url + paths.get(door, ME), headers=headers) as reply:
                    answers.append(f"[{'green' if reply.status == 200 else 'red'}]{reply.status}[/]")
            table.add_row(name, *answers)
    out.print(table)


def _tokens(good: str, public: dict[str, Any]) -> dict[str, str]:
    """The driver's token, and what a thief could make of it."""
    head, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    header = {"alg": "ES256", "typ": "at+jwt", "kid": public["kid"]}
    other = _encoded(claims | {"sub": "somebody else"})
    return {
        "the driver's own": good,
        "unsigned": f"{_encoded(header | {'alg': 'none'})}.{body}.",
        "self-made key": jwt.encode(header, claims, ECKey.generate_key("P-256")),
        "another name in it": f"{head}.{other}.{signature}",
    }


def _encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def show_a_driver_leave(config: Config, driver: Session) -> None:
    """Everything that is known of the driver in one archive, and then nothing."""
    async with aiohttp.ClientSession(config.gateway_url) as http:
        async with http.post(f"{ME}/export", headers=_bearer(driver)) as reply:
            export = await reply.json()
            if reply.status != 202:
                raise PlatformError(f"the export: {reply.status} {export}")
        ready = await _ready(http, driver, export["export_id"])
        async with http.get(ready["archive_url"], headers=_bearer(driver), raise_for_status=True) as reply:
            archive = zipfile.ZipFile(io.BytesIO(await reply.read()))
        out.print(f"driver:          everything in one archive: {', '.join(sorted(archive.namelist()))}")
        await _erase(http, driver)


async def _ready(http: aiohttp.ClientSession, driver: Session, export_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        async with http.get(f"{ME}/export/{export_id}", headers=_bearer(driver), raise_for_status=True) as reply:
            export = await reply.json()
        if export["archive_url"]:
            return export
        await asyncio.sleep(0.1)
    raise StackError("the export was not ready in time: see `./forecourt logs identity`")


async def _erase(http: aiohttp.ClientSession, driver: Session) -> None:
    me = await _me(http, driver)
    async with http.delete(ME, params={"confirm": "erase"}, headers=_bearer(driver), raise_for_status=True):
        erased_at = time.perf_counter()
    while True:
        async with http.get("/v1/me/price-alerts", headers=_bearer(driver)) as reply:
            if reply.status == 401:
                break
        if time.perf_counter() - erased_at > PATIENCE_SECONDS:
            raise StackError("an erased driver's token is still good at pricing: see `./forecourt logs pricing`")
        await asyncio.sleep(0.01)
    milliseconds = (time.perf_counter() - erased_at) * 1000
    out.print(f"driver:          erased; the access token is refused everywhere after {milliseconds:.0f} ms")
    out.print(f"proof:           ./forecourt personal-data report {me['user_id']}")


async def _me(http: aiohttp.ClientSession, session: Session) -> dict[str, Any]:
    async with http.get(ME, headers=_bearer(session), raise_for_status=True) as reply:
        return await reply.json()


def _bearer(session: Session) -> dict[str, str]:
    return {"Authorization": f"Bearer {session.access_token}"}
