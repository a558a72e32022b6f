"""Signs people in to a running platform as their apps do: by a code from the phone, by WeChat, by the sign-in pages."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
from pyotp.totp import TOTP

from feeds.platform import PlatformError
from forecourt.sms import newest_code
from forecourt.staff import SignIn
from local_stack.config import Config
from local_stack.services import SERVICE_BY_NAME

APP, CONSOLE = "forecourt-app", "forecourt-console"
REDIRECT = "http://127.0.0.1/signed-in"
TOKEN, AUTHORIZE, OTP_REQUESTS = "/v1/oauth/token", "/v1/oauth/authorize", "/v1/otp-requests"
GRANT = "urn:forecourt:grant:"


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in with an app."""

    app: str
    access_token: str
    refresh_token: str
    scope: str


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

    def form_with(self, names: set[str]) -> Form:
        """The form that has these fields. Raises PlatformError."""
        for form in self.forms:
            if names <= form.names:
                return form
        raise PlatformError(f"the sign-in page has no form for {', '.join(sorted(names))}")


class SignIns:
    """Signs in at one platform; every method raises PlatformError where that fails."""

    def __init__(self, config: Config, http: aiohttp.ClientSession) -> None:
        self._config = config
        self._http = http

    async def driver(self, phone: str) -> Session:
        """The driver with this number (E.164), new unless it is known, by a code that comes as a text message."""
        asked, since = {"phone": phone, "device_id": f"device-{secrets.token_hex(8)}"}, datetime.now(UTC)
        async with self._http.post(OTP_REQUESTS, json=asked) as reply:
            request = await _json(reply, 202)
        form = {"request_id": request["request_id"], "code": await newest_code(self._config, phone, since)}
        return await self.token(APP, GRANT + "otp", **form, device_id=asked["device_id"])

    async def driver_with_wechat(self, openid: str) -> Session:
        """The driver with this WeChat id in our mini program, as WeChat on the phone would sign in."""
        return await self.token(APP, GRANT + "wechat", js_code=await self.wechat_code(openid))

    async def wechat_code(self, openid: str) -> str:
        """What wx.login gives on this person's phone: WeChat's simulator stands in for it."""
        logins = f"{SERVICE_BY_NAME['simulators'].url(self._config)}/control/wechat/logins"
        async with self._http.post(logins, json={"openid": openid}) as reply:
            return (await _json(reply, 200))["js_code"]

    async def alipay_code(self, open_id: str) -> str:
        """What my.getAuthCode gives on this person's phone."""
        logins = f"{SERVICE_BY_NAME['simulators'].url(self._config)}/control/alipay/logins"
        async with self._http.post(logins, json={"open_id": open_id}) as reply:
            return (await _json(reply, 200))["auth_code"]

    async def staff(self, who: SignIn, scope: str | None = None) -> Session:
        """The staff member, by password and second factor at the pages of the authorization server (PKCE)."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code", "client_id": CONSOLE, "redirect_uri": REDIRECT, "state": state,
            "code_challenge": challenge, "code_challenge_method": "S256",
        } | ({"scope": scope} if scope else {})  # fmt: skip
        page = await self._page("GET", AUTHORIZE, params=query)
        page = await self._submit(page, email=who.email, password=who.password)
        answer = await self._submit(page, code=TOTP(who.totp_secret).now())
        given = parse_qs(urlsplit(answer).query) if isinstance(answer, str) else {}
        if given.get("state") != [state]:
            raise PlatformError("the sign-in pages did not lead back to the app")
        code = given["code"][0]
        return await self.token(
            CONSOLE, "authorization_code", redirect_uri=REDIRECT, code=code, code_verifier=verifier
        )  # fmt: skip

    async def refresh(self, session: Session) -> Session:
        """The same person a little later."""
        return await self.token(session.app, "refresh_token", refresh_token=session.refresh_token)

    async def token(self, app: str, grant: str, **form: str) -> Session:
        """What the token endpoint gives an app for a grant."""
        async with self._http.post(TOKEN, data={"grant_type": grant, "client_id": app, **form}) as reply:
            answer = await _json(reply, 200)
        return Session(app, answer["access_token"], answer["refresh_token"], answer["scope"])

    async def _page(self, method: str, url: str, **options: Any) -> Page | str:
        """The next page, or the address where the browser is sent to."""
        async with self._http.request(method, url, allow_redirects=False, **options) as reply:
            if reply.status in {302, 303}:
                return reply.headers["Location"]
            if reply.status != 200:
                raise PlatformError(f"{method} {url}: {reply.status}")
            return Page(await reply.text())

    async def _submit(self, page: Page | str, **typed: str) -> Page | str:
        if isinstance(page, str):
            raise PlatformError("the sign-in pages ended early")
        form = page.form_with(set(typed))
        return await self._page("POST", urlsplit(form.action).path or AUTHORIZE, data=form.values | typed)


async def _json(reply: aiohttp.ClientResponse, status: int) -> Any:
    document = await reply.json(content_type=None)
    if reply.status != status:
        what = document.get("detail") or document.get("error_description") or document
        raise PlatformError(f"{reply.method} {reply.url.path}: {reply.status} {what}")
    return document
