"""What the routes of flagged rewards take and give."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from loyalty.domain.misuse import FlagKind, FlagStatus
from schemas.base import Moment
from servicekit.http_models import Model, Shown

FLAG = "01900000-0000-7000-8000-0000000000f1"
DRIVER = "01900000-0000-7000-8000-00000000000d"
FRIEND = "01900000-0000-7000-8000-0000000009f2"
Note = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000, pattern=r"^[^\x00]+$"),
    Field(description="For those who look at it later", examples=["canary-note: a family with two cars"]),
]  # fmt: skip


class Decision(Model):
    """Why you decide so."""

    note: Note | None = None


class MyFlag(Shown):
    """Something that looks odd, and the reward that waits for a decision about it."""

    flag_id: UUID
    kind: Annotated[FlagKind, Field(examples=["same_device"])]
    reason: Annotated[str, Field(examples=["The inviter and the friend used the same device."])]
    status: Annotated[
        FlagStatus, Field(description="open: the reward waits; cleared: it is given; confirmed: it is refused")
    ]
    made_at: Moment
    decided_at: Moment | None
    order_id: UUID | None


class MyFlags(Shown):
    """The newest first."""

    flags: list[MyFlag]
    next_cursor: str | None


class Flag(MyFlag):
    """The same for those who decide."""

    driver_id: Annotated[str, Field(description="Whose reward waits", examples=[DRIVER])]
    friend_id: Annotated[str | None, Field(description="For whose coming it would be", examples=[FRIEND])]
    details: Annotated[dict[str, Any], Field(description="What was seen", examples=[{"fills": 9, "most": 8}])]
    decided_by: Annotated[str | None, Field(examples=[None])]
    note: Annotated[str | None, Field(description="null: none, or the driver was forgotten", examples=[None])]


class Flags(Shown):
    """The newest first."""

    flags: list[Flag]
    next_cursor: str | None
