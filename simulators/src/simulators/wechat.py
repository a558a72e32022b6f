"""WeChat, simulated: a mini program's login codes, phone button and access tokens, with its error codes and limits."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, SecretStr

CODE_LIFE_SECONDS = 300.0
TOKEN_LIFE_SECONDS = 7200
TOKEN_OVERLAP_SECONDS = 300.0
"""Before a token ends the next one is given out, and both are good."""
LIMIT_PER_MINUTE = 100
"""Exchanges of codes of one person."""
MAX_CODES = 10_000
MAX_SLOW_SECONDS = 30.0
WORDS = {
    -1: "system error", 40001: "invalid credential, access_token is invalid or not latest", 40002: "invalid grant_type",
    40013: "invalid appid", 40029: "invalid code", 40125: "invalid appsecret", 40163: "code been used",
    40226: "code blocked", 41002: "appid missing", 41004: "appsecret missing", 41008: "missing code",
    42001: "access_token expired", 45011: "api minute-quota reach limit",
}  # fmt: skip


class WechatSettings(BaseModel):
    """The mini program that this WeChat knows; SIMULATORS_WECHAT__APP_ID and so on."""

    model_config = ConfigDict(frozen=True)

    app_id: str
    app_secret: SecretStr


class Login(BaseModel):
    """Who opens the mini program: their id within it, a new person's by default."""

    openid: str | None = None


class PhoneConsent(BaseModel):
    """Who presses the phone button, and the number they give."""

    phone: str
    """E.164."""
    country_code: str = "86"


class Mood(BaseModel):
    """What goes wrong from now on; what is not named goes well."""

    busy: int = 0
    """So many of the next answers are -1."""
    slow_seconds: float = 0
    down: bool = False
    high_risk: list[str] = []
    """Persons by openid."""
    watermark_appid: str | None = None
    """Whose number it says it is."""
    watermark_age_seconds: int = 0
    number_country_code: bool = False
    """Whether countryCode is a number in JSON, as it sometimes is."""


@dataclass
class _Code:
    made_at: float
    openid: str = ""
    phone: PhoneConsent | None = None
    is_used: bool = False


@dataclass
class WechatPlatform:
    """What WeChat knows; `clock` is in seconds."""

    settings: WechatSettings
    clock: Callable[[], float] = time.monotonic
    mood: Mood = field(default_factory=Mood)
    codes: dict[str, _Code] = field(default_factory=dict)
    exchanges: dict[str, deque[float]] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)
    """Access tokens and when they end."""

    def make_code(self, code: _Code) -> str:
        """A new one-use code; the oldest ones are forgotten where there are too many."""
        name = "0" + secrets.token_hex(15)
        self.codes[name] = code
        while len(self.codes) > MAX_CODES:
            del self.codes[next(iter(self.codes))]
        return name

    def spend(self, name: str, *, for_phone: bool) -> _Code | int:
        """The code, used from now on, or the error."""
        code = self.codes.get(name)
        if code is None or (code.phone is not None) != for_phone or self.clock() - code.made_at > CODE_LIFE_SECONDS:
            return 40029
        if code.is_used:
            return 40163 if not for_phone else 40029  # the phone route has one word for all bad codes
        code.is_used = True
        return code

    def exceeds_limit(self, openid: str) -> bool:
        """Whether the person's codes were exchanged too often in the last minute; counts this one."""
        now, times = self.clock(), self.exchanges.setdefault(openid, deque(maxlen=LIMIT_PER_MINUTE))
        while times and now - times[0] > 60:
            times.popleft()
        if len(times) >= LIMIT_PER_MINUTE:
            return True
        times.append(now)
        return False

    def credentials_error(self, app_id: str, secret: str) -> int:
        """0 where they are the app's."""
        if app_id != self.settings.app_id:
            return 40013
        expected = self.settings.app_secret.get_secret_value()
        return 0 if secrets.compare_digest(secret.encode(), expected.encode()) else 40125

    def access_token(self, *, fresh: bool) -> tuple[str, int]:
        """The app's token and its life: the same one until shortly before it ends, unless a fresh one is asked for."""
        now = self.clock()
        self.tokens = {} if fresh else {token: end for token, end in self.tokens.items() if end > now}
        for token, end in self.tokens.items():
            if end - now > TOKEN_OVERLAP_SECONDS:
                return token, int(end - now)
        token = secrets.token_urlsafe(64)
        self.tokens[token] = now + TOKEN_LIFE_SECONDS
        return token, TOKEN_LIFE_SECONDS

    def token_error(self, token: str) -> int:
        """0 where the access token is good."""
        if token not in self.tokens:
            return 40001
        return 0 if self.tokens[token] > self.clock() else 42001

    async def trouble(self) -> Response | None:
        """What the mood makes of this request, before it is looked at."""
        if self.mood.slow_seconds:
            await asyncio.sleep(min(self.mood.slow_seconds, MAX_SLOW_SECONDS))
        if self.mood.down:
            return PlainTextResponse("upstream connect error", 502)
        if self.mood.busy > 0:
            self.mood.busy -= 1
            return _error(-1)
        return None


def router(platform: WechatPlatform) -> APIRouter:
    """WeChat's own paths."""
    routes = APIRouter(tags=["wechat"])

    @routes.get("/sns/jscode2session")
    async def jscode2session(appid: str = "", secret: str = "", js_code: str = "", grant_type: str = "") -> Response:
        """Who a login code is of."""
        if trouble := await platform.trouble():
            return trouble
        if grant_type != "authorization_code":
            return _error(40002)
        if error := platform.credentials_error(appid, secret):
            return _error(error)
        code = platform.spend(js_code, for_phone=False)
        if isinstance(code, int):
            return _error(code)
        if platform.exceeds_limit(code.openid):
            return _error(45011)
        if code.openid in platform.mood.high_risk:
            return _error(40226)
        session_key = secrets.token_urlsafe(18)
        return JSONResponse({"openid": code.openid, "session_key": session_key, "unionid": f"u-{code.openid}"})

    @routes.post("/cgi-bin/stable_token")
    async def stable_token(body: Annotated[dict[str, Any], Body()]) -> Response:
        """The app's access token."""
        if trouble := await platform.trouble():
            return trouble
        if body.get("grant_type") != "client_credential":
            return _error(40002)
        if error := platform.credentials_error(str(body.get("appid", "")), str(body.get("secret", ""))):
            return _error(error)
        token, life = platform.access_token(fresh=body.get("force_refresh") is True)
        return JSONResponse({"access_token": token, "expires_in": life})

    @routes.post("/wxa/business/getuserphonenumber")
    async def phone_number(body: Annotated[dict[str, Any], Body()], access_token: str = "") -> Response:
        """The number behind a phone button's code."""
        if trouble := await platform.trouble():
            return trouble
        if error := platform.token_error(access_token):
            return _error(error)
        code = platform.spend(str(body.get("code", "")), for_phone=True)
        if isinstance(code, int):
            return _error(code)
        return JSONResponse({"errcode": 0, "errmsg": "ok", "phone_info": _phone_info(platform, code)})

    return routes


def control_router(platform: WechatPlatform) -> APIRouter:
    """What the person's own phone does, and what WeChat's operators may."""
    routes = APIRouter(prefix="/control/wechat", tags=["control"])

    @routes.post("/logins")
    async def log_in(login: Login) -> dict[str, str]:
        """The mini program's wx.login: a code for the server."""
        openid = login.openid or "o" + secrets.token_urlsafe(20)
        return {"js_code": platform.make_code(_Code(platform.clock(), openid)), "openid": openid}

    @routes.post("/phone-codes")
    async def press_phone_button(consent: PhoneConsent) -> dict[str, str]:
        """The phone button: a code for the server."""
        return {"code": platform.make_code(_Code(platform.clock(), phone=consent))}

    @routes.put("/mood")
    async def set_mood(mood: Mood) -> Mood:
        """Replaces what goes wrong."""
        platform.mood = mood
        return mood

    @routes.post("/tokens/revoke", status_code=204)
    async def revoke_tokens() -> None:
        """Ends all access tokens, as someone does who makes a new one by force."""
        platform.tokens.clear()

    return routes


def _error(code: int) -> JSONResponse:
    return JSONResponse({"errcode": code, "errmsg": f"{WORDS[code]}, rid: {secrets.token_hex(4)}"})


def _phone_info(platform: WechatPlatform, code: _Code) -> dict[str, Any]:
    assert code.phone is not None  # noqa: S101 - a phone's code has one
    country, mood = code.phone.country_code, platform.mood
    watermark = {
        "timestamp": int(time.time()) - mood.watermark_age_seconds,
        "appid": mood.watermark_appid or platform.settings.app_id,
    }
    pure = code.phone.phone.removeprefix(f"+{country}")
    return {
        "phoneNumber": pure if country == "86" else f"+{country}{pure}", "purePhoneNumber": pure,
        "countryCode": int(country) if mood.number_country_code else country, "watermark": watermark,
    }  # fmt: skip
