"""People and machines who sign in to a running platform as the real ones do."""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import aiohttp
import asyncpg
from pyotp.totp import TOTP

from forecourt.clients import ensure_client
from forecourt.sms import newest_code
from forecourt.staff import SignIn
from identity.domain.people import StaffRole
from identity.settings import Settings
from identity.use_cases.context import Identity
from identity.use_cases.staff_commands import make_staff
from local_stack.config import Config
from local_stack.environment import service_environment
from servicekit.access import MACHINE_SCOPES, STATION_ROLES, Role
from servicekit.postgres import PostgresStore
from servicekit.testkit import canary_phone, settings_from

from ..platform_kit import forecourt

APP, CONSOLE = "forecourt-app", "forecourt-console"
REDIRECT = "http://127.0.0.1/signed-in"
TOKEN = "/v1/oauth/token"
AUTHORIZE = "/v1/oauth/authorize"
OTP_GRANT = "urn:forecourt:grant:otp"
WECHAT_GRANT = "urn:forecourt:grant:wechat"


@dataclass
class Session:
    """Somebody who is signed in; a machine has no refresh token."""

    name: str
    access_token: str
    refresh_token: str | None = None
    app: str = ""
    scope: str = ""

    @property
    def authorization(self) -> str:
        """The header's value."""
        return f"Bearer {self.access_token}"


@dataclass
class Form:
    """A form of a page: where it goes, and what it sends if nobody types."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


class Page(HTMLParser):
    """A page's forms, as a browser without scripts sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes a form or one of its fields."""
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(named.get("action", "")))
        elif tag in {"input", "button"} and "name" in named and self.forms:
            form = self.forms[-1]
            form.names.add(named["name"])
            if tag == "button" or named.get("type") == "hidden":
                form.values.setdefault(named["name"], named.get("value", ""))  # the first button is the one of Enter

    def form_with(self, *names: str) -> Form:
        """The form that has these fields."""
        return next(form for form in self.forms if set(names) <= form.names)


class People:
    """Signs people and machines in at one platform."""

    def __init__(self, config: Config, http: aiohttp.ClientSession) -> None:
        self.config = config
        self._http = http

    async def driver(self, name: str, phone: str | None = None) -> Session:
        """A driver, new unless the phone is known, signed in by a code that came by SMS."""
        phone = phone or canary_phone()
        asked, since = {"phone": phone, "device_id": f"device-{secrets.token_hex(8)}"}, datetime.now(UTC)
        async with self._http.post("/v1/otp-requests", json=asked) as reply:
            request = await reply.json(content_type=None)
            assert reply.status == 202, request
        code = await newest_code(self.config, phone, since)
        form = {"grant_type": OTP_GRANT, "client_id": APP, "request_id": request["request_id"], "code": code}
        return await self._token(name, APP, form | {"device_id": asked["device_id"]})

    async def driver_by_wechat(self, name: str, js_code: str) -> Session:
        """The driver whose WeChat gave this code."""
        return await self._token(name, APP, {"grant_type": WECHAT_GRANT, "client_id": APP, "js_code": js_code})

    async def staff(
        self, name: str, roles: Sequence[str], operators: Sequence[str] = (), stations: Sequence[str] = ()
    ) -> Session:
        """A new staff member with these roles, signed in by password and second factor."""
        return await self.sign_in(name, await self.hire(name, roles, operators, stations))

    async def hire(
        self, name: str, roles: Sequence[str], operators: Sequence[str] = (), stations: Sequence[str] = ()
    ) -> SignIn:
        """What a new staff member signs in with; made as `forecourt staff create` does, without a process for each."""
        email, password = f"{name}-{secrets.token_hex(6)}@canary-forecourt.example", secrets.token_urlsafe(18)
        places = tuple(operators), tuple(map(UUID, stations))
        held = [StaffRole(Role(role), *(places if role in STATION_ROLES else ((), ()))) for role in roles]
        settings = settings_from(Settings, service_environment(self.config, "identity"))
        async with PostgresStore.connect(settings) as store:
            identity = Identity(settings, store)
            made = await make_staff(identity, email, password, f"canary-{name}", held, replace_existing=False)
        return SignIn(str(made.user_id), made.email, password, made.enrolment.secret)

    async def sign_in(self, name: str, who: SignIn) -> Session:
        """Signs a staff member in at the pages of the authorization server, as the console does."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        state = secrets.token_urlsafe(16)
        query = {
            "response_type": "code", "client_id": CONSOLE, "redirect_uri": REDIRECT, "state": state,
            "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        page = await self._page("GET", AUTHORIZE, params=query)
        page = await self._submit(page, email=who.email, password=who.password)
        answer = await self._submit(page, code=TOTP(who.totp_secret).now())
        assert isinstance(answer, str), "the sign-in page went no further"
        given = parse_qs(urlsplit(answer).query)
        assert given["state"] == [state]
        form = {
            "grant_type": "authorization_code", "client_id": CONSOLE, "redirect_uri": REDIRECT,
            "code": given["code"][0], "code_verifier": verifier,
        }  # fmt: skip
        return await self._token(name, CONSOLE, form)

    async def dismiss(self, who: SignIn) -> None:
        """Takes all roles away from a staff member."""
        await asyncio.to_thread(forecourt, self.config, "staff", "remove", who.user_id)

    async def machine(self, name: str, operators: Sequence[str] = (), stations: Sequence[str] = ()) -> Session:
        """A station system that may all that one may."""
        made = await asyncio.to_thread(
            ensure_client, self.config, f"test-{name}", MACHINE_SCOPES, operators, list(stations)
        )
        headers = {"Authorization": aiohttp.encode_basic_auth(*made)}
        async with self._http.post(TOKEN, data={"grant_type": "client_credentials"}, headers=headers) as reply:
            answer = await reply.json()
            assert reply.status == 200, answer
        return Session(name, answer["access_token"], scope=answer["scope"])

    async def refresh(self, session: Session) -> Session:
        """The same person a little later."""
        form = {"grant_type": "refresh_token", "client_id": session.app, "refresh_token": session.refresh_token or ""}
        return await self._token(session.name, session.app, form)

    async def stale(self, session: Session) -> Session:
        """The same person, who signed in an hour ago."""
        connection = await asyncpg.connect(service_environment(self.config, "identity")["IDENTITY_POSTGRES_DSN"])
        try:
            changed = await connection.execute(
                "UPDATE sessions SET authenticated_at = authenticated_at - interval '1 hour' WHERE id = $1",
                claims_of(session.access_token)["sid"],
            )
        finally:
            await connection.close()
        assert changed == "UPDATE 1"
        return await self.refresh(session)

    async def _token(self, name: str, app: str, form: dict[str, str]) -> Session:
        async with self._http.post(TOKEN, data=form) as reply:
            answer = await reply.json(content_type=None)
            assert reply.status == 200, answer
        return Session(name, answer["access_token"], answer["refresh_token"], app, answer["scope"])

    async def _page(self, method: str, url: str, **options: Any) -> Any:
        """The next page, or the address where the browser is sent to."""
        async with self._http.request(method, url, allow_redirects=False, **options) as reply:
            if reply.status in {302, 303}:
                return reply.headers["Location"]
            text = await reply.text()
            assert reply.status == 200, text
            return Page(text)

    async def _submit(self, page: Page, **typed: str) -> Any:
        form = page.form_with(*typed)
        return await self._page("POST", urlsplit(form.action).path or AUTHORIZE, data=form.values | typed)


def claims_of(token: str) -> dict[str, Any]:
    """What an access token says, unchecked."""
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
