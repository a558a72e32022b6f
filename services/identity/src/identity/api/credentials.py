"""A staff member's own password and recovery codes."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from identity.api.context import caller_of, identity_of
from identity.api.refusals import refusals
from identity.http_models import staff as models
from identity.use_cases import own_credentials as use_cases
from identity.use_cases.accounts import user_id_of
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/me", tags=["account"])

Person = Annotated[Principal, Requires(Permission.ACCOUNT_SECURE)]


@router.post(
    "/password", status_code=204, response_class=Response, summary="Change your password",
    responses=problem_responses(400, 401, 403, 409, 413, 422, 429, 503),
)  # fmt: skip
async def change_password(request: Request, body: models.PasswordChange, person: Person) -> None:
    """Takes the old password as well. You are signed out everywhere else; 409 for who has no password here."""
    user_id_of(person)
    with refusals():
        await use_cases.change_password(
            identity_of(request), person, body.old_password, body.new_password, caller_of(request)
        )


@router.post(
    "/recovery-codes", status_code=201, summary="Get new recovery codes", response_model=models.RecoveryCodes,
    responses=problem_responses(401, 403, 409, 503),
)  # fmt: skip
async def renew_recovery_codes(request: Request, response: Response, person: Person) -> models.RecoveryCodes:
    """Ten new codes, shown this one time; the old ones end. 409 for who has no second factor here."""
    response.headers["Cache-Control"] = "no-store"
    codes = await use_cases.renew_codes(identity_of(request), user_id_of(person))
    return models.RecoveryCodes(recovery_codes=codes)
