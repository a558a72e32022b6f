"""What a person agrees to."""

from datetime import UTC, datetime
from uuid import UUID

from identity.domain import consents as domain
from identity.domain.consents import Consent, Document, Outdated
from identity.repository import consents as repository
from identity.use_cases import audit
from identity.use_cases.accounts import lock_account
from identity.use_cases.context import Identity
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem


async def decide(
    identity: Identity, tx: Connection, user_id: UUID, document: Document, version: str, granted: bool, app: str
) -> Consent:
    """The decision, as a row of its own; the same once more is the one that is there.

    Raises Problem 401, and 409 for a version that nobody is shown now.
    """
    try:
        domain.require_current(document, version)
    except Outdated as error:
        raise Problem(409, "version-outdated", str(error), current_version=error.current) from error
    await lock_account(tx, user_id)
    known = await repository.newest_of(tx, user_id, document)
    if known is not None and domain.says_the_same(known, version, granted):
        return known
    consent = Consent(new_id(), document, version, granted, app, datetime.now(UTC))
    await repository.insert(tx, user_id, consent)
    action = "consent-given" if granted else "consent-withdrawn"
    await audit.append(identity, tx, str(user_id), action, str(user_id), {"document": document, "version": version})
    return consent


async def move_consents(identity: Identity, tx: Connection, user_id: UUID, into: UUID) -> None:
    """One person's decisions become another's; the later one holds. Both are locked."""
    await repository.move(tx, user_id, into)
