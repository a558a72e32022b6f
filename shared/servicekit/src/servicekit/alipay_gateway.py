"""Alipay's gateway: every method is one signed form, and one answer whose signature is checked before it is read."""

import logging
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from servicekit import alipay_signing as signing
from servicekit.outbound import Outbound, PlatformAway
from servicekit.rsa_signing import private_key, public_key

log = logging.getLogger(__name__)

ZONE = ZoneInfo("Asia/Shanghai")
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


class AlipayGateway:
    """One app at Alipay. Raises ValueError where its keys are none."""

    def __init__(
        self, http: Outbound, base_url: str, app_id: str, app_private_key: str, platform_public_key: str,
        timeout_seconds: float,
    ) -> None:  # fmt: skip
        self._http = http
        self._url = f"{base_url}/gateway.do"
        self._app_id = app_id
        self._key = private_key(app_private_key)
        self._timeout_seconds = timeout_seconds
        self.platform_key = public_key(platform_public_key)

    async def call(self, method: str, **parameters: str) -> str:
        """The answer's part that Alipay signed, errors too, or anybody could say what went wrong.

        Raises PlatformAway where there is no answer, or none that is signed.
        """
        form = parameters | {
            "app_id": self._app_id, "method": method, "format": "JSON", "charset": "utf-8", "sign_type": "RSA2",
            "timestamp": datetime.now(ZONE).strftime(TIME_FORMAT), "version": "1.0",
        }  # fmt: skip
        form["sign"] = signing.sign(signing.text_to_sign(form), self._key)
        status, body = await self._http.send(
            "POST", self._url, params={"charset": "utf-8"}, data=form, timeout_seconds=self._timeout_seconds
        )  # fmt: skip
        if status != 200:
            raise PlatformAway(f"status {status}")
        return self._signed_part(body, method)

    def _signed_part(self, body: bytes, method: str) -> str:
        try:
            parts = signing.parts_as_sent(body.decode())
            sent = parts.get(method.replace(".", "_") + "_response") or parts["error_response"]
            signature: Any = msgspec.json.decode(parts.get("sign", '""'), type=str)
        except (ValueError, KeyError, RecursionError, msgspec.DecodeError):
            raise PlatformAway("an answer that is not Alipay's") from None
        if not signing.is_signed(sent, signature, self.platform_key):
            log.error("alipay's answer is not signed", extra={"method": method})
            raise PlatformAway("an answer that Alipay did not sign")
        return sent
