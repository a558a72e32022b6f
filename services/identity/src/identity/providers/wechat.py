"""WeChat as mini programs use it: a login code becomes an openid, a phone button's code a phone number.

https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html
https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-access-token/getStableAccessToken.html
https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-info/phone-number/getPhoneNumber.html
"""

import asyncio
import logging
import random
import time
from typing import TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from servicekit.outbound import (
    TIMEOUT_SECONDS,
    BaseUrl,
    CodeRefused,
    Outbound,
    PersonRefused,
    PlatformAway,
    TooOften,
)

log = logging.getLogger(__name__)

BUSY = -1
BAD_CODES = frozenset({40029, 40163})
"""Invalid or too old; used already."""
HIGH_RISK = 40226
RATE_LIMITS = frozenset({45009, 45011})
"""The day's and the minute's."""
STALE_TOKENS = frozenset({40001, 40014, 42001})
LIMIT_SECONDS = 60
BUSY_TRIES = 3
BUSY_WAIT_SECONDS = 0.1
TOKEN_MARGIN_SECONDS = 60
WATERMARK_SECONDS = 600
"""How old a number may be: its code lives 5 minutes, and clocks differ."""


class WechatSettings(BaseModel):
    """A mini program's credentials; IDENTITY_WECHAT__APP_ID and so on."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    app_id: str
    app_secret: SecretStr
    base_url: BaseUrl = "https://api.weixin.qq.com"
    timeout_seconds: float = Field(TIMEOUT_SECONDS, gt=0, le=30)


class _Answer(msgspec.Struct):
    errcode: int = 0


class _Session(_Answer):
    """jscode2session's answer. `session_key` is no field: it is dropped while the answer is read."""

    openid: str = ""


class _Token(_Answer):
    access_token: str = ""
    expires_in: int = 0


class _Watermark(msgspec.Struct):
    appid: str
    timestamp: int


class _PhoneInfo(msgspec.Struct):
    purePhoneNumber: str
    countryCode: str | int
    watermark: _Watermark


class _Phone(_Answer):
    phone_info: _PhoneInfo | None = None


Answer = TypeVar("Answer", bound=_Answer)


class Wechat:
    """One mini program at WeChat."""

    def __init__(self, settings: WechatSettings, http: Outbound) -> None:
        self._settings = settings
        self._http = http
        self._token = ""
        self._token_ends_at = float("-inf")
        self._token_lock = asyncio.Lock()

    async def openid_of(self, js_code: str) -> str:
        """The person's id within our mini program. Raises CodeRefused, PersonRefused, TooOften, PlatformAway.

        The code is spent by the first exchange, so after an unknown outcome it is never sent again.
        """
        query = {
            "appid": self._settings.app_id, "secret": self._settings.app_secret.get_secret_value(),
            "js_code": js_code, "grant_type": "authorization_code",
        }  # fmt: skip
        answer = await self._ask(_Session, "GET", "/sns/jscode2session", params=query)
        if not answer.openid:
            raise PlatformAway("a session without an openid")
        return answer.openid

    async def phone_of(self, code: str) -> str:
        """The number, E.164, that the person let WeChat give us. Raises as `openid_of` does."""
        try:
            answer = await self._ask_phone(code, await self._access_token())
        except _StaleToken:
            self._token_ends_at = float("-inf")
            answer = await self._ask_phone(code, await self._access_token())
        return _number(answer.phone_info, self._settings.app_id)

    async def _ask_phone(self, code: str, token: str) -> _Phone:
        path = "/wxa/business/getuserphonenumber"
        return await self._ask(_Phone, "POST", path, params={"access_token": token}, json={"code": code})

    async def _access_token(self) -> str:
        """The app's token. The stable one: what one replica gets does not end what another holds."""
        async with self._token_lock:
            if time.monotonic() >= self._token_ends_at:
                answer = await self._ask(_Token, "POST", "/cgi-bin/stable_token", json={
                    "grant_type": "client_credential", "appid": self._settings.app_id,
                    "secret": self._settings.app_secret.get_secret_value(),
                })  # fmt: skip
                if not answer.access_token:
                    raise PlatformAway("no access token in the answer")
                self._token = answer.access_token
                self._token_ends_at = time.monotonic() + answer.expires_in - TOKEN_MARGIN_SECONDS
            return self._token

    async def _ask(self, kind: type[Answer], method: str, path: str, **request: object) -> Answer:
        """An answer without an error. "Busy" says that nothing was done, so it is asked again, a few times."""
        answer = await self._ask_once(kind, method, path, **request)
        for attempt in range(1, BUSY_TRIES):
            if answer.errcode != BUSY:
                break
            await asyncio.sleep(BUSY_WAIT_SECONDS * attempt * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load
            answer = await self._ask_once(kind, method, path, **request)
        _require_success(answer.errcode)
        return answer

    async def _ask_once(self, kind: type[Answer], method: str, path: str, **request: object) -> Answer:
        url = self._settings.base_url + path
        status, body = await self._http.send(
            method, url, timeout_seconds=self._settings.timeout_seconds, **request
        )  # fmt: skip
        if status != 200:
            raise PlatformAway(f"status {status}")
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError:
            raise PlatformAway("an answer that is not WeChat's") from None


class _StaleToken(PlatformAway):
    """The access token is no longer good: someone made a new one, or it ran out."""


def _require_success(errcode: int) -> None:
    if errcode in BAD_CODES:
        raise CodeRefused(f"WeChat's error {errcode}")
    if errcode == HIGH_RISK:
        raise PersonRefused("WeChat's error 40226")
    if errcode in RATE_LIMITS:
        raise TooOften(LIMIT_SECONDS)
    if errcode in STALE_TOKENS:
        raise _StaleToken(f"WeChat's error {errcode}")
    if errcode:
        log.error("wechat refuses us", extra={"errcode": errcode})
        raise PlatformAway(f"WeChat's error {errcode}")


def _number(info: _PhoneInfo | None, app_id: str) -> str:
    """The number, once the watermark shows that it was given to our app, and just now."""
    if info is None or info.watermark.appid != app_id:
        raise PlatformAway("a phone number without our watermark")
    if abs(time.time() - info.watermark.timestamp) > WATERMARK_SECONDS:
        raise CodeRefused("a phone number that was given long ago")
    return f"+{info.countryCode}{info.purePhoneNumber}"
