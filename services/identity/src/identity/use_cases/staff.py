"""Staff: what they may do, changed by those who may, and told to everyone at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from identity.domain.people import LoginKind, StaffRole, User
from identity.domain.staff import Manager, changed
from identity.repository import credentials, people
from identity.repository import staff as repository
from identity.repository.credentials import Credentials
from identity.repository.stations import operators_of
from identity.use_cases import audit
from identity.use_cases.context import Identity
from identity.use_cases.people import add_login, emails_of, register, revoke_access
from identity.use_cases.sessions import end_sessions
from identity.use_cases.totp import Enrolment, name_context, renew_recovery_codes, totp_context
from schemas.events import StaffRole as RoleInEvent
from schemas.events import StaffRoleChangedV1
from servicekit.auth import Principal
from servicekit.envelope import to_records
from servicekit.postgres import Connection, append_to_outbox
from servicekit.problems import Problem

OPERATOR = "operator"
"""Who acts, in the audit log, where it is a command."""


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A staff member as colleagues see them; `roles` are what they may see."""

    user_id: UUID
    email: str
    name: str
    roles: tuple[StaffRole, ...]


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a new staff member signs in with; the password is known to whoever made it up."""

    email: str
    name: str
    password_hash: str
    enrolment: Enrolment
    last_step: int = 0


async def manager_of(tx: Connection, user_id: UUID, stations: Iterable[UUID] = ()) -> Manager:
    """What the person may manage at these stations. As it is stored, not as a token says: rights may have just gone."""
    rights = await people.rights_of(tx, user_id)
    return Manager(rights.staff if rights else (), await operators_of(tx, list(stations)))


def stations_of(roles: Iterable[StaffRole]) -> set[UUID]:
    """All stations that the roles are bound to."""
    return {station for one in roles for station in one.stations}


async def list_staff(
    identity: Identity, principal: Principal, before: UUID | None, limit: int
) -> list[StaffMember]:  # fmt: skip
    """The staff at the caller's operators and stations, the newest first, with what they are there."""
    async with identity.store.connection() as connection:
        me = await manager_of(connection, UUID(principal.subject))
        found = await repository.staff_at(connection, me.visible_reach, before, limit)
        return await _members(identity, connection, found, me)


async def change_staff(
    identity: Identity, principal: Principal, user_id: UUID, wanted: Sequence[StaffRole]
) -> StaffMember:
    """Sets a person's roles as far as they are the caller's to set; none of them: no longer staff there.

    Problem 404 for whom the caller does not see, 403 for the caller itself. Raises OutsideRights and StaffError.
    """
    actor = UUID(principal.subject)
    if actor == user_id:
        raise Problem(403, "own-roles", "Nobody changes their own roles: ask somebody else who manages you.")

    async def work(tx: Connection) -> StaffMember:
        user, before, manager = await _seen(tx, actor, user_id, wanted)
        if not any(manager.part_of(one) for one in before):
            raise Problem(403, "outside-your-rights", "You see this person's roles, but cannot change any of them.")
        after = changed(before, wanted, manager)
        if after != tuple(before):
            await set_roles(identity, tx, user, after, actor)
        [member] = await _members(identity, tx, [user_id], manager)
        return member

    return await identity.store.transact(work)


async def set_roles(
    identity: Identity, tx: Connection, user: User, roles: Sequence[StaffRole], actor: UUID | None
) -> None:
    """Makes a person hold just these roles, and ends what the old ones allowed; `actor` is None for a command.

    The caller holds the person's lock.
    """
    now = datetime.now(UTC)
    await repository.replace_roles(tx, user.id, roles, now)
    raised = await people.raise_version(tx, user.id, rights=True)
    event = StaffRoleChangedV1(
        user_id=user.id, version=raised.version, occurred_at=now, changed_by=actor,
        roles=[RoleInEvent(role=r.role, operators=list(r.operators), station_ids=list(r.stations)) for r in roles],
    )  # fmt: skip
    await append_to_outbox(tx, to_records([event]))
    await revoke_access(tx, user.id, "roles_changed", lowest_version=raised.access_version)
    if not roles and not user.is_driver:
        await end_sessions(tx, user.id, "roles_changed")
    await audit.append(identity, tx, name_of(actor), "roles-changed", str(user.id), {"roles": shown(roles)})


async def create_staff(
    identity: Identity, tx: Connection, sign_in: SignIn, roles: Sequence[StaffRole], actor: UUID | None
) -> tuple[UUID, list[str]]:
    """A new staff member, told to everyone; the id and the recovery codes. Raises LoginTaken."""
    user = await register(identity, tx, is_driver=False)
    await add_login(identity, tx, user.id, LoginKind.EMAIL, sign_in.email)
    await save_credentials(identity, tx, user.id, sign_in, datetime.now(UTC))
    codes = await renew_recovery_codes(identity, tx, user.id, name_of(actor))
    await set_roles(identity, tx, user, roles, actor)
    return user.id, codes


async def save_credentials(identity: Identity, tx: Connection, user_id: UUID, sign_in: SignIn, now: datetime) -> None:
    """Stores what somebody signs in with who has no credentials yet."""
    box = await identity.vault.box(tx, str(user_id))
    stored = Credentials(
        user_id, box.seal(sign_in.name, name_context(user_id)), sign_in.password_hash,
        box.seal(sign_in.enrolment.secret, totp_context(user_id)), sign_in.last_step,
    )  # fmt: skip
    await credentials.insert_credentials(tx, stored, now)


def name_of(actor: UUID | None) -> str:
    """Who acts, as the audit log has it."""
    return str(actor) if actor else OPERATOR


def shown(roles: Sequence[StaffRole]) -> list[dict[str, object]]:
    """Roles as JSON."""
    return [
        {"role": one.role, "operators": list(one.operators), "station_ids": [str(station) for station in one.stations]}
        for one in roles
    ]


async def _seen(
    tx: Connection, actor: UUID, user_id: UUID, wanted: Sequence[StaffRole]
) -> tuple[User, list[StaffRole], Manager]:
    """The person, locked as the actor is, so that neither's rights change meanwhile; Problem 404 if not visible."""
    users = await repository.lock_users(tx, [actor, user_id])
    before = (await repository.roles_of(tx, [user_id])).get(user_id, [])
    manager = await manager_of(tx, actor, stations_of([*before, *wanted]))
    if user_id not in users or not any(manager.visible_part(one) for one in before):
        raise no_such_staff()
    return users[user_id], before, manager


def no_such_staff() -> Problem:
    """There is nobody of that id, or nobody whom the caller may see."""
    return Problem(404, "staff-not-found", "There is no such person among the staff you may see; GET /v1/staff.")


async def _members(
    identity: Identity, connection: Connection, user_ids: Sequence[UUID], me: Manager
) -> list[StaffMember]:
    """The staff members with the roles that the manager sees."""
    roles = await repository.roles_of(connection, user_ids)
    stations = stations_of(one for held in roles.values() for one in held)
    eyes = Manager(me.roles, await operators_of(connection, list(stations)))
    members = await members_of(identity, connection, user_ids)
    return [
        StaffMember(one.user_id, one.email, one.name, tuple(filter(None, map(eyes.visible_part, one.roles))))
        for one in members
    ]


async def members_of(identity: Identity, connection: Connection, user_ids: Sequence[UUID]) -> list[StaffMember]:
    """The staff members with all their roles, in the order asked for."""
    roles = await repository.roles_of(connection, user_ids)
    emails = await emails_of(identity, connection, user_ids)
    names = await credentials.names_of(connection, user_ids)
    boxes = await identity.vault.boxes(connection, [str(one) for one in user_ids])

    def name(user_id: UUID) -> str:
        box = boxes.get(str(user_id))
        return box.open(names[user_id], name_context(user_id)) if box and user_id in names else ""

    return [StaffMember(one, emails.get(one, ""), name(one), tuple(roles.get(one, ()))) for one in user_ids]
