"""Events about people and what they may do, by ids alone; `schemas.events` has them too."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Event, Moment
from schemas.vocabulary import Version


class _UserEvent(Event):
    """Something about a person, by an id that means nothing to anybody but identity."""

    service = "identity"
    key_field = "user_id"

    user_id: UUID
    version: Version
    occurred_at: Moment


class UserRegisteredV1(_UserEvent):
    """A person has an account now."""

    kind: Annotated[Literal["driver", "staff"], Field(description="How the person came: by signing in, or invited")]


class UserErasedV1(_UserEvent):
    """A person is to be forgotten: every service deletes or shreds what it has of the person, and keeps its totals."""


class UserMergedV1(_UserEvent):
    """Two accounts were one person's: what belonged to `user_id` belongs to `into_user_id` from now on."""

    into_user_id: UUID


class StaffRole(Event):
    """A role and where it holds; a platform role has neither operators nor stations."""

    role: Annotated[str, Field(max_length=32, examples=["manager"])]
    operators: Annotated[list[Annotated[str, Field(max_length=64)]], Field(default_factory=list)]
    station_ids: Annotated[list[UUID], Field(default_factory=list)]


class StaffRoleChangedV1(_UserEvent):
    """A staff member's roles, all of them as they are now; none: no longer staff."""

    roles: list[StaffRole]
    changed_by: Annotated[UUID | None, Field(description="The person who changed it; null: an operator's command")]


class AccessRevokedV1(Event):
    """Access tokens that are no longer good, before they expire: of a session, or made from rights that are over."""

    service = "identity"
    key_field = "subject"

    subject: Annotated[UUID, Field(description="A person or a machine client")]
    session_id: Annotated[UUID | None, Field(description="The session that ended")] = None
    lowest_version: Annotated[
        int | None, Field(ge=1, description="Tokens of the subject with a lower `access_version` are refused")
    ] = None
    reason: Annotated[str, Field(max_length=32, description="A word; expect new ones", examples=["roles_changed"])]
    occurred_at: Moment
