"""The phones that simulated SMS providers reach, and the controls of both: what arrived, and what is to go wrong."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from servicekit.ids import new_id

MAX_MESSAGES = 2_000
MAX_HANG_SECONDS = 60.0
ProviderName = Literal["aliyun", "twilio"]
Answer = Callable[[], Awaitable[Response]]


class SmsSettings(BaseModel):
    """Who may send by the simulated providers, and how often."""

    model_config = ConfigDict(frozen=True)

    aliyun_key_id: str = "forecourt-local"
    aliyun_key_secret: SecretStr
    aliyun_sign_name: str = "Forecourt"
    aliyun_templates: Mapping[str, str] = {
        "SMS_100001": "您的验证码是${code},5分钟内有效,请勿告诉他人。",
        "SMS_100002": "Your code is ${code}. It is good for 5 minutes. Tell it to nobody.",
        "SMS_100003": "您的账户登录方式已变更。如非本人操作,请立即联系我们。",
        "SMS_100004": "A way to sign in to your account was changed. If it was not you, contact us now.",
    }
    """Approved templates: code to text, with `${name}` where a parameter goes."""
    aliyun_per_minute: int = Field(default=1, description="Codes to one phone; 0: no limit", ge=0)
    aliyun_per_hour: int = Field(default=5, ge=0)
    aliyun_per_day: int = Field(default=10, ge=0)
    twilio_account_sid: str = "AC" + "0" * 32
    twilio_auth_token: SecretStr
    twilio_from: str = "+12025550100"
    twilio_per_second: int = Field(default=100, ge=0, description="Requests of the account; 0: no limit")


class Message(BaseModel):
    """A text message on somebody's phone."""

    id: str
    provider: ProviderName
    phone: str = Field(description="E.164")
    text: str
    received_at: datetime


class Fault(BaseModel):
    """What goes wrong with the next requests to a provider."""

    model_config = ConfigDict(extra="forbid")

    provider: ProviderName
    kind: Literal["error", "status", "slow", "hang_after_accepting"]
    code: str = Field(default="", description="`error`: the provider's code; `status`: an HTTP status, with no body")
    seconds: float = Field(
        default=1.0, ge=0, le=MAX_HANG_SECONDS, description="How long `slow` and `hang_after_accepting` take"
    )
    times: int = Field(default=1, ge=1, le=10_000, description="So many requests")


@dataclass
class SmsNetwork:
    """What the providers share: the phones, and the faults that were asked for."""

    settings: SmsSettings
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=MAX_MESSAGES))
    faults: list[Fault] = field(default_factory=list)

    def deliver(self, provider: ProviderName, phone: str, text: str) -> Message:
        """Shows a message on its phone."""
        message = Message(id=str(new_id()), provider=provider, phone=phone, text=text, received_at=datetime.now(UTC))
        self.messages.append(message)
        return message

    def sent_since(self, provider: ProviderName, phone: str, age: timedelta) -> int:
        """How many messages a phone got through one provider lately."""
        start = datetime.now(UTC) - age
        return sum(m.provider == provider and m.phone == phone and m.received_at > start for m in self.messages)

    def take_fault(self, provider: ProviderName) -> Fault | None:
        """The fault that the provider's next request meets."""
        fault = next((one for one in self.faults if one.provider == provider), None)
        if fault is not None:
            fault.times -= 1
            self.faults = [one for one in self.faults if one.times > 0]
        return fault

    async def answer(self, provider: ProviderName, error: Callable[[str], Response], accept: Answer) -> Response:
        """The provider's answer, or what a fault makes of it."""
        fault = self.take_fault(provider)
        if fault is None:
            return await accept()
        if fault.kind == "error":
            return error(fault.code)
        if fault.kind == "status":
            return Response(status_code=int(fault.code))
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return await accept()
        answer = await accept()
        await asyncio.sleep(fault.seconds)
        return answer


def control_router(network: SmsNetwork) -> APIRouter:
    """`/control/sms/...`: no provider has these routes."""
    router = APIRouter(prefix="/control/sms", tags=["control"])

    @router.get("/messages", summary="The newest messages, the oldest of them first")
    async def list_messages(
        phone: Annotated[str | None, Query(description="E.164")] = None, limit: Annotated[int, Query(ge=1)] = 100
    ) -> list[Message]:
        """What phones got."""
        return [message for message in network.messages if phone in (None, message.phone)][-limit:]

    @router.post("/faults", status_code=204, summary="Let requests fail")
    async def add_fault(fault: Fault) -> None:
        """Each of the next `times` requests to the provider meets the fault; later faults wait their turn."""
        network.faults.append(fault)

    @router.delete("", status_code=204, summary="Forget messages and faults")
    async def reset() -> None:
        """As after a restart."""
        network.messages.clear()
        network.faults.clear()

    return router
