"""A person is forgotten: here at once, everywhere else by UserErased, and once more after a restore."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from identity.domain.people import LoginKind, User
from identity.repository import erasures as repository
from identity.repository.people import rights_of
from identity.use_cases import audit, otp, people
from identity.use_cases.accounts import lock_account
from identity.use_cases.context import Identity
from identity.use_cases.invitations import forget_invitations_to
from identity.use_cases.sessions import end_sessions
from schemas.events import UserErasedV1
from servicekit.envelope import to_records
from servicekit.erasures import Erasure, PostgresErasures
from servicekit.postgres import Connection, append_to_outbox
from servicekit.problems import Problem

REASON = "erased"
OPERATOR = "operator"
Counts = Mapping[str, int]


async def erase_account(identity: Identity, tx: Connection, user_id: UUID, actor: str) -> Counts:
    """Forgets a person for ever, all in this transaction; how many of what. Raises Problem 401, and 409 for staff.

    What a backup or the write-ahead log still has is sealed with a key that is deleted here.
    """
    await lock_account(tx, user_id)
    rights = await rights_of(tx, user_id)
    if rights is not None and rights.staff:
        raise Problem(
            409, "still-staff", "This account belongs to staff: whoever manages them removes the roles first."
        )
    return await _forget(identity, tx, user_id, actor)


async def erase_again(identity: Identity, tx: Connection, told: UserErasedV1) -> bool:
    """Erases whoever a restored database still has, and tells everyone anew; whether there was anything left here.

    It is told whether or not identity knows the person: another service's database may have been restored.
    """
    accounts = await repository.accounts_of(tx, told.user_id)
    left = await repository.left_of(tx, accounts)
    if left:
        await _forget(identity, tx, told.user_id, OPERATOR, at_least=told.version)
    else:
        await _tell(tx, {told.user_id: told.version + 1})
    return bool(left)


async def _forget(identity: Identity, tx: Connection, user_id: UUID, actor: str, at_least: int = 0) -> Counts:
    """Deletes the person's account and those merged into it."""
    accounts = await repository.accounts_of(tx, user_id)
    closed, counts = await _close(tx, accounts), Counter[str]()
    logins = [login for one in accounts for login in await people.logins_of(identity, tx, one)]
    for login in logins:  # codes and invitations may be under way
        if login.kind is LoginKind.PHONE:
            counts["codes"] += await otp.forget_phone(identity, tx, login.value)
        if login.kind is LoginKind.EMAIL:
            counts["invitations"] += await forget_invitations_to(identity, tx, login.value)
    counts.update(await repository.delete_rows(tx, accounts))
    counts["profiles"] = await repository.close_accounts(tx, accounts)
    counts["data_keys"] = sum([await identity.vault.shred(tx, str(one)) for one in accounts])
    done = {kind: count for kind, count in counts.items() if count}
    await _note(identity, tx, user_id, accounts, done)
    await _tell(tx, {one.id: max(one.version, at_least + 1) for one in closed})
    await audit.append(identity, tx, actor, "erased", str(user_id), {"erased": done})
    return done


async def _close(tx: Connection, accounts: Sequence[UUID]) -> list[User]:
    """Ends every session and every token."""
    closed = await repository.raise_versions(tx, accounts)
    for one in closed:
        await end_sessions(tx, one.id, REASON)
        await people.revoke_access(tx, one.id, REASON, lowest_version=one.access_version)
    return closed


async def _note(
    identity: Identity, tx: Connection, user_id: UUID, accounts: Sequence[UUID], erased: Counts
) -> None:  # fmt: skip
    """That they are gone outlives them; what an erasure before a restore had found counts as well."""
    erasures, now = PostgresErasures(identity.store), datetime.now(UTC)
    for one in accounts:
        known = await erasures.turn(tx, str(one))
        counts = Counter(known.erased if known else {}) + Counter(erased if one == user_id else {})
        await erasures.record(tx, str(one), Erasure(now, counts))


async def _tell(tx: Connection, versions: Mapping[UUID, int]) -> None:
    now = datetime.now(UTC)
    events = [UserErasedV1(user_id=one, version=version, occurred_at=now) for one, version in versions.items()]
    await append_to_outbox(tx, to_records([*events]))
