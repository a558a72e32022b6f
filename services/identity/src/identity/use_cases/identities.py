"""What a person does with the ways in which they sign in: looks at them, adds one, takes one away."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Never
from uuid import UUID

from identity.domain.linking import MAX_LOGINS, LastLogin, NotVouchedFor, require_removable
from identity.domain.people import Login, LoginTaken, User
from identity.repository import linking as repository
from identity.use_cases import audit, merge_offers, proofs
from identity.use_cases.accounts import lock_account
from identity.use_cases.context import Identity
from identity.use_cases.linking import TooManyLogins, link, tell_of_change
from identity.use_cases.people import find_owner, logins_of
from identity.use_cases.sessions import end_sessions
from servicekit.postgres import Connection
from servicekit.problems import Problem

REASON = "logins_changed"


async def link_identity(
    identity: Identity, user_id: UUID, session_id: UUID | None, proof: Mapping[str, str]
) -> Login:  # fmt: skip
    """The login that the proof is of, which is the person's from now on; the other sessions end where it is new.

    Raises Problem 401, 409, 422, 429, 503.
    """
    proved = await proofs.check(identity, proof)

    async def work(tx: Connection) -> Login:
        await find_owner(identity, tx, proved.kind, proved.value)  # values are locked before people
        await require_driver(tx, await lock_account(tx, user_id))
        login, is_new = await link(identity, tx, user_id, proved.kind, proved.value)
        if is_new:
            await end_sessions(tx, user_id, REASON, except_session=session_id)
            await tell_of_change(identity, tx, user_id)
        return login

    try:
        login = await identity.store.transact(work)
    except LoginTaken as error:
        _refuse_taken(merge_offers.make(identity, user_id, error.owner))
    except TooManyLogins as error:
        detail = f"You have {MAX_LOGINS} ways to sign in; take one away first."
        raise Problem(409, "too-many-identities", detail) from error
    identity.messages_due.set()
    return login


async def unlink_identity(
    identity: Identity, user_id: UUID, session_id: UUID | None, login_id: UUID, proof: Mapping[str, str]
) -> list[Login]:
    """The ways that are left once this one is taken away; all other sessions end.

    The proof is of the login itself, or of another that vouches for it: identity.domain.linking.require_removable.
    Raises Problem 401, 404, 409, 422, 429, 503.
    """
    proved = await proofs.check(identity, proof)

    async def work(tx: Connection) -> list[Login]:
        await require_driver(tx, await lock_account(tx, user_id))
        logins = await logins_of(identity, tx, user_id)
        removed = next((one for one in logins if one.id == login_id), None)
        if removed is None:
            raise Problem(404, "no-such-identity", "You have no way to sign in with this id; GET /v1/me/identities.")
        shown = next((one.id for one in logins if (one.kind, one.value) == (proved.kind, proved.value)), None)
        methods = await repository.methods_of_session(tx, user_id, session_id) if session_id else []
        _require_removable(logins, login_id, shown, methods)
        await tell_of_change(identity, tx, user_id)  # the phone that goes too: whoever has it should hear of it
        await repository.delete_login(tx, user_id, login_id)
        await audit.append(identity, tx, str(user_id), "login-removed", str(user_id), {"kind": removed.kind})
        await end_sessions(tx, user_id, REASON, except_session=session_id)
        return [one for one in logins if one.id != login_id]

    left = await identity.store.transact(work)
    identity.messages_due.set()
    return left


async def require_driver(tx: Connection, user: User) -> None:
    """Problem 409 for staff: they sign in by e-mail, password and a second factor, which nothing else may go round."""
    if not user.is_driver or await repository.is_staff(tx, user.id):
        raise Problem(409, "staff-account", "Staff sign in by e-mail and password; other ways belong to drivers.")


def _require_removable(logins: list[Login], removed: UUID, proved: UUID | None, methods: list[str]) -> None:
    try:
        require_removable(logins, removed, proved, methods, datetime.now(UTC))
    except LastLogin as error:
        detail = "It is your only way to sign in: add another first, or erase the account."
        raise Problem(409, "last-identity", detail) from error
    except NotVouchedFor as error:
        raise Problem(
            422, "proof-refused", "Prove the one that goes. Where you lost it: sign in by another way, and prove a "
            "third of another kind; both must have been yours for 7 days.",
        ) from error  # fmt: skip


def _refuse_taken(offer: str) -> Never:
    raise Problem(
        409, "identity-taken", "It belongs to another account. If that one is yours too, POST /v1/me/merges makes the "
        "two one: send this merge_offer within 5 minutes.", merge_offer=offer,
    )  # fmt: skip
