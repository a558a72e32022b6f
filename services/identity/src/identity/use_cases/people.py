"""People as the sign-ins see them: found by a login that was just proved, or registered with it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from identity.domain.people import Login, LoginKind, LoginTaken, User
from identity.repository import linking
from identity.repository import people as repository
from identity.repository.people import StoredLogin
from identity.use_cases import audit
from identity.use_cases.context import Identity
from schemas.events import AccessRevokedV1, UserRegisteredV1
from servicekit.envelope import to_records
from servicekit.ids import new_id
from servicekit.postgres import Connection, append_to_outbox


async def find_owner(identity: Identity, tx: Connection, kind: LoginKind, value: str) -> User | None:
    """Whose login this is; nobody else can register it before the transaction ends."""
    hashes = identity.ring.hashes(value, _purpose(kind))
    await repository.lock_login_value(tx, hashes)
    return await repository.find_login_owner(tx, kind, hashes)


async def find_or_register_driver(identity: Identity, tx: Connection, kind: LoginKind, value: str) -> User:
    """The person whose login was proved; a driver who is new here gets an account."""
    if found := await find_owner(identity, tx, kind, value):
        return found
    user = await register(identity, tx, is_driver=True)
    await add_login(identity, tx, user.id, kind, value)
    return user


async def register(identity: Identity, tx: Connection, *, is_driver: bool) -> User:
    """A new person, told to everyone."""
    user = User(new_id(), is_driver, 1, 1, datetime.now(UTC))
    await repository.insert_user(tx, user)
    await audit.append(identity, tx, str(user.id), "registered", str(user.id))
    kind = "driver" if is_driver else "staff"
    event = UserRegisteredV1(user_id=user.id, version=user.version, kind=kind, occurred_at=user.created_at)
    await append_to_outbox(tx, to_records([event]))
    return user


async def add_login(identity: Identity, tx: Connection, user_id: UUID, kind: LoginKind, value: str) -> None:
    """Gives a person a way to sign in that was just proved; nothing changes where it is there already.

    Raises LoginTaken where it is another's.
    """
    if owner := await find_owner(identity, tx, kind, value):
        if owner.id != user_id:
            raise LoginTaken(owner.id)
        return
    login_id, box = new_id(), await identity.vault.box(tx, str(user_id))
    sealed = box.seal(value, _context(login_id))
    stored = StoredLogin(
        login_id, user_id, kind, identity.ring.hash(value, _purpose(kind)), sealed, datetime.now(UTC)
    )  # fmt: skip
    await repository.insert_login(tx, stored)
    await audit.append(identity, tx, str(user_id), "login-added", str(user_id), {"kind": kind})


async def logins_of(identity: Identity, tx: Connection, user_id: UUID) -> list[Login]:
    """A person's logins, their values open."""
    stored = await repository.logins_of(tx, user_id)
    if not stored:
        return []
    box = await identity.vault.box(tx, str(user_id))
    return [Login(one.id, one.kind, box.open(one.sealed, _context(one.id)), one.verified_at) for one in stored]


async def emails_of(identity: Identity, tx: Connection, user_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The e-mail address that each signs in with, open; whoever has none is left out."""
    stored = await repository.emails_of(tx, user_ids)
    boxes = await identity.vault.boxes(tx, [str(one.user_id) for one in stored])
    return {
        one.user_id: boxes[str(one.user_id)].open(one.sealed, _context(one.id))
        for one in stored if str(one.user_id) in boxes
    }  # fmt: skip


async def move_logins(identity: Identity, tx: Connection, user_id: UUID, into: UUID) -> None:
    """Gives one person's logins to another, sealed for that one; both are locked. They count as verified now: it is
    from here on that they vouch for the account."""
    box = await identity.vault.box(tx, str(into))
    opened = {one.id: one.value for one in await logins_of(identity, tx, user_id)}
    for stored in await repository.logins_of(tx, user_id):
        sealed = box.seal(opened[stored.id], _context(stored.id))
        moved = replace(stored, user_id=into, sealed=sealed, verified_at=datetime.now(UTC))
        await linking.move_login(tx, moved)


async def hashes_anew(identity: Identity, tx: Connection, stored: Sequence[StoredLogin]) -> list[tuple[UUID, bytes]]:
    """(login, hash under the ring's current key) of each, from their sealed values."""
    boxes = await identity.vault.boxes(tx, [str(one.user_id) for one in stored])
    return [
        (one.id, identity.ring.hash(boxes[str(one.user_id)].open(one.sealed, _context(one.id)), _purpose(one.kind)))
        for one in stored if str(one.user_id) in boxes
    ]  # fmt: skip


async def revoke_access(
    tx: Connection, subject: UUID, reason: str, *, session_id: UUID | None = None, lowest_version: int | None = None
) -> None:
    """Tells every service which access tokens are no longer good; see schemas.events.AccessRevokedV1."""
    event = AccessRevokedV1(
        subject=subject, session_id=session_id, lowest_version=lowest_version, reason=reason,
        occurred_at=datetime.now(UTC),
    )  # fmt: skip
    await append_to_outbox(tx, to_records([event]))


def _purpose(kind: LoginKind) -> str:
    return f"login {kind}"


def _context(login_id: UUID) -> str:
    return f"logins.sealed|{login_id}"
