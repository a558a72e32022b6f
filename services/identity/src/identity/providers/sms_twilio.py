"""Twilio Programmable Messaging: a POST to the account's Messages.

https://www.twilio.com/docs/messaging/api/message-resource
https://www.twilio.com/docs/api/errors
"""

from collections.abc import Mapping
from string import Template
from typing import Annotated

import aiohttp
import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from identity.domain.messages import Outcome, TextMessage, require_templates
from servicekit.outbound import TIMEOUT_SECONDS, BaseUrl, Outbound, PlatformAway

OUTCOMES = {
    21211: Outcome.IMPOSSIBLE,  # no valid number
    21214: Outcome.IMPOSSIBLE,  # cannot be reached
    21217: Outcome.IMPOSSIBLE,  # no valid number
    21610: Outcome.IMPOSSIBLE,  # the person wrote STOP: nobody writes to them against their will
    21614: Outcome.IMPOSSIBLE,  # no mobile number
    21635: Outcome.IMPOSSIBLE,  # a landline
    21408: Outcome.NOT_NOW,  # the account sends nothing to this country
    21612: Outcome.NOT_NOW,  # no way from this sender to this number
    63038: Outcome.AWAY,  # the day's messages of the account are used up
}
"""All other numbers say that nothing was sent, and why this account sends nothing: 20003 wrong credentials, 20429 too
many requests, 21606 not our sender..."""
TEXTS = {
    "code zh": "【Forecourt】您的验证码是${code},5分钟内有效,请勿告诉他人。",
    "code en": "Your Forecourt code is ${code}. It is good for 5 minutes. Tell it to nobody.",
    "login-changed zh": "【Forecourt】您的账户登录方式已变更。如非本人操作,请立即联系我们。",
    "login-changed en": "A way to sign in to your Forecourt account was changed. If it was not you, contact us now.",
}


class TwilioSettings(BaseModel):
    """An account and its sender."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    account_sid: str
    auth_token: SecretStr
    sender: str = Field(description="A number of the account, E.164, or a messaging service's id, MG...")
    texts: Annotated[Mapping[str, str], AfterValidator(require_templates)] = TEXTS
    base_url: BaseUrl = "https://api.twilio.com"
    timeout_seconds: float = Field(default=TIMEOUT_SECONDS, gt=0, le=15)


class _Error(msgspec.Struct):
    code: int = 0


class Twilio:
    """See `identity.providers.sms.SmsSender`."""

    name = "twilio"

    def __init__(self, settings: TwilioSettings, http: Outbound) -> None:
        self._settings = settings
        self._http = http

    async def send(self, message: TextMessage, reference: str, life_seconds: int) -> tuple[Outcome, str]:
        """See SmsSender; there is no place for `reference` here."""
        settings = self._settings
        sender = "MessagingServiceSid" if settings.sender.startswith("MG") else "From"
        form = {
            "To": message.phone.number, sender: settings.sender, "ValidityPeriod": str(max(1, life_seconds)),
            "Body": Template(settings.texts[message.template]).substitute(message.parameters),
        }  # fmt: skip
        credentials = aiohttp.encode_basic_auth(settings.account_sid, settings.auth_token.get_secret_value())
        try:
            status, body = await self._http.send(
                "POST", f"{settings.base_url}/2010-04-01/Accounts/{settings.account_sid}/Messages.json", data=form,
                headers={"Authorization": credentials}, timeout_seconds=settings.timeout_seconds,
            )  # fmt: skip
        except PlatformAway as error:
            return (Outcome.UNKNOWN if error.was_sent else Outcome.AWAY), str(error)
        return outcome_of(status, body)


def outcome_of(status: int, body: bytes) -> tuple[Outcome, str]:
    """What an answer means."""
    if status == 201:
        return Outcome.SENT, "created"
    try:
        code = msgspec.json.decode(body, type=_Error).code
    except msgspec.DecodeError:
        code = 0
    if status >= 500 or not status >= 400:
        return Outcome.UNKNOWN, f"HTTP {status}"
    return OUTCOMES.get(code, Outcome.AWAY), str(code or f"HTTP {status}")
