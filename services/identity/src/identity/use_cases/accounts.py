"""What every change of an account begins with."""

from uuid import UUID

from identity.domain.people import User
from identity.repository import people as repository
from identity.repository.profile import hold_user
from servicekit.auth import Principal, unauthorised
from servicekit.postgres import Connection
from servicekit.problems import Problem


def user_id_of(principal: Principal) -> UUID:
    """The person that a token was made for. Raises Problem 401 where it names none."""
    try:
        return UUID(principal.subject)
    except ValueError as error:
        raise _gone() from error


async def lock_account(tx: Connection, user_id: UUID) -> User:
    """The active person, locked until the transaction ends: nothing can be added once the account is erased or merged.

    Raises Problem 401.
    """
    if (user := await repository.lock_user(tx, user_id)) is None:
        raise _gone()
    return user


async def hold_account(tx: Connection, user_id: UUID) -> User:
    """The active person, for reading: its data key is there until the transaction ends. Raises Problem 401."""
    if (user := await hold_user(tx, user_id)) is None:
        raise _gone()
    return user


def _gone() -> Problem:
    return unauthorised("The account of this access token is not here any more. Sign in again.")
