"""Staff: who is, invited, changed, removed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from identity.api.context import identity_of
from identity.api.invitations import shown_invitation, shown_role
from identity.api.refusals import refusals
from identity.domain.invitations import Purpose
from identity.domain.people import StaffRole
from identity.http_models import staff as models
from identity.use_cases import invitations, staff
from identity.use_cases.accounts import user_id_of
from servicekit.access import Permission, Role
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/staff", tags=["staff"])

Reader = Annotated[Principal, Requires(Permission.STAFF_READ)]
Manager = Annotated[Principal, Requires(Permission.STAFF_MANAGE)]
UserId = Annotated[UUID, Path(examples=[models.USER_ID])]


@router.get(
    "", summary="List staff", response_model=models.StaffPage, responses=problem_responses(400, 401, 403, 422, 503)
)  # fmt: skip
async def list_staff(
    request: Request, reader: Reader, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> models.StaffPage:
    """Who works at your operators and stations, and as what."""
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    user_id_of(reader)
    found = await staff.list_staff(identity_of(request), reader, before, limit + 1)
    return models.StaffPage(
        staff=[_shown(member) for member in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda one: one.user_id),
    )


@router.post(
    "", status_code=201, summary="Invite somebody", response_model=models.NewInvitation,
    responses=problem_responses(400, 401, 403, 413, 422, 503),
)  # fmt: skip
async def invite_staff(request: Request, body: models.NewStaff, manager: Manager) -> models.NewInvitation:
    """Makes a link that lets the person of this address join for a week. It is shown here and sent to nobody.

    You can give what you manage: owners all roles within their operators, managers the attendants of their stations.
    The same invitation again replaces the one from before.
    """
    identity = identity_of(request)
    user_id_of(manager)
    with refusals():
        made = await invitations.invite(identity, manager, body.email, _role(body))
    return shown_invitation(identity, made)


@router.patch(
    "/{user_id}", summary="Change somebody's roles", response_model=models.StaffMember,
    responses=problem_responses(400, 401, 403, 404, 413, 422, 503),
)  # fmt: skip
async def change_staff(
    request: Request, user_id: UserId, body: models.RolesChange, manager: Manager
) -> models.StaffMember:
    """Sets what you manage of a person's roles; what others manage stays. Tokens from before end within seconds."""
    user_id_of(manager)
    with refusals():
        member = await staff.change_staff(identity_of(request), manager, user_id, [_role(one) for one in body.roles])
    return _shown(member)


@router.delete(
    "/{user_id}", status_code=204, response_class=Response, summary="Take somebody off your staff",
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def remove_staff(request: Request, user_id: UserId, manager: Manager) -> None:
    """Takes away all roles that you manage. What they allowed ends within seconds, everywhere."""
    user_id_of(manager)
    with refusals():
        await staff.change_staff(identity_of(request), manager, user_id, [])


@router.post(
    "/{user_id}/sign-in-resets", status_code=201, summary="Help somebody who cannot sign in",
    response_model=models.NewInvitation, responses=problem_responses(400, 401, 403, 404, 413, 422, 503),
)  # fmt: skip
async def reset_sign_in(
    request: Request, user_id: UserId, body: models.SignInReset, manager: Manager
) -> models.NewInvitation:
    """Makes a link by which the person replaces what is lost, with the help of what is not.

    You must manage all that the person may do as staff.
    """
    identity = identity_of(request)
    user_id_of(manager)
    return shown_invitation(
        identity, await invitations.invite_to_reset(identity, manager, user_id, Purpose(body.lost))
    )  # fmt: skip


def _role(body: models.RoleAt) -> StaffRole:
    return StaffRole(Role(body.role), tuple(body.operators), tuple(body.station_ids))


def _shown(member: staff.StaffMember) -> models.StaffMember:
    return models.StaffMember(
        user_id=member.user_id, email=member.email, name=member.name, roles=[shown_role(one) for one in member.roles]
    )
