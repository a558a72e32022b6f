"""Ways to sign in, added to an account."""

from uuid import UUID

from identity.domain.linking import MAX_LOGINS
from identity.domain.messages import MessageKind, TextMessage
from identity.domain.people import Login, LoginKind
from identity.domain.phones import parse_phone
from identity.repository import people as repository
from identity.use_cases import messages
from identity.use_cases.context import Identity
from identity.use_cases.people import add_login, find_owner, logins_of
from servicekit.postgres import Connection


class AccountGone(Exception):
    """The account was erased or merged meanwhile."""


class TooManyLogins(Exception):
    """The account has MAX_LOGINS of them."""


async def link(identity: Identity, tx: Connection, user_id: UUID, kind: LoginKind, value: str) -> tuple[Login, bool]:
    """The login that was just proved and whether it is new to the account; other sessions are the caller's matter.

    Raises LoginTaken, AccountGone, TooManyLogins.
    """
    owner = await find_owner(identity, tx, kind, value)  # values are locked before people, here as by every sign-in
    if await repository.lock_user(tx, user_id) is None:
        raise AccountGone
    known = {login.id for login in await logins_of(identity, tx, user_id)}
    if owner is None and len(known) >= MAX_LOGINS:
        raise TooManyLogins
    await add_login(identity, tx, user_id, kind, value)
    logins = await logins_of(identity, tx, user_id)
    login = next(one for one in logins if (one.kind, one.value) == (kind, value))
    return login, login.id not in known


async def tell_of_change(identity: Identity, tx: Connection, user_id: UUID) -> None:
    """Puts a message on its way to each phone of the person: whether it was they is known to them alone.

    Call `identity.messages_due.set()` once the transaction is committed.
    """
    for login in await logins_of(identity, tx, user_id):
        if login.kind is LoginKind.PHONE:
            notice = TextMessage(parse_phone(login.value), MessageKind.LOGIN_CHANGED)
            await messages.tell(identity, tx, notice)
