"""The ways in which a person signs in, and the step that makes two accounts of a person one."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Request

from identity.api.context import identity_of
from identity.domain.people import Login
from identity.domain.profile import masked
from identity.http_models import identities as models
from identity.http_models.me import SignInWay
from identity.use_cases import identities, merging, people
from identity.use_cases.accounts import hold_account, user_id_of
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/me", tags=["account"])

Person = Annotated[Principal, Requires(Permission.ACCOUNT)]
FreshPerson = Annotated[Principal, Requires(Permission.ACCOUNT_SECURE)]
REFUSALS = problem_responses(400, 401, 403, 409, 413, 422, 429, 503)
PHONE = {"kind": "phone", "request_id": "0190f3a1-7c1e-7cc3-98c4-dc0c0c07398f", "code": "492817"}
WECHAT = {"kind": "wechat", "js_code": "0a1Bc2000DEFgH1ijK000LmNop0Bc21q"}
ALIPAY = {"kind": "alipay", "auth_code": "4b203fe6c11548bcabd8da5bb087a83b"}
EXAMPLES: dict[str, Any] = {one["kind"]: {"value": one} for one in (PHONE, WECHAT, ALIPAY)}
MERGE_EXAMPLES: dict[str, Any] = EXAMPLES | {"offer": {"value": {"kind": "offer", "merge_offer": "q83vEjRWeJA="}}}


@router.get("/identities", summary="List your ways to sign in", responses=problem_responses(401, 403, 503))
async def list_identities(request: Request, person: Person) -> models.SignInWays:
    """Each shown as far as you need to know it by."""
    identity, user_id = identity_of(request), user_id_of(person)

    async def look(tx: Connection) -> list[Login]:
        await hold_account(tx, user_id)
        return await people.logins_of(identity, tx, user_id)

    return models.SignInWays(identities=_shown(await identity.store.transact(look)))


@router.post("/identities", summary="Add a way to sign in", status_code=201, responses=REFUSALS)
async def link_identity(
    request: Request, person: FreshPerson, proof: Annotated[models.Proof, Body(openapi_examples=EXAMPLES)]
) -> SignInWay:
    """Takes a fresh sign-in, which proves the account, and a fresh proof of what is added. Your other sessions end.

    What is yours already stays as it is. What belongs to another account is 409 `identity-taken` with a `merge_offer`.
    """
    login = await identities.link_identity(
        identity_of(request), user_id_of(person), _session_of(person), proof.model_dump(mode="json")
    )
    return _shown([login])[0]


@router.post(
    "/identities/{identity_id}/unlink", summary="Take away a way to sign in",
    responses=REFUSALS | problem_responses(404),
)  # fmt: skip
async def unlink_identity(
    request: Request, identity_id: UUID, person: FreshPerson,
    proof: Annotated[models.Proof, Body(openapi_examples=EXAMPLES)],
) -> models.SignInWays:  # fmt: skip
    """Takes a fresh sign-in and a fresh proof of what goes. Your other sessions end; the ways that are left come back.

    Where it is lost, sign in by another way and prove a third one of another kind, both yours for 7 days.
    """
    left = await identities.unlink_identity(
        identity_of(request), user_id_of(person), _session_of(person), identity_id, proof.model_dump(mode="json")
    )
    return models.SignInWays(identities=_shown(left))


@router.post("/merges", summary="Make two accounts of yours one", responses=REFUSALS)
async def merge_accounts(
    request: Request, person: FreshPerson,
    proof: Annotated[models.MergeProof, Body(openapi_examples=MERGE_EXAMPLES)],
) -> models.MergedAccount:  # fmt: skip
    """The account whose login you prove becomes a part of the one you are signed in to, with all it has.

    It cannot be undone. All sessions but this one end. The same once more changes nothing.
    """
    merged = await merging.merge_accounts(
        identity_of(request), user_id_of(person), _session_of(person), proof.model_dump(mode="json")
    )
    return models.MergedAccount(
        user_id=merged.user_id, merged_user_id=merged.merged, identities=_shown(merged.logins)
    )  # fmt: skip


def _session_of(person: Principal) -> UUID | None:
    return UUID(person.session) if person.session else None


def _shown(logins: Sequence[Login]) -> list[SignInWay]:
    return [
        SignInWay(id=one.id, kind=one.kind, shown=masked(one.kind, one.value), verified_at=one.verified_at)
        for one in logins
    ]
