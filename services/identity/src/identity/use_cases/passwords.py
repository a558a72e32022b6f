"""Staff's sign-in: an e-mail address and a password, then a code. Whoever is refused learns not which one was wrong."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from identity.domain.caller import Caller
from identity.domain.oauth import OAuthError
from identity.domain.passwords import (
    MAX_WRONG_CODES,
    NOBODYS_HASH,
    STEP_LIFE,
    BadEmail,
    check_hash,
    normalised_email,
)
from identity.domain.people import LoginKind, SignedIn
from identity.repository import credentials as repository
from identity.repository.credentials import Credentials, Step
from identity.repository.people import rights_of
from identity.use_cases.context import Identity
from identity.use_cases.password_tries import NOBODY, account_of, count_try, forgive, too_many
from identity.use_cases.people import find_owner
from identity.use_cases.totp import use_code
from servicekit.ids import new_id
from servicekit.postgres import Connection

METHODS = ("pwd", "otp", "mfa")
NOT_RIGHT = "The e-mail address, the password or the code is not right."
RUN_OUT = "This sign-in has run out: start again with the e-mail address and the password."


@dataclass(frozen=True, slots=True)
class PasswordStep:
    """A password was given, right or wrong, and a code is awaited: `id` is what `check_second_factor` takes."""

    id: UUID
    expires_at: datetime


async def check_password(identity: Identity, email: str, password: str, caller: Caller) -> PasswordStep:
    """The step to the second factor. A wrong password leads to one as well, at which no code is right.

    Raises OAuthError where there were too many wrong tries, and Unavailable where too many passwords are waiting.
    """
    address = _address(email)
    account = account_of(identity, address)
    found = await identity.store.transact(lambda tx: _find_counted(identity, tx, address, account, caller))
    stored = found.password_hash if found else NOBODYS_HASH
    is_right, renewed = await identity.password_work.run(check_hash, password, stored)
    user_id = found.user_id if found and is_right else None
    now = datetime.now(UTC)
    step = Step(new_id(), account, user_id, 0, now + STEP_LIFE)

    async def open_step(tx: Connection) -> None:
        if user_id and renewed:
            await repository.set_password(tx, user_id, stored, renewed, now)
        await repository.insert_step(tx, step)

    await identity.store.transact(open_step)
    return PasswordStep(step.id, step.expires_at)


async def check_second_factor(identity: Identity, step_id: UUID, code: str, caller: Caller) -> SignedIn:
    """Who signed in, when the password of the step was right and the code is.

    Raises OAuthError: the same one whatever was wrong; another where the step has run out or there were too many tries.
    """
    outcome = await identity.store.transact(lambda tx: _second_factor(identity, tx, step_id, code, caller))
    if isinstance(outcome, OAuthError):
        raise outcome
    return outcome


async def _second_factor(
    identity: Identity, tx: Connection, step_id: UUID, code: str, caller: Caller
) -> SignedIn | OAuthError:
    """A refusal is returned, not raised: what was counted must be committed."""
    now = datetime.now(UTC)
    step = await repository.lock_step(tx, step_id, now)
    if step is None:
        return OAuthError("invalid_grant", RUN_OUT)
    if wait_seconds := await count_try(identity, tx, step.account, step.user_id, caller, now):
        return too_many(wait_seconds)
    is_right = await use_code(identity, tx, step.user_id or NOBODY, code, now)
    if not is_right or step.user_id is None or not await _may_sign_in(tx, step.user_id):
        await repository.note_wrong_code(tx, step.id, MAX_WRONG_CODES)
        return OAuthError("invalid_grant", NOT_RIGHT)
    await repository.end_step(tx, step.id)
    await forgive(identity, tx, step.account, step.user_id, caller, step.wrong_codes + 2, now)
    return SignedIn(step.user_id, METHODS, now)


async def find_staff(identity: Identity, tx: Connection, address: str) -> Credentials | None:
    """The credentials that go with an e-mail address; None where it is no staff member's who may sign in."""
    owner = await find_owner(identity, tx, LoginKind.EMAIL, address)
    found = await repository.find_credentials(tx, owner.id if owner else NOBODY)
    return found if found and await _may_sign_in(tx, found.user_id) else None


async def _find_counted(
    identity: Identity, tx: Connection, address: str, account: bytes, caller: Caller
) -> Credentials | None:
    found = await find_staff(identity, tx, address)
    wait_seconds = await count_try(identity, tx, account, found.user_id if found else None, caller, datetime.now(UTC))
    if wait_seconds:
        raise too_many(wait_seconds)  # what is taken back with it is one try too many anyway
    return found


async def _may_sign_in(tx: Connection, user_id: UUID) -> bool:
    rights = await rights_of(tx, user_id)
    return rights is not None and bool(rights.roles)


def _address(email: str) -> str:
    """The address in its one form; a text that is none is nobody's, and is counted as it is."""
    try:
        return normalised_email(email)
    except BadEmail:
        return email
