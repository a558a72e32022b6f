"""Text message providers: what one is, and which of them sends a message."""

import time
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, model_validator

from identity.domain.messages import Outcome, TextMessage
from identity.providers.sms_aliyun import Aliyun, AliyunSettings
from identity.providers.sms_twilio import Twilio, TwilioSettings
from servicekit.outbound import Outbound

COOLING_SECONDS = 60.0
"""How long a provider that does not work is asked only where there is no other."""
ProviderName = Literal["aliyun", "twilio"]


class SmsSettings(BaseModel):
    """The providers, and in which order they are asked: IDENTITY_SMS__ALIYUN__KEY_ID and so on."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    aliyun: AliyunSettings | None = None
    twilio: TwilioSettings | None = None
    order: tuple[ProviderName, ...] = ("twilio", "aliyun")
    order_by_country: Mapping[int, tuple[ProviderName, ...]] = {86: ("aliyun", "twilio")}

    @model_validator(mode="after")
    def _has_one(self) -> "SmsSettings":
        if self.aliyun is None and self.twilio is None:
            raise ValueError("give at least one provider its settings: aliyun or twilio")
        return self


class SmsSender(Protocol):
    """A provider."""

    name: str

    async def send(self, message: TextMessage, reference: str, life_seconds: int) -> tuple[Outcome, str]:
        """One attempt: its outcome and the provider's word for it; never raises for what the provider does.

        The message is of no use after `life_seconds`; `reference` is our name for it.
        """
        ...


class SmsSenders:
    """All providers of the settings."""

    def __init__(self, settings: SmsSettings, http: Outbound) -> None:
        self._settings = settings
        senders: Sequence[SmsSender | None] = (
            Aliyun(settings.aliyun, http) if settings.aliyun else None,
            Twilio(settings.twilio, http) if settings.twilio else None,
        )
        self._by_name = {sender.name: sender for sender in senders if sender}
        self._cooling_until: dict[str, float] = {}

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._by_name)

    def choose(self, message: TextMessage, attempts: int) -> SmsSender:
        """Who sends a message for which so many attempts were made: the next in the country's order that works."""
        order = self._settings.order_by_country.get(message.phone.country, self._settings.order)
        known = [self._by_name[name] for name in dict.fromkeys((*order, *self._by_name)) if name in self._by_name]
        now = time.monotonic()
        working = [sender for sender in known if self._cooling_until.get(sender.name, 0.0) <= now]
        return (working or known)[attempts % len(working or known)]

    def note(self, sender: SmsSender, outcome: Outcome) -> None:
        """Remembers whether a provider works."""
        if outcome in (Outcome.AWAY, Outcome.UNKNOWN):
            self._cooling_until[sender.name] = time.monotonic() + COOLING_SECONDS
        else:
            self._cooling_until.pop(sender.name, None)
