"""What tests of the OAuth server share: a browser that fills in the sign-in page, an app, and people's sessions."""

import base64
import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import httpx

from forecourt.sms import code_from
from identity.domain.caller import Caller
from identity.domain.people import SignedIn, StaffRole
from identity.repository import apps
from identity.repository import staff as staff_repository
from identity.use_cases import people, sessions
from servicekit.access import Role
from servicekit.postgres import Connection

from .conftest import Identity

APP = "forecourt-app"
CONSOLE = "forecourt-console"
CALLBACK = "https://app.forecourt.example/signed-in"
AUTHORIZE, TOKEN, REVOKE = "/v1/oauth/authorize", "/v1/oauth/token", "/v1/oauth/revoke"


def new_pkce() -> tuple[str, str]:
    """A verifier and its S256 challenge."""
    verifier = secrets.token_urlsafe(48)
    return verifier, base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@dataclass
class Asking:
    """What an app asks for, and the secrets that it keeps meanwhile."""

    client_id: str = APP
    redirect_uri: str = CALLBACK
    state: str = field(default_factory=secrets.token_urlsafe)
    pkce: tuple[str, str] = field(default_factory=new_pkce)

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the authorization request."""
        return {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect_uri,
            "state": self.state, "code_challenge": self.pkce[1], "code_challenge_method": "S256",
        }  # fmt: skip

    def exchange(self, code: str) -> dict[str, str]:
        """The token request for a code."""
        return {
            "grant_type": "authorization_code", "code": code, "client_id": self.client_id,
            "redirect_uri": self.redirect_uri, "code_verifier": self.pkce[0],
        }  # fmt: skip


class Forms(HTMLParser):
    """The forms of a page: where they go, what is hidden in them, and their buttons."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.fields: set[str] = set()
        self.actions: set[str] = set()
        self.target = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name, value = found.get("name") or "", found.get("value") or ""
        if tag == "input" and found.get("type") == "hidden":
            self.hidden[name] = value
        elif tag == "input":
            self.fields.add(name)
        elif tag == "form":
            self.target = found.get("action") or ""
        elif tag == "button":
            self.actions.add(value)


class Browser:
    """A person's browser at the sign-in page; it keeps no cookies and runs no scripts."""

    def __init__(self, client: httpx.AsyncClient, **headers: str) -> None:
        self._client = client
        self._headers = headers
        self.page = httpx.Response(500)

    async def open(self, query: dict[str, str] | str) -> httpx.Response:
        """The first page."""
        self.page = await self._client.get(AUTHORIZE, params=query, headers=self._headers)  # pyright: ignore[reportArgumentType]
        return self.page

    async def press(self, action: str, **fields: str) -> httpx.Response:
        """Fills in the page's fields and presses a button of it."""
        forms = Forms(self.page.text)
        assert action in forms.actions, self.page.text
        assert set(fields) <= forms.fields
        form = forms.hidden | fields | {"action": action}
        self.page = await self._client.post(AUTHORIZE, data=form, headers=self._headers)
        return self.page


def returned(response: httpx.Response, uri: str = CALLBACK) -> dict[str, str]:
    """The parameters with which the browser comes back to the app."""
    assert response.status_code == 303, response.text
    location = urlsplit(response.headers["location"])
    assert location._replace(query="").geturl() == uri
    return dict(parse_qsl(location.query, strict_parsing=True))


async def code_by_phone(
    identity: Identity, phones: httpx.AsyncClient, phone: str, asking: Asking, **scope: str
) -> dict[str, str]:
    """What comes back to the app when the person signs in by phone."""
    browser, asked_at = Browser(identity.client), datetime.now(UTC)
    assert (await browser.open(asking.query | scope)).status_code == 200
    assert (await browser.press("phone", phone=phone)).status_code == 200, browser.page.text
    code = await code_from(str(phones.base_url), phone, asked_at)
    return returned(await browser.press("code", code=code), asking.redirect_uri)


@dataclass(frozen=True)
class Signed:
    """A person with a session of an app."""

    user_id: UUID
    session_id: UUID
    refresh_token: str
    client_id: str


async def sign_in(
    identity: Identity, *roles: StaffRole, client_id: str = APP, methods: Sequence[str] = (), driver: bool = True,
    scopes: Sequence[str] | None = None,
) -> Signed:  # fmt: skip
    """A new person with these roles, signed in to an app: by their methods, or as staff and drivers do."""

    async def work(tx: Connection) -> Signed:
        user = await people.register(identity.process, tx, is_driver=driver)
        if roles:
            await staff_repository.replace_roles(tx, user.id, roles, datetime.now(UTC))
        app = await apps.find_app(tx, client_id)
        assert app is not None
        how = tuple(methods) or (("pwd", "otp", "mfa") if roles else ("otp", "sms"))
        session = await sessions.open_session(
            identity.process, tx, SignedIn(user.id, how, datetime.now(UTC)), app, Caller("203.0.113.9", "canary-app"),
            scopes=scopes,
        )  # fmt: skip
        return Signed(user.id, session.id, session.refresh_token, client_id)

    return await identity.store.transact(work)


def refresh_form(token: str, client_id: str = APP) -> dict[str, str]:
    """The token request of a refresh."""
    return {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": token}


async def refresh(identity: Identity, signed: Signed, token: str | None = None, **form: str) -> httpx.Response:
    """The answer to a refresh."""
    standard = refresh_form(token or signed.refresh_token, signed.client_id)
    return await identity.client.post(TOKEN, data=standard | form)


async def next_token(identity: Identity, signed: Signed, token: str | None = None) -> str:
    """The refresh token after this one."""
    response = await refresh(identity, signed, token)
    assert response.status_code == 200, response.text
    return response.json()["refresh_token"]


async def age_session(identity: Identity, column: str, seconds: float) -> None:
    """Lets a moment of all sessions be longer ago than it is."""
    await identity.sql(f"UPDATE sessions SET {column} = {column} - make_interval(secs => $1)", seconds)  # noqa: S608


def manager(*operators: str) -> StaffRole:
    """A manager of these operators' stations."""
    return StaffRole(Role.MANAGER, operators)


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, unchecked."""
    text = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
