"""Alibaba Cloud Short Message Service: action SendSms, version 2017-05-25, signed by ACS3-HMAC-SHA256.

https://help.aliyun.com/en/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms
https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote, urlsplit

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from identity.domain.messages import Outcome, TextMessage, require_templates
from servicekit.outbound import TIMEOUT_SECONDS, BaseUrl, Outbound, PlatformAway

ALGORITHM = "ACS3-HMAC-SHA256"
ACTION, VERSION = "SendSms", "2017-05-25"
MAINLAND = 86
OUTCOMES = {
    "OK": Outcome.SENT,
    "isv.MOBILE_NUMBER_ILLEGAL": Outcome.IMPOSSIBLE,
    "isv.BUSINESS_LIMIT_CONTROL": Outcome.NOT_NOW,
    "isv.BLACK_KEY_CONTROL_LIMIT": Outcome.NOT_NOW,
    "isp.SYSTEM_ERROR": Outcome.UNKNOWN,
    "isp.UNKNOWN": Outcome.UNKNOWN,
    "isp.GATEWAY_ERROR": Outcome.UNKNOWN,
}
"""All other codes say that nothing was sent, and why this account sends nothing: isv.AMOUNT_NOT_ENOUGH,
isv.OUT_OF_SERVICE, isv.DAY_LIMIT_CONTROL, isv.SMS_TEMPLATE_ILLEGAL, Throttling.User, SignatureDoesNotMatch..."""


class AliyunSettings(BaseModel):
    """An account, its approved signature and its approved templates."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key_id: str
    key_secret: SecretStr
    sign_name: str
    templates: Annotated[Mapping[str, str], AfterValidator(require_templates)] = Field(
        description="Our template's name, e.g. `code zh`, to the approved one's code"
    )
    base_url: BaseUrl = "https://dysmsapi.aliyuncs.com"
    timeout_seconds: float = Field(default=TIMEOUT_SECONDS, gt=0, le=15)


class _Answer(msgspec.Struct):
    Code: str = ""


class Aliyun:
    """See `identity.providers.sms.SmsSender`."""

    name = "aliyun"

    def __init__(self, settings: AliyunSettings, http: Outbound) -> None:
        self._settings = settings
        self._http = http

    async def send(self, message: TextMessage, reference: str, life_seconds: int) -> tuple[Outcome, str]:
        """See SmsSender; `life_seconds` is what the account's own settings say here."""
        settings = self._settings
        parameters = {
            "OutId": reference, "PhoneNumbers": _number(message), "SignName": settings.sign_name,
            "TemplateCode": settings.templates[message.template],
            "TemplateParam": msgspec.json.encode(message.parameters).decode(),
        }  # fmt: skip
        headers = signed_headers(
            settings.key_id, settings.key_secret.get_secret_value(), urlsplit(settings.base_url).netloc, ACTION,
            VERSION, parameters, datetime.now(UTC), secrets.token_hex(16),
        )  # fmt: skip
        try:
            status, body = await self._http.send(
                "POST", f"{settings.base_url}/", params=parameters, headers=headers,
                timeout_seconds=settings.timeout_seconds,
            )  # fmt: skip
        except PlatformAway as error:
            return (Outcome.UNKNOWN if error.was_sent else Outcome.AWAY), str(error)
        return outcome_of(status, body)


def outcome_of(status: int, body: bytes) -> tuple[Outcome, str]:
    """What an answer means. The service's errors come with HTTP 200, the gateway's with 4xx and 5xx."""
    try:
        code = msgspec.json.decode(body, type=_Answer).Code
    except msgspec.DecodeError:
        code = ""
    if code.startswith("Throttling"):  # with 400, 429 or 503, by its place
        return Outcome.AWAY, code
    if status >= 500 or not code:
        return Outcome.UNKNOWN, code or f"HTTP {status}"
    return OUTCOMES.get(code, Outcome.AWAY), code


def signed_headers(
    key_id: str, key_secret: str, host: str, action: str, version: str, query: Mapping[str, str], at: datetime,
    nonce: str,
) -> dict[str, str]:  # fmt: skip
    """The headers of an RPC request with an empty body; `query` goes into the URL."""
    empty = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": host, "x-acs-action": action, "x-acs-content-sha256": empty,
        "x-acs-date": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "x-acs-signature-nonce": nonce, "x-acs-version": version,
    }  # fmt: skip
    canonical_query = "&".join(f"{_quoted(name)}={_quoted(query[name])}" for name in sorted(query))
    canonical_headers = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    signed = ";".join(sorted(headers))
    request = "\n".join(["POST", "/", canonical_query, canonical_headers, signed, empty])
    text = f"{ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(key_secret.encode(), text.encode(), "sha256").hexdigest()
    return headers | {"Authorization": f"{ALGORITHM} Credential={key_id},SignedHeaders={signed},Signature={signature}"}


def _quoted(text: str) -> str:
    return quote(text, safe="~")


def _number(message: TextMessage) -> str:
    """A mainland number without its country code, any other one with it and no plus sign."""
    phone = message.phone
    digits = phone.number.removeprefix("+")
    return digits.removeprefix(str(MAINLAND)) if phone.country == MAINLAND else digits
