"""What the routes of a person's sessions give."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from identity.http_models.me import Shown
from schemas.base import Moment


class SignedInDevice(Shown):
    """A device, or a browser, on which the person is signed in."""

    session_id: UUID
    is_current: Annotated[bool, Field(description="Whether it is the one that asks", examples=[True])]
    app: Annotated[str, Field(examples=["Forecourt"])]
    device: Annotated[str, Field(description="What it calls itself", examples=["Mi 15, Android 17"])]
    methods: Annotated[list[str], Field(description="How the person proved who they are", examples=[["otp", "sms"]])]
    authenticated_at: Moment
    created_at: Moment
    last_used_at: Moment
    expires_at: Annotated[
        Moment, Field(description="When the person must sign in again", examples=["2026-07-30T12:00:00Z"])
    ]


class SignedInDevices(Shown):
    """Where the person is signed in, the last used first."""

    sessions: list[SignedInDevice]


class SignOut(Shown):
    """How many sessions ended."""

    ended: Annotated[int, Field(examples=[2])]
