"""What operators' commands do with staff: without anybody's leave, so it is how the first owner comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from identity.domain.passwords import accepted_password, hash_password, normalised_email
from identity.domain.people import LoginKind, StaffRole, User
from identity.domain.staff import StaffError, merged
from identity.repository import credentials
from identity.repository import staff as repository
from identity.use_cases import audit
from identity.use_cases.context import Identity
from identity.use_cases.people import find_owner
from identity.use_cases.sessions import end_sessions
from identity.use_cases.staff import (
    OPERATOR,
    SignIn,
    StaffMember,
    create_staff,
    members_of,
    save_credentials,
    set_roles,
)
from identity.use_cases.totp import Enrolment, new_enrolment, renew_recovery_codes
from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class NewStaff:
    """A staff member who can sign in; the enrolment and the recovery codes are shown this one time."""

    user_id: UUID
    email: str
    roles: tuple[StaffRole, ...]
    enrolment: Enrolment
    recovery_codes: list[str]


async def make_staff(
    identity: Identity, email: str, password: str, name: str, roles: Sequence[StaffRole], *, replace_existing: bool
) -> NewStaff:
    """A staff member with this password and a new second factor. Raises BadEmail, WeakPassword, StaffError.

    Where the address is somebody's: StaffError, or with `replace_existing` that person, set as asked.
    """
    address, after = normalised_email(email), merged(roles)
    hashed = await identity.password_work.run(hash_password, accepted_password(password, address))
    sign_in = SignIn(address, name, hashed, new_enrolment(address))

    async def work(tx: Connection) -> tuple[UUID, list[str]]:
        owner = await find_owner(identity, tx, LoginKind.EMAIL, address)
        if owner is None:
            return await create_staff(identity, tx, sign_in, after, None)
        if not replace_existing:
            raise StaffError("this address is somebody's already: use set-roles, or --replace the sign-in")
        return owner.id, await _replace(identity, tx, owner, sign_in, after)

    user_id, codes = await identity.store.transact(work)
    return NewStaff(user_id, address, after, sign_in.enrolment, codes)


async def set_roles_of(identity: Identity, user_id: UUID, roles: Sequence[StaffRole]) -> tuple[StaffRole, ...]:
    """Makes a person hold just these roles; none: no longer staff. Raises StaffError."""
    after = merged(roles)

    async def work(tx: Connection) -> None:
        user = (await repository.lock_users(tx, [user_id])).get(user_id)
        if user is None:
            raise StaffError(f"there is no active person {user_id}: list-staff shows all staff")
        await set_roles(identity, tx, user, after, None)

    await identity.store.transact(work)
    return after


async def list_all(identity: Identity, limit: int) -> list[StaffMember]:
    """All staff, the newest first."""
    async with identity.store.connection() as connection:
        return await members_of(identity, connection, await repository.all_staff(connection, limit))


async def _replace(
    identity: Identity, tx: Connection, owner: User, sign_in: SignIn, roles: Sequence[StaffRole]
) -> list[str]:
    await repository.lock_users(tx, [owner.id])
    await credentials.delete_credentials(tx, owner.id)
    await save_credentials(identity, tx, owner.id, sign_in, datetime.now(UTC))
    codes = await renew_recovery_codes(identity, tx, owner.id, OPERATOR)
    await end_sessions(tx, owner.id, "sign_in_replaced")
    await audit.append(identity, tx, OPERATOR, "sign-in-replaced", str(owner.id))
    await set_roles(identity, tx, owner, roles, None)
    return codes
