"""What a staff member does with their own password and recovery codes."""

from datetime import UTC, datetime
from uuid import UUID

from identity.domain.caller import Caller
from identity.domain.passwords import accepted_password, check_hash, hash_password
from identity.repository import credentials as repository
from identity.repository.credentials import Credentials
from identity.use_cases import audit
from identity.use_cases.accepting import as_problem
from identity.use_cases.accounts import lock_account, user_id_of
from identity.use_cases.context import Identity
from identity.use_cases.password_tries import account_of, count_try, too_many
from identity.use_cases.people import emails_of
from identity.use_cases.sessions import end_sessions
from identity.use_cases.totp import renew_recovery_codes
from servicekit.auth import Principal
from servicekit.postgres import Connection
from servicekit.problems import Problem


async def change_password(identity: Identity, principal: Principal, old: str, new: str, caller: Caller) -> None:
    """Changes the password, and ends every session but the one that asks.

    Problem 409 for who has none, 422 for a wrong old one, 429 after too many of those. Raises WeakPassword.
    """
    user_id, now = user_id_of(principal), datetime.now(UTC)
    stored, email = await identity.store.transact(lambda tx: _counted(identity, tx, user_id, caller, now))
    is_right, _ = await identity.password_work.run(check_hash, old, stored.password_hash)
    if not is_right:
        raise Problem(422, "wrong-password", "The old password is not right.")
    hashed = await identity.password_work.run(hash_password, accepted_password(new, email))

    async def work(tx: Connection) -> None:
        await lock_account(tx, user_id)
        if not await repository.set_password(tx, user_id, stored.password_hash, hashed, now):
            raise Problem(409, "password-changed", "The password was changed a moment ago: send the one it is now.")
        await repository.end_steps(tx, user_id)
        await end_sessions(tx, user_id, "password_changed", _session(principal))
        await audit.append(identity, tx, str(user_id), "password-changed", str(user_id))

    await identity.store.transact(work)


async def renew_codes(identity: Identity, user_id: UUID) -> list[str]:
    """Ten new recovery codes; the old ones end. Problem 409 for who has no second factor."""

    async def work(tx: Connection) -> list[str]:
        await lock_account(tx, user_id)
        await _required(tx, user_id)
        return await renew_recovery_codes(identity, tx, user_id, str(user_id))

    return await identity.store.transact(work)


async def _counted(
    identity: Identity, tx: Connection, user_id: UUID, caller: Caller, now: datetime
) -> tuple[Credentials, str]:
    """The credentials and the e-mail address; one more try is counted. Problem 429 where there were too many."""
    await lock_account(tx, user_id)
    stored = await _required(tx, user_id)
    email = (await emails_of(identity, tx, [user_id])).get(user_id, "")
    wait_seconds = await count_try(identity, tx, account_of(identity, email), user_id, caller, now)
    if wait_seconds:
        raise as_problem(too_many(wait_seconds))
    return stored, email


async def _required(tx: Connection, user_id: UUID) -> Credentials:
    stored = await repository.find_credentials(tx, user_id)
    if stored is None:
        raise Problem(409, "no-password", "This account has no password: only staff sign in with one.")
    return stored


def _session(principal: Principal) -> UUID | None:
    return UUID(principal.session) if principal.session else None
