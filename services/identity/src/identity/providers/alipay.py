"""Alipay as its mini programs use it: an authorization code becomes the person's id within our app.

https://opendocs.alipay.com/mini/84bc7352_alipay.system.oauth.token; the gateway's own codes are those of every method.
"""

import logging
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from servicekit import alipay_signing as signing
from servicekit.outbound import TIMEOUT_SECONDS, BaseUrl, CodeRefused, Outbound, PlatformAway, TooOften
from servicekit.rsa_signing import private_key, public_key

log = logging.getLogger(__name__)

METHOD = "alipay.system.oauth.token"
ZONE = ZoneInfo("Asia/Shanghai")
SUCCESS = "10000"
CALL_LIMITED = "40005"
BAD_CODES = frozenset({"isv.code-invalid"})
"""Alipay has one word for a code that is wrong, used or too old."""
LIMIT_SECONDS = 60


class AlipaySettings(BaseModel):
    """An app's id and keys; IDENTITY_ALIPAY__APP_ID and so on."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    app_id: str
    app_private_key: SecretStr = Field(description="Ours: base64 of PKCS#1 or PKCS#8")
    platform_public_key: str = Field(description="Alipay's, for this app: base64 of its SubjectPublicKeyInfo")
    base_url: BaseUrl = "https://openapi.alipay.com"
    timeout_seconds: float = Field(TIMEOUT_SECONDS, gt=0, le=30)


class _Reply(msgspec.Struct):
    code: str = SUCCESS
    sub_code: str = ""
    open_id: str = ""
    user_id: str = ""


class Alipay:
    """One app at Alipay. Raises ValueError where its keys are none."""

    def __init__(self, settings: AlipaySettings, http: Outbound) -> None:
        self._settings = settings
        self._http = http
        self._key = private_key(settings.app_private_key.get_secret_value())
        self._platform_key = public_key(settings.platform_public_key)

    async def user_of(self, auth_code: str) -> str:
        """The person's open_id within our app; the user_id where an app is still of the older kind.

        Raises CodeRefused, TooOften, PlatformAway. The code is spent by the first exchange: it is sent once.
        """
        reply = await self._call(METHOD, grant_type="authorization_code", code=auth_code)
        if reply.sub_code in BAD_CODES:
            raise CodeRefused(f"Alipay's {reply.sub_code}")
        if reply.code == CALL_LIMITED:
            raise TooOften(LIMIT_SECONDS)
        if reply.code != SUCCESS or reply.sub_code:
            log.error("alipay refuses us", extra={"error_code": reply.code, "sub_code": reply.sub_code})
            raise PlatformAway(f"Alipay's {reply.code} {reply.sub_code}")
        if not (person := reply.open_id or reply.user_id):
            raise PlatformAway("a token without a person")
        return person

    async def _call(self, method: str, **parameters: str) -> _Reply:
        form = parameters | {
            "app_id": self._settings.app_id, "method": method, "format": "JSON", "charset": "utf-8",
            "sign_type": "RSA2", "timestamp": datetime.now(ZONE).strftime("%Y-%m-%d %H:%M:%S"), "version": "1.0",
        }  # fmt: skip
        form["sign"] = signing.sign(signing.text_to_sign(form), self._key)
        status, body = await self._http.send(
            "POST", f"{self._settings.base_url}/gateway.do", params={"charset": "utf-8"}, data=form,
            timeout_seconds=self._settings.timeout_seconds,
        )  # fmt: skip
        if status != 200:
            raise PlatformAway(f"status {status}")
        return self._verified(body, method)

    def _verified(self, body: bytes, method: str) -> _Reply:
        """The answer, once Alipay's signature is found good: an error too, or anybody could say what went wrong."""
        try:
            parts = signing.parts_as_sent(body.decode())
            sent = parts.get(method.replace(".", "_") + "_response") or parts["error_response"]
            signature: Any = msgspec.json.decode(parts.get("sign", '""'), type=str)
            reply = msgspec.json.decode(sent, type=_Reply)
        except (ValueError, KeyError, RecursionError, msgspec.DecodeError):
            raise PlatformAway("an answer that is not Alipay's") from None
        if not signing.is_signed(sent, signature, self._platform_key):
            log.error("alipay's answer is not signed", extra={"error_code": reply.code, "sub_code": reply.sub_code})
            raise PlatformAway("an answer that Alipay did not sign")
        return reply
