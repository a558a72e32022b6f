"""What the routes of a person's own account take and give."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from identity.domain.people import LoginKind
from identity.domain.profile import Channel, Language
from schemas.base import Moment
from schemas.vocabulary import Fuel
from servicekit.access import Role

NAME_PATTERN = "^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+$"
"""A line of text without what is not seen, or turns the direction of what follows."""
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50, pattern=NAME_PATTERN),
    Field(examples=["Little Red"]),
]  # fmt: skip


class Model(BaseModel):
    """The base of what comes in: fields that are not known are refused."""

    model_config = ConfigDict(extra="forbid")


class NotificationsChange(Model):
    """What to be told of, and how. Null brings a default back."""

    marketing: bool | None = None
    price_alerts: bool | None = None
    receipts: bool | None = None
    channels: Annotated[list[Channel] | None, Field(max_length=len(Channel), examples=[["push", "sms"]])] = None


class ProfileChange(Model):
    """Settings to change; null brings a default back."""

    nickname: Name | None = None
    locale: Language | None = None
    default_fuel: Fuel | None = None
    birthday_month: Annotated[int | None, Field(ge=1, le=12, strict=True, examples=[5])] = None
    notifications: NotificationsChange | None = None


class Shown(BaseModel):
    """The base of what goes out."""

    model_config = ConfigDict(from_attributes=True)


class Notifications(Shown):
    """What a person is told of, and how."""

    marketing: Annotated[bool, Field(examples=[False])]
    price_alerts: bool
    receipts: bool
    channels: list[Channel]


class Profile(Shown):
    """A person's own settings."""

    nickname: Annotated[str | None, Field(examples=["Little Red"])]
    locale: Language
    default_fuel: Fuel | None
    birthday_month: Annotated[int | None, Field(description="1 to 12", examples=[5])]
    notifications: Notifications


class SignInWay(BaseModel):
    """A way in which the person signs in, shown as far as one needs to know it by."""

    id: UUID
    kind: LoginKind
    shown: Annotated[str, Field(examples=["+86138****1234"])]
    verified_at: Moment


class HeldRole(BaseModel):
    """A role as staff, and where it holds."""

    role: Role
    operators: Annotated[list[str], Field(examples=[["aral"]])]
    station_ids: list[UUID]


class Account(BaseModel):
    """A person's account."""

    user_id: UUID
    created_at: Moment
    is_driver: bool
    roles: list[HeldRole]
    identities: list[SignInWay]
    profile: Profile
