"""Request and response of a one-time code."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from identity.domain.phones import MAX_CHARACTERS

DEVICE_PATTERN = r"^[A-Za-z0-9._:-]{8,128}$"


class OtpRequestBody(BaseModel):
    """Whom to send a code."""

    model_config = ConfigDict(extra="forbid")

    phone: Annotated[
        str,
        Field(
            min_length=3, max_length=MAX_CHARACTERS, examples=["+8613800138000"],
            description="A mobile phone with its country code; a Chinese one without it is understood, too",
        ),
    ]  # fmt: skip
    device_id: Annotated[
        str,
        Field(
            pattern=DEVICE_PATTERN, examples=["b5bba9d6-6f0f-4b3e-9a55-3b8f3b3f4c5e"],
            description="A random text that the app made when it was installed, and tells nobody else: a device that "
            "has shown this phone's code before is not locked out by what strangers do",
        ),
    ]  # fmt: skip


class OtpRequestResponse(BaseModel):
    """A code is on its way. The answer is the same whether or not the phone has an account."""

    request_id: UUID = Field(
        examples=["01985f3e-7c00-7000-8000-000000000001"], description="Send it back with the code"
    )
    expires_at: datetime = Field(examples=["2026-11-25T08:05:00Z"], description="How long the code is good")
    resend_at: datetime = Field(
        examples=["2026-11-25T08:00:30Z"], description="From when on another code may be asked for"
    )
