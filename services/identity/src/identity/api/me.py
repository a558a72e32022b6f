"""A person's own account: who they are here, and their settings."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from identity.api.context import identity_of
from identity.domain.profile import masked, profile_of
from identity.http_models import me as models
from identity.repository.people import rights_of
from identity.use_cases import people
from identity.use_cases import profile as use_cases
from identity.use_cases.accounts import hold_account, user_id_of
from identity.use_cases.context import Identity
from identity.use_cases.erasure import erase_account
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/me", tags=["account"])

Person = Annotated[Principal, Requires(Permission.ACCOUNT)]
JustSignedIn = Annotated[Principal, Requires(Permission.ACCOUNT_SECURE)]
TAGGED = {200: {"headers": {"ETag": {"description": "Of the settings, for If-Match", "schema": {"type": "string"}}}}}


@router.get(
    "", summary="Look at your account", response_model=models.Account,
    responses=TAGGED | problem_responses(401, 403, 503),
)  # fmt: skip
async def get_me(request: Request, response: Response, person: Person) -> models.Account:
    """Who you are here, how you sign in, what you may do as staff, and your settings."""
    identity, user_id = identity_of(request), user_id_of(person)

    async def look(tx: Connection) -> models.Account:
        response.headers["ETag"] = await use_cases.etag_of(tx, user_id)
        return await _account(identity, tx, user_id)

    return await identity.store.transact(look)


@router.patch(
    "", summary="Change your settings", response_model=models.Account,
    responses=TAGGED | problem_responses(400, 401, 403, 412, 413, 422, 503),
)  # fmt: skip
async def change_me(
    request: Request, response: Response, body: models.ProfileChange, person: Person,
    if_match: Annotated[
        str | None, Header(description="ETag of what you saw: changes nothing where that is not current")
    ] = None,
) -> models.Account:  # fmt: skip
    """A JSON merge patch: what you leave out stays, null brings a default back."""
    identity, user_id = identity_of(request), user_id_of(person)
    patch = body.model_dump(mode="json", exclude_unset=True)

    async def change(tx: Connection) -> models.Account:
        await use_cases.change_profile(identity, tx, user_id, patch, if_match)
        response.headers["ETag"] = await use_cases.etag_of(tx, user_id)
        return await _account(identity, tx, user_id)

    return await identity.store.transact(change)


@router.delete(
    "", status_code=204, summary="Erase your account", responses=problem_responses(401, 403, 409, 422, 503)
)  # fmt: skip
async def erase_me(
    request: Request, person: JustSignedIn,
    confirm: Annotated[Literal["erase"], Query(description="That you mean it: this cannot be undone")],
) -> None:  # fmt: skip
    """Forgets you for ever: here at once, in every other service within moments. Whoever signs in with your phone
    later gets a new account. What was paid stays in the books, without you."""
    identity, user_id = identity_of(request), user_id_of(person)
    await identity.store.transact(lambda tx: erase_account(identity, tx, user_id, str(user_id)))


async def _account(identity: Identity, tx: Connection, user_id: UUID) -> models.Account:
    user = await hold_account(tx, user_id)
    rights = await rights_of(tx, user_id)
    logins = await people.logins_of(identity, tx, user_id)
    return models.Account(
        user_id=user_id, created_at=user.created_at, is_driver=user.is_driver,
        roles=[models.HeldRole(role=one.role, operators=list(one.operators), station_ids=list(one.stations))
               for one in (rights.staff if rights else ())],
        identities=[models.SignInWay(id=one.id, kind=one.kind, shown=masked(one.kind, one.value),
                                     verified_at=one.verified_at) for one in logins],
        profile=models.Profile.model_validate(profile_of(await use_cases.profile_of(identity, tx, user_id))),
    )  # fmt: skip
