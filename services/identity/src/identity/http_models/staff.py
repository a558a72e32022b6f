"""What the routes of staff and their invitations take and give."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from identity.domain.passwords import MAX_CHARACTERS, MAX_EMAIL_CHARACTERS, MIN_CHARACTERS
from identity.http_models.me import NAME_PATTERN, Model, Shown
from schemas.base import Moment

MAX_BINDINGS = 200
MAX_ROLES = 4
USER_ID = "0197f8a2-7c1e-7b7a-9d55-3f1b6f0c2a11"
TOKEN = "q1Yb2W4l0cJmX7d3rT9uKfVhN5sZpA8eGgLwQxRiUoE"  # noqa: S105 - an example

Email = Annotated[str, StringConstraints(min_length=3, max_length=MAX_EMAIL_CHARACTERS), Field(
    description="Without case", examples=["ada@station.example"],
)]  # fmt: skip
Operator = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NAME_PATTERN)]
Operators = Annotated[list[Operator], Field(max_length=MAX_BINDINGS, examples=[["aral"]])]
StationIds = Annotated[list[UUID], Field(max_length=MAX_BINDINGS, examples=[[USER_ID]])]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1_024), Field(
    description=f"{MIN_CHARACTERS} to {MAX_CHARACTERS} characters, whichever you like; nothing common, not the address",
    examples=["seven green pumps at noon"],
)]  # fmt: skip
Token = Annotated[str, StringConstraints(min_length=1, max_length=100), Field(
    description="From the invitation's link", examples=[TOKEN],
)]  # fmt: skip
Code = Annotated[str, StringConstraints(min_length=6, max_length=40), Field(
    description="What the authenticator app shows now; for the one you have, a recovery code will do",
    examples=["492039"],
)]  # fmt: skip
StationRole = Literal["attendant", "manager", "owner", "finance"]


class RoleAt(Model):
    """A role and where it holds: at all stations of operators, at single stations, or both."""

    role: Annotated[StationRole, Field(examples=["manager"])]
    operators: Annotated[Operators, Field(default_factory=list)]
    station_ids: Annotated[StationIds, Field(default_factory=list)]

    @model_validator(mode="after")
    def _is_bound(self) -> "RoleAt":
        if not (self.operators or self.station_ids):
            raise PydanticCustomError("unbound", "send operators, station_ids or both: a role holds somewhere")
        return self


class NewStaff(RoleAt):
    """Whom to invite to what."""

    email: Email


class RolesChange(Model):
    """What a person is from now on, as far as you manage it."""

    roles: Annotated[list[RoleAt], Field(min_length=1, max_length=MAX_ROLES)]


class SignInReset(Model):
    """What the person has lost; they need the other one."""

    lost: Annotated[Literal["second-factor", "password"], Field(examples=["second-factor"])]


class HeldRoleAt(Shown):
    """A role and where it holds."""

    role: Annotated[str, Field(examples=["manager"])]
    operators: Annotated[list[str], Field(examples=[["aral"]])]
    station_ids: Annotated[list[UUID], Field(examples=[[USER_ID]])]


class StaffMember(Shown):
    """A colleague, with the roles that you may see."""

    user_id: UUID
    email: Annotated[str, Field(examples=["ada@station.example"])]
    name: Annotated[str, Field(examples=["Ada"])]
    roles: list[HeldRoleAt]


class StaffPage(Shown):
    """Staff, the newest first; `next_cursor` is null on the last page."""

    staff: list[StaffMember]
    next_cursor: str | None


class OpenInvitation(Shown):
    """An invitation that was not used yet."""

    invitation_id: UUID
    purpose: Annotated[Literal["join", "second-factor", "password"], Field(examples=["join"])]
    email: Annotated[str, Field(examples=["ada@station.example"])]
    role: HeldRoleAt | None
    created_at: Moment
    expires_at: Annotated[Moment, Field(examples=["2026-05-08T12:00:00Z"])]


class NewInvitation(OpenInvitation):
    """An invitation; its token, and the link with it, are shown this one time. Give the link to the person."""

    token: Annotated[str, Field(examples=[TOKEN])]
    link: Annotated[str, Field(examples=[f"https://console.forecourt.example/join#{TOKEN}"])]


class InvitationPage(Shown):
    """Your open invitations, the newest first; `next_cursor` is null on the last page."""

    invitations: list[OpenInvitation]
    next_cursor: str | None


class Acceptance(Model):
    """The first step."""

    token: Token
    password: Password
    display_name: Annotated[
        str | None, StringConstraints(strip_whitespace=True, min_length=1, max_length=50, pattern=NAME_PATTERN),
        Field(description="What colleagues call you; not where you are staff already", examples=["Ada"]),
    ] = None  # fmt: skip


class Accepted(Shown):
    """For the authenticator app, shown this one time; null where you go on with the app that you have."""

    totp_secret: Annotated[str | None, Field(examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"])]
    otpauth_uri: Annotated[
        str | None,
        Field(
            description="The text of the QR code",
            examples=["otpauth://totp/Forecourt:ada%40station.example?secret=JBSWY3DPEHPK3PXP&issuer=Forecourt"],
        ),
    ]


class Confirmation(Model):
    """The second step."""

    token: Token
    totp_code: Code


class RecoveryCodes(Shown):
    """Each good once in place of the app's code, shown this one time; empty where yours stay."""

    recovery_codes: Annotated[list[str], Field(examples=[["MFRG-GZDF-MZTW-Q2LK"]])]


class Confirmed(RecoveryCodes):
    """You can sign in."""

    user_id: UUID


class PasswordChange(Model):
    """The old password and the new one."""

    old_password: Annotated[
        str, StringConstraints(min_length=1, max_length=1_024), Field(examples=["five blue pumps at dawn"])
    ]
    new_password: Password
