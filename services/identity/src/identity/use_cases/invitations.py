"""Invitations: made by those who may give the role, shown, taken back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from identity.domain.invitations import LIFE, Purpose, new_token, token_digest
from identity.domain.passwords import normalised_email
from identity.domain.people import StaffRole
from identity.domain.staff import Manager, merged, require_may_give
from identity.repository import invitations as repository
from identity.repository.invitations import Invitation
from identity.repository.staff import lock_users, roles_of
from identity.use_cases import audit
from identity.use_cases.context import Identity
from identity.use_cases.people import emails_of
from identity.use_cases.staff import manager_of, name_of, no_such_staff, shown, stations_of
from servicekit.auth import Principal
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem

PURPOSE = "invitation e-mail"
MAX_TIDIED = 1_000


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation with its token, which is shown this one time."""

    invitation: Invitation
    email: str
    token: str


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """An invitation as whoever made it sees it again."""

    invitation: Invitation
    email: str


async def invite(identity: Identity, principal: Principal | None, email: str, role: StaffRole) -> NewInvitation:
    """An invitation to a role; None: by an operator's command, which may give any. The same one from before ends.

    Raises BadEmail, StaffError, OutsideRights.
    """
    address, [role] = normalised_email(email), merged([role])
    actor = UUID(principal.subject) if principal else None

    async def work(tx: Connection) -> NewInvitation:
        if actor is not None:
            require_may_give(await manager_of(tx, actor, role.stations), role)
        return await _make(identity, tx, Purpose.JOIN, address, role, actor)

    return await identity.store.transact(work)


async def invite_to_reset(identity: Identity, principal: Principal, user_id: UUID, purpose: Purpose) -> NewInvitation:
    """A link by which a staff member replaces a lost second factor or a forgotten password, with the one they have.

    Only for whoever manages all that the person may do: Problem 404 otherwise, and for the caller itself 403.
    """
    actor = UUID(principal.subject)
    if actor == user_id:
        raise Problem(403, "own-sign-in", "Somebody else who manages you has to make this link.")

    async def work(tx: Connection) -> NewInvitation:
        email = (await emails_of(identity, tx, [user_id])).get(user_id)
        if email is None or not await manages_wholly(tx, actor, user_id):
            raise no_such_staff()
        return await _make(identity, tx, purpose, email, None, actor)

    return await identity.store.transact(work)


async def list_invitations(
    identity: Identity, principal: Principal, before: UUID | None, limit: int
) -> list[OpenInvitation]:
    """The caller's open invitations, the newest first."""
    async with identity.store.connection() as connection:
        found = await repository.invitations_by(connection, UUID(principal.subject), before, limit, datetime.now(UTC))
        boxes = await identity.vault.boxes(connection, [str(one.id) for one in found])
        return [
            OpenInvitation(one, boxes[str(one.id)].open(one.email, email_context(one.id)))
            for one in found if str(one.id) in boxes
        ]  # fmt: skip


async def take_back(identity: Identity, principal: Principal, invitation_id: UUID) -> None:
    """Ends an invitation of the caller's. Problem 404 where there is none."""

    async def work(tx: Connection) -> None:
        if not await repository.delete_invitation(tx, invitation_id, UUID(principal.subject)):
            raise Problem(404, "invitation-not-found", "You have no open invitation with this id.")
        await forget(identity, tx, [invitation_id])
        await audit.append(identity, tx, principal.subject, "invitation-taken-back", str(invitation_id))

    await identity.store.transact(work)


async def manages_wholly(tx: Connection, actor: UUID, user_id: UUID) -> bool:
    """Whether all that a person may do as staff is the actor's to give; nobody's where the person is no staff."""
    users = await lock_users(tx, [actor, user_id])
    roles = (await roles_of(tx, [user_id])).get(user_id, [])
    manager: Manager = await manager_of(tx, actor, stations_of(roles))
    return len(users) == 2 and bool(roles) and all(manager.may_give(one) for one in roles)


async def forget_expired(identity: Identity) -> int:
    """Deletes what has run out, and the keys of what it had of people; how many."""

    async def work(tx: Connection) -> int:
        gone = await repository.delete_expired(tx, datetime.now(UTC), MAX_TIDIED)
        await forget(identity, tx, gone)
        return len(gone)

    return await identity.store.transact(work)


async def forget_invitations_to(identity: Identity, tx: Connection, email: str) -> int:
    """Deletes all invitations to an address, for an erasure; how many."""
    gone = await repository.delete_to(tx, identity.ring.hashes(email, PURPOSE))
    await forget(identity, tx, gone)
    return len(gone)


async def forget(identity: Identity, tx: Connection, invitation_ids: Iterable[UUID]) -> None:
    """Shreds the keys of invitations that are gone."""
    for one in invitation_ids:
        await identity.vault.shred(tx, str(one))


def email_context(invitation_id: UUID) -> str:
    """Where the address is sealed for."""
    return f"invitations.email|{invitation_id}"


async def _make(
    identity: Identity, tx: Connection, purpose: Purpose, email: str, role: StaffRole | None, actor: UUID | None
) -> NewInvitation:
    invitation_id, token, now = new_id(), new_token(), datetime.now(UTC)
    box = await identity.vault.box(tx, str(invitation_id))
    invitation = Invitation(
        invitation_id, purpose, identity.ring.hash(email, PURPOSE), box.seal(email, email_context(invitation_id)),
        role, actor, now, now + LIFE,
    )  # fmt: skip
    replaced = await repository.delete_same(tx, invitation, identity.ring.hashes(email, PURPOSE))
    await forget(identity, tx, replaced)
    await repository.insert_invitation(tx, invitation, token_digest(token))
    details = {"purpose": purpose, "roles": shown([role] if role else [])}
    await audit.append(identity, tx, name_of(actor), "invited", str(invitation_id), details)
    return NewInvitation(invitation, email, token)
