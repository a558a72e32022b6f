"""Invitations: shown to who made them, taken back, and used by who got the link."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from identity.api.context import caller_of, identity_of
from identity.api.refusals import refusals
from identity.domain.people import StaffRole
from identity.http_models import staff as models
from identity.repository.invitations import Invitation
from identity.use_cases import accepting, invitations
from identity.use_cases.accounts import user_id_of
from identity.use_cases.context import Identity
from servicekit.access import ANYONE, Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/staff-invitations", tags=["staff"])

Reader = Annotated[Principal, Requires(Permission.STAFF_READ)]
Manager = Annotated[Principal, Requires(Permission.STAFF_MANAGE)]


@router.get(
    "", summary="List your open invitations", response_model=models.InvitationPage,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_invitations(
    request: Request, reader: Reader, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> models.InvitationPage:
    """The invitations that you made and nobody has used yet."""
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    user_id_of(reader)
    found = await invitations.list_invitations(identity_of(request), reader, before, limit + 1)
    return models.InvitationPage(
        invitations=[models.OpenInvitation(**_fields(one.invitation, one.email)) for one in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda one: one.invitation.id),
    )


@router.delete(
    "/{invitation_id}", status_code=204, response_class=Response, summary="Take an invitation back",
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def take_invitation_back(
    request: Request, invitation_id: Annotated[UUID, Path(examples=[models.USER_ID])], manager: Manager
) -> None:
    """Ends an invitation that you made: its link is good for nothing."""
    user_id_of(manager)
    await invitations.take_back(identity_of(request), manager, invitation_id)


@router.post(
    "/accept", summary="Accept an invitation", response_model=models.Accepted,
    responses=problem_responses(400, 404, 413, 422, 429, 503), openapi_extra=ANYONE,
)  # fmt: skip
async def accept_invitation(request: Request, response: Response, body: models.Acceptance) -> models.Accepted:
    """The first of two steps; both can be taken again until the second has succeeded.

    Who is new chooses a password and a name, and gets the secret for an authenticator app. Who is staff already sends
    the password that they have, and goes on with the app that they have.
    """
    response.headers["Cache-Control"] = "no-store"
    with refusals():
        enrolment = await accepting.accept(
            identity_of(request), body.token, body.password, body.display_name, caller_of(request)
        )
    if enrolment is None:
        return models.Accepted(totp_secret=None, otpauth_uri=None)
    return models.Accepted(totp_secret=enrolment.secret, otpauth_uri=enrolment.uri)


@router.post(
    "/confirm", summary="Confirm an invitation", response_model=models.Confirmed,
    responses=problem_responses(400, 404, 409, 413, 422, 429, 503), openapi_extra=ANYONE,
)  # fmt: skip
async def confirm_invitation(request: Request, response: Response, body: models.Confirmation) -> models.Confirmed:
    """The second step, within an hour of the first: the app's code shows that it works, and you can sign in."""
    response.headers["Cache-Control"] = "no-store"
    done = await accepting.confirm(identity_of(request), body.token, body.totp_code, caller_of(request))
    return models.Confirmed(user_id=done.user_id, recovery_codes=done.recovery_codes)


def shown_invitation(identity: Identity, made: invitations.NewInvitation) -> models.NewInvitation:
    """An invitation with its link; the token is in the fragment, which no browser sends to a server."""
    link = f"{identity.settings.invitation_page}#{made.token}"
    return models.NewInvitation(**_fields(made.invitation, made.email), token=made.token, link=link)


def shown_role(role: StaffRole) -> models.HeldRoleAt:
    """A role and where it holds."""
    return models.HeldRoleAt(role=role.role, operators=list(role.operators), station_ids=list(role.stations))


def _fields(invitation: Invitation, email: str) -> dict[str, Any]:
    return {
        "invitation_id": invitation.id, "purpose": invitation.purpose.value, "email": email,
        "role": shown_role(invitation.role) if invitation.role else None, "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
    }  # fmt: skip
