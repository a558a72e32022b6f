"""What the routes of invitations take and give."""

from typing import Annotated

from pydantic import Field, StringConstraints

from loyalty.domain.referrals import LONGEST_CODE, Stage
from schemas.base import Moment
from servicekit.http_models import LINE_PATTERN, Model, Shown

Device = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{8,128}$"),
    Field(description="The random text by which the app signs in", examples=["b5bba9d6-6f0f-4b3e-9a55-3b8f3b3f4c5e"]),
]  # fmt: skip
Code = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=4, max_length=LONGEST_CODE, pattern=LINE_PATTERN),
    Field(description="Gaps and small letters do not matter", examples=["K7QM-2XHD-9TRA"]),
]  # fmt: skip


class NewInvitation(Model):
    """Where you ask for your code."""

    device_id: Device


class Friend(Shown):
    """Somebody who came by your invitation; who that is, you are not told."""

    came_at: Moment
    stage: Annotated[Stage, Field(examples=["registered"])]
    reasons: Annotated[list[str], Field(description="Why it is under review, or refused; for people", examples=[[]])]


class Invitation(Shown):
    """Your invitation, and who came by it."""

    code: Annotated[str | None, Field(description="null: you have none that is good", examples=["K7QM-2XHD-9TRA"])]
    expires_at: Moment | None
    came: Annotated[int, Field(examples=[2])]
    most_friends: Annotated[int, Field(description="So many may come by it", examples=[100])]
    friends: Annotated[list[Friend], Field(description="The newest first")]


class NewReferral(Model):
    """By whose invitation you came."""

    code: Code
    device_id: Device


class Referral(Shown):
    """That you came by an invitation."""

    came_at: Moment
