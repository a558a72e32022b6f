"""Alipay as its mini programs use it: an authorization code becomes the person's id within our app.

https://opendocs.alipay.com/mini/84bc7352_alipay.system.oauth.token; the gateway's own codes are those of every method.
"""

import logging

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from servicekit.alipay_gateway import AlipayGateway
from servicekit.outbound import TIMEOUT_SECONDS, BaseUrl, CodeRefused, Outbound, PlatformAway, TooOften

log = logging.getLogger(__name__)

METHOD = "alipay.system.oauth.token"
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
        self._gateway = AlipayGateway(
            http, settings.base_url, settings.app_id, settings.app_private_key.get_secret_value(),
            settings.platform_public_key, settings.timeout_seconds,
        )  # fmt: skip

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
        try:
            return msgspec.json.decode(await self._gateway.call(method, **parameters), type=_Reply)
        except msgspec.DecodeError:
            raise PlatformAway("an answer that is not Alipay's") from None
