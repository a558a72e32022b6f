"""What a person agrees to."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request

from identity.api.context import identity_of
from identity.domain.consents import CURRENT, is_granted, newest
from identity.http_models import consents as models
from identity.repository import consents as repository
from identity.use_cases import consents as use_cases
from identity.use_cases.accounts import hold_account, user_id_of
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/me/consents", tags=["account"])

Person = Annotated[Principal, Requires(Permission.ACCOUNT)]


@router.get(
    "", summary="See what you agreed to", response_model=models.Consents, responses=problem_responses(401, 403, 503)
)  # fmt: skip
async def get_consents(request: Request, person: Person) -> models.Consents:
    """Each document with the version that is current, and your decisions; without one you agreed to nothing."""
    user_id = user_id_of(person)
    return await identity_of(request).store.transact(lambda tx: _consents(tx, user_id))


@router.put(
    "", summary="Agree to something, or no longer", response_model=models.Consents,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 503),
)  # fmt: skip
async def put_consent(request: Request, body: models.Decision, person: Person) -> models.Consents:
    """Notes your decision about the current version; another version is refused with what is current.

    Nothing is ever overwritten: a new decision stands beside the old ones. The same one again changes nothing.
    """
    identity, user_id = identity_of(request), user_id_of(person)

    async def decide(tx: Connection) -> models.Consents:
        await use_cases.decide(identity, tx, user_id, body.document, body.version, body.granted, person.client_id)
        return await _consents(tx, user_id)

    return await identity.store.transact(decide)


async def _consents(tx: Connection, user_id: UUID) -> models.Consents:
    await hold_account(tx, user_id)
    decided = newest(await repository.decisions_of(tx, user_id))
    history = await repository.history_of(tx, user_id, models.MAX_HISTORY)
    states = [
        models.DocumentState(
            document=document, current_version=version, granted=is_granted(decided.get(document)),
            decision=models.Consent.model_validate(decided[document]) if document in decided else None,
        )
        for document, version in CURRENT.items()
    ]  # fmt: skip
    return models.Consents(consents=states, history=[models.Consent.model_validate(one) for one in history])
