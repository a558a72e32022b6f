"""Two accounts of one person become one: an explicit step, with a fresh proof of each, which no message undoes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from identity.domain.linking import MAX_LOGINS
from identity.domain.people import Login, User
from identity.repository import linking as repository
from identity.repository import people as people_repository
from identity.use_cases import audit, merge_offers, people, proofs
from identity.use_cases.accounts import lock_account
from identity.use_cases.consents import move_consents
from identity.use_cases.context import Identity
from identity.use_cases.exports import drop_exports
from identity.use_cases.identities import require_driver
from identity.use_cases.linking import tell_of_change
from identity.use_cases.profile import move_profile
from identity.use_cases.sessions import end_sessions
from identity.use_cases.vehicles import move_vehicles
from schemas.events import UserMergedV1
from servicekit.envelope import to_records
from servicekit.postgres import Connection, append_to_outbox
from servicekit.problems import Problem

REASON = "accounts_merged"
Mover = Callable[[Identity, Connection, UUID, UUID], Awaitable[None]]
"""Moves what one table has of the first person to the second, sealed anew in that one's box; both are locked."""

MOVES: tuple[Mover, ...] = (people.move_logins, move_profile, move_vehicles, move_consents, drop_exports)
"""Everything in identity that follows a person into another account, or ends with the old one."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The account that is left, and the one that became a part of it; None where it had before."""

    user_id: UUID
    merged: UUID | None
    logins: list[Login]


async def merge_accounts(
    identity: Identity, user_id: UUID, session_id: UUID | None, proof: Mapping[str, str]
) -> Merged:  # fmt: skip
    """Makes the account whose login the proof is of a part of the caller's. A second time nothing changes.

    Raises Problem 401, 409, 422, 429, 503.
    """
    shown = None if proof["kind"] == "offer" else await proofs.check(identity, proof)

    async def work(tx: Connection) -> Merged:
        if shown is None:
            other = merge_offers.read(identity, user_id, proof["merge_offer"])
        else:
            other = await _owner(identity, tx, shown)
        merged = await _merge(identity, tx, user_id, other, session_id) if other != user_id else None
        await lock_account(tx, user_id)
        return Merged(user_id, merged, await people.logins_of(identity, tx, user_id))

    outcome = await identity.store.transact(work)
    identity.messages_due.set()
    return outcome


async def merge_again(identity: Identity, tx: Connection, told: UserMergedV1) -> bool:
    """Merges once more what a restored database has apart; whether it had. Everyone is told anew in any case.

    Raises LookupError where the account that was left is not here: it was made after the backup.
    """
    into = await _survivor(tx, told.into_user_id)
    locked = {one: await people_repository.lock_user(tx, one) for one in sorted((told.user_id, into))}
    if locked[told.user_id] is None:
        await _tell(tx, told.user_id, told.into_user_id, told.version + 1)
        return False
    if locked[into] is None:
        raise LookupError(into)
    for move in MOVES:
        await move(identity, tx, told.user_id, into)
    await _end(identity, tx, told.user_id, into, at_least=told.version)
    return True


async def _survivor(tx: Connection, user_id: UUID) -> UUID:
    """The account at the end of the chain of merges."""
    while (into := await repository.merged_into(tx, user_id)) is not None:
        user_id = into
    return user_id


async def _owner(identity: Identity, tx: Connection, shown: proofs.Proved) -> UUID:
    if (owner := await people.find_owner(identity, tx, shown.kind, shown.value)) is None:
        raise Problem(409, "identity-free", "This belongs to no account: add it to yours by POST /v1/me/identities.")
    return owner.id


async def _merge(
    identity: Identity, tx: Connection, user_id: UUID, other_id: UUID, session_id: UUID | None
) -> UUID | None:  # fmt: skip
    """The account that was merged now; None where it was before."""
    locked = {one: await people_repository.lock_user(tx, one) for one in sorted((user_id, other_id))}
    user, other = await lock_account(tx, user_id), locked[other_id]
    if other is None:
        if await repository.merged_into(tx, other_id) == user_id:
            return None
        raise Problem(409, "account-gone", "The other account was closed meanwhile; there is nothing left to merge.")
    await _require_mergeable(tx, user, other)
    for move in MOVES:
        await move(identity, tx, other_id, user_id)
    await _end(identity, tx, other_id, user_id)
    await end_sessions(tx, user_id, REASON, except_session=session_id)
    await tell_of_change(identity, tx, user_id)
    return other_id


async def _require_mergeable(tx: Connection, user: User, other: User) -> None:
    """Raises Problem 409 for staff, and where more ways to sign in came together than one account may have."""
    for one in (user, other):
        await require_driver(tx, one)
    logins = [login for one in (user, other) for login in await people_repository.logins_of(tx, one.id)]
    if len(logins) > MAX_LOGINS:
        detail = f"Together they have more than {MAX_LOGINS} ways to sign in; take some away first."
        raise Problem(409, "too-many-identities", detail)


async def _end(identity: Identity, tx: Connection, user_id: UUID, into: UUID, at_least: int = 0) -> None:
    """Closes an account whose things have moved: its tokens, its key, and the news for everyone."""
    await end_sessions(tx, user_id, REASON)
    ended = await people_repository.raise_version(tx, user_id, rights=True)
    await people.revoke_access(tx, user_id, REASON, lowest_version=ended.access_version)
    await repository.mark_merged(tx, user_id, into)
    await identity.vault.shred(tx, str(user_id))
    await _tell(tx, user_id, into, max(ended.version, at_least + 1))
    await audit.append(identity, tx, str(into), "accounts-merged", str(user_id), {"into": str(into)})


async def _tell(tx: Connection, user_id: UUID, into: UUID, version: int) -> None:
    event = UserMergedV1(user_id=user_id, version=version, into_user_id=into, occurred_at=datetime.now(UTC))
    await append_to_outbox(tx, to_records([event]))
