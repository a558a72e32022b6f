"""Where a person is signed in, and signing out."""

from contextlib import suppress
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request

from identity.api.context import identity_of
from identity.domain.sessions import Session
from identity.http_models import sessions as models
from identity.use_cases import audit
from identity.use_cases import sessions as use_cases
from identity.use_cases.accounts import hold_account, lock_account, user_id_of
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.postgres import Connection
from servicekit.problems import Problem, problem_responses

router = APIRouter(prefix="/v1/me/sessions", tags=["account"])

Person = Annotated[Principal, Requires(Permission.ACCOUNT)]
SIGNED_OUT = "signed_out"


@router.get(
    "", summary="See where you are signed in", response_model=models.SignedInDevices,
    responses=problem_responses(401, 403, 503),
)  # fmt: skip
async def list_sessions(request: Request, person: Person) -> models.SignedInDevices:
    """Your sessions, the last used first. One that you do not know: end it, and change how you sign in."""
    identity, user_id = identity_of(request), user_id_of(person)

    async def look(tx: Connection) -> list[Session]:
        await hold_account(tx, user_id)
        return await use_cases.sessions_of(identity, tx, user_id)

    sessions = await identity.store.transact(look)
    return models.SignedInDevices(sessions=[_shown(one, person.session) for one in sessions])


@router.delete(
    "", summary="Sign out everywhere else", response_model=models.SignOut, responses=problem_responses(401, 403, 503)
)  # fmt: skip
async def end_other_sessions(request: Request, person: Person) -> models.SignOut:
    """Ends all your sessions but the one that asks, with every token of theirs."""
    identity, user_id, current = identity_of(request), user_id_of(person), _session_id(person)

    async def end(tx: Connection) -> int:
        await lock_account(tx, user_id)
        ended = await use_cases.end_sessions(tx, user_id, SIGNED_OUT, except_session=current)
        if ended:
            await audit.append(identity, tx, str(user_id), "signed-out-elsewhere", str(user_id), {"sessions": ended})
        return ended

    return models.SignOut(ended=await identity.store.transact(end))


@router.delete(
    "/{session_id}", status_code=204, summary="Sign out", responses=problem_responses(401, 403, 404, 422, 503)
)  # fmt: skip
async def end_session(request: Request, session_id: UUID, person: Person) -> None:
    """Ends one of your sessions, perhaps the one that asks, with every token of it."""
    identity, user_id = identity_of(request), user_id_of(person)

    async def end(tx: Connection) -> None:
        await lock_account(tx, user_id)
        if not await use_cases.end_session(tx, user_id, session_id, SIGNED_OUT):
            raise Problem(404, "no-such-session", "You have no such session, or it has ended; GET lists yours.")
        await audit.append(identity, tx, str(user_id), "signed-out", str(user_id), {"session": str(session_id)})

    await identity.store.transact(end)


def _session_id(person: Principal) -> UUID | None:
    with suppress(ValueError):
        return UUID(person.session) if person.session else None
    return None


def _shown(session: Session, current: str | None) -> models.SignedInDevice:
    return models.SignedInDevice(
        session_id=session.id, is_current=str(session.id) == current, app=session.app_name, device=session.device,
        methods=list(session.methods), authenticated_at=session.authenticated_at, created_at=session.created_at,
        last_used_at=session.last_used_at, expires_at=session.expires_at,
    )  # fmt: skip
