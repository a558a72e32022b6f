"""What the holder of an invitation's link does with it, in two steps; domain/invitations.py has the table.

Each step can be taken again until the second has succeeded, so it does not matter where a process or a phone dies.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from identity.domain.caller import Caller
from identity.domain.invitations import ACCEPTED_FOR, Purpose, sets_password, sets_second_factor, token_digest
from identity.domain.oauth import OAuthError
from identity.domain.passwords import NOBODYS_HASH, accepted_password, check_hash, hash_password
from identity.domain.people import LoginKind
from identity.domain.staff import Manager, StaffError, merged
from identity.domain.totp import is_totp, matching_step, tidy_code
from identity.repository import credentials as credentials_repository
from identity.repository import invitations as repository
from identity.repository import staff as staff_repository
from identity.repository.credentials import Credentials
from identity.repository.invitations import Acceptance, Invitation
from identity.use_cases import audit
from identity.use_cases.context import Identity
from identity.use_cases.invitations import email_context, forget, manages_wholly
from identity.use_cases.password_tries import account_of, count_try, too_many
from identity.use_cases.people import find_owner
from identity.use_cases.sessions import end_sessions
from identity.use_cases.staff import SignIn, create_staff, manager_of, set_roles
from identity.use_cases.totp import Enrolment, new_enrolment, renew_recovery_codes, totp_context, use_code
from servicekit.postgres import Connection
from servicekit.problems import Problem
from servicekit.vault import Box


@dataclass(frozen=True, slots=True)
class Opened:
    """An invitation with what it says of the person, and what the person signs in with already, if anything."""

    invitation: Invitation
    email: str
    box: Box
    credentials: Credentials | None

    @property
    def sets_password(self) -> bool:
        """See domain.invitations."""
        return sets_password(self.invitation.purpose, is_new=self.credentials is None)

    @property
    def sets_second_factor(self) -> bool:
        """See domain.invitations."""
        return sets_second_factor(self.invitation.purpose, is_new=self.credentials is None)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The invitation is used; new recovery codes where the second factor is new."""

    user_id: UUID
    recovery_codes: list[str]


async def accept(
    identity: Identity, token: str, password: str, name: str | None, caller: Caller
) -> Enrolment | None:  # fmt: skip
    """The first step. Returns what the authenticator app is given, None where the one that is there stays.

    Problem 404 for no open invitation, 422 where a name is missing or a known person's password is wrong, 429 after too
    many of those. Raises WeakPassword.
    """
    opened = await identity.store.transact(lambda tx: _open(identity, tx, token))
    if opened.credentials is None and not name:
        raise Problem(422, "name-missing", "Send display_name: what your colleagues will call you.")
    hashed = await _password(identity, opened, password, caller)
    enrolment = new_enrolment(opened.email) if opened.sets_second_factor else None
    acceptance = Acceptance(
        opened.box.seal(name, _name_context(opened)) if name else None, hashed,
        opened.box.seal(enrolment.secret, _totp_context(opened)) if enrolment else None,
    )  # fmt: skip
    now = datetime.now(UTC)

    async def work(tx: Connection) -> bool:
        return await repository.accept_invitation(tx, opened.invitation.id, acceptance, now)

    if not await identity.store.transact(work):
        raise _gone()
    return enrolment


async def confirm(identity: Identity, token: str, code: str, caller: Caller) -> Confirmed:
    """The second step: a code of the authenticator app, and all is done.

    Problem 404 for no open invitation, 409 where the first step is missing, 422 for a wrong code, 429 after too many.
    """
    outcome = await identity.store.transact(lambda tx: _confirm(identity, tx, token, code, caller))
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


async def _confirm(
    identity: Identity, tx: Connection, token: str, code: str, caller: Caller
) -> Confirmed | Problem:  # fmt: skip
    """A refusal of a code is returned, not raised: that it was tried must be committed."""
    opened, now = await _open(identity, tx, token), datetime.now(UTC)
    _require_accepted(opened, now)
    if not await _still_offered(tx, opened):
        raise _gone()
    if opened.sets_second_factor:
        last_step = _first_step(opened, code, now)
        if last_step is None:
            return _wrong_code()
    else:
        last_step = 0
        if refused := await _refused_code(identity, tx, opened, code, caller, now):
            return refused
    confirmed = await _use(identity, tx, opened, last_step, now)
    await repository.delete_invitation(tx, opened.invitation.id)
    await forget(identity, tx, [opened.invitation.id])
    return confirmed


async def _use(identity: Identity, tx: Connection, opened: Opened, last_step: int, now: datetime) -> Confirmed:
    """Does what the invitation is for."""
    if opened.credentials is None:
        return await _register(identity, tx, opened, last_step)
    user_id, invitation = opened.credentials.user_id, opened.invitation
    if invitation.role is not None:
        await _add_role(identity, tx, user_id, opened)
        return Confirmed(user_id, [])
    codes: list[str] = []
    if opened.sets_second_factor:
        box = await identity.vault.box(tx, str(user_id))
        sealed = box.seal(_accepted_secret(opened), totp_context(user_id))
        await credentials_repository.set_totp(tx, user_id, sealed, last_step, now)
        codes = await renew_recovery_codes(identity, tx, user_id, str(user_id))
    elif invitation.password_hash is not None:
        before = opened.credentials.password_hash
        await credentials_repository.set_password(tx, user_id, before, invitation.password_hash, now)
    await credentials_repository.end_steps(tx, user_id)
    await end_sessions(tx, user_id, "sign_in_reset")
    await audit.append(identity, tx, str(user_id), f"{invitation.purpose}-reset", str(user_id))
    return Confirmed(user_id, codes)


async def _register(identity: Identity, tx: Connection, opened: Opened, last_step: int) -> Confirmed:
    invitation = opened.invitation
    if invitation.role is None or invitation.name is None or invitation.password_hash is None:
        raise _accept_again()
    secret, name = _accepted_secret(opened), opened.box.open(invitation.name, _name_context(opened))
    sign_in = SignIn(opened.email, name, invitation.password_hash, Enrolment(secret, ""), last_step)
    return Confirmed(*await create_staff(identity, tx, sign_in, [invitation.role], invitation.invited_by))


async def _add_role(identity: Identity, tx: Connection, user_id: UUID, opened: Opened) -> None:
    role = opened.invitation.role
    user = (await staff_repository.lock_users(tx, [user_id])).get(user_id)
    if user is None or role is None:
        raise _gone()
    if user_id == opened.invitation.invited_by:
        raise Problem(409, "own-roles", "Nobody changes their own roles: this invitation is your own.")
    before = (await staff_repository.roles_of(tx, [user_id])).get(user_id, [])
    try:
        after = merged([*before, role])
    except StaffError as error:
        raise Problem(409, "too-many-roles", f"Together with your other roles it is too much: {error}.") from error
    if after != tuple(before):
        await set_roles(identity, tx, user, after, opened.invitation.invited_by)


async def _open(identity: Identity, tx: Connection, token: str) -> Opened:
    """The open invitation, locked. Problem 404 where there is none."""
    invitation = await repository.lock_invitation(tx, token_digest(token), datetime.now(UTC))
    boxes = await identity.vault.boxes(tx, [str(invitation.id)]) if invitation else {}
    if invitation is None or str(invitation.id) not in boxes:
        raise _gone()
    box = boxes[str(invitation.id)]
    email = box.open(invitation.email, email_context(invitation.id))
    owner = await find_owner(identity, tx, LoginKind.EMAIL, email)
    known = await credentials_repository.find_credentials(tx, owner.id) if owner else None
    if known is None and (owner is not None or invitation.purpose is not Purpose.JOIN):
        raise _gone()  # the address is a driver's, whom no link lets in; or the staff member is no more
    return Opened(invitation, email, box, known)


async def _password(identity: Identity, opened: Opened, password: str, caller: Caller) -> str | None:
    """The new password's hash; None where it is the one that the person has. Raises WeakPassword, Problem."""
    if opened.sets_password:
        return await identity.password_work.run(hash_password, accepted_password(password, opened.email))
    user_id = opened.credentials.user_id if opened.credentials else None
    stored = opened.credentials.password_hash if opened.credentials else NOBODYS_HASH
    account = account_of(identity, opened.email)
    wait = await identity.store.transact(
        lambda tx: count_try(identity, tx, account, user_id, caller, datetime.now(UTC))
    )  # fmt: skip
    if wait:
        raise as_problem(too_many(wait))
    is_right, _ = await identity.password_work.run(check_hash, password, stored)
    if not is_right:
        raise Problem(422, "wrong-password", "You have an account with this address: send the password that it has.")
    return None


async def _refused_code(
    identity: Identity, tx: Connection, opened: Opened, code: str, caller: Caller, now: datetime
) -> Problem | None:
    """Why the code of the person's own app does not confirm; None where it does."""
    if opened.credentials is None:
        return _accept_again()
    user_id = opened.credentials.user_id
    wait = await count_try(identity, tx, account_of(identity, opened.email), user_id, caller, now)
    if wait:
        return as_problem(too_many(wait))
    return None if await use_code(identity, tx, user_id, code, now) else _wrong_code()


async def _still_offered(tx: Connection, opened: Opened) -> bool:
    """Whether whoever invited may still give it."""
    invitation = opened.invitation
    if invitation.invited_by is None:
        return True
    if invitation.role is not None:
        await staff_repository.lock_users(tx, [invitation.invited_by])
        manager: Manager = await manager_of(tx, invitation.invited_by, invitation.role.stations)
        return manager.may_give(invitation.role)
    return opened.credentials is not None and await manages_wholly(
        tx, invitation.invited_by, opened.credentials.user_id
    )


def _require_accepted(opened: Opened, now: datetime) -> None:
    """Problem 409 unless the first step brought just what is asked for now; the address may have become known since."""
    invitation = opened.invitation
    if invitation.accepted_at is None or now - invitation.accepted_at > ACCEPTED_FOR:
        raise _accept_again()
    brought = invitation.password_hash is not None, invitation.totp_secret is not None
    if brought != (opened.sets_password, opened.sets_second_factor):
        raise _accept_again()


def _first_step(opened: Opened, code: str, now: datetime) -> int | None:
    tidy = tidy_code(code)
    return matching_step(_accepted_secret(opened), tidy, now, 0) if is_totp(tidy) else None


def _accepted_secret(opened: Opened) -> str:
    sealed = opened.invitation.totp_secret
    if sealed is None:
        raise _accept_again()
    return opened.box.open(sealed, _totp_context(opened))


def as_problem(error: OAuthError) -> Problem:
    """Too many tries, in the API's words."""
    return Problem(
        429, "too-many-tries", error.description, headers={"Retry-After": str(error.retry_after_seconds)}
    )  # fmt: skip


def _gone() -> Problem:
    return Problem(
        404, "invitation-not-found",
        "This invitation was used, taken back or has run out: sign in, or ask for a new one.",
    )  # fmt: skip


def _accept_again() -> Problem:
    return Problem(409, "not-accepted", "First POST /v1/staff-invitations/accept, within the last hour.")


def _wrong_code() -> Problem:
    return Problem(422, "wrong-code", "This is not the code that the app shows now; wait for the next one.")


def _name_context(opened: Opened) -> str:
    return f"invitations.name|{opened.invitation.id}"


def _totp_context(opened: Opened) -> str:
    return f"invitations.totp_secret|{opened.invitation.id}"
