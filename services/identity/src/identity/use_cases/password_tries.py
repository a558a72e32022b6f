"""How often a password or a code may be tried: counted before it is checked, so that no burst gets past the count."""

from datetime import datetime
from uuid import UUID

from identity.domain.caller import Caller
from identity.domain.oauth import OAuthError
from identity.domain.passwords import ACCOUNT, ACCOUNT_ON_NETWORK, FAMILIAR_FOR, NETWORK, TryLimit
from identity.repository import password_tries as repository
from identity.use_cases.context import Identity
from servicekit.postgres import Connection

PURPOSE = "password tries"
FAMILIAR = "familiar networks"
NOBODY = UUID(int=0)


def account_of(identity: Identity, email: str) -> bytes:
    """What an e-mail address is counted as, somebody's or nobody's."""
    return identity.ring.hash(email, PURPOSE)


async def count_try(
    identity: Identity, tx: Connection, account: bytes, user_id: UUID | None, caller: Caller, now: datetime
) -> int | None:
    """Counts one try; the seconds to wait where there were too many, else None. The caller commits either way.

    Strangers cannot keep people out: on a network that a person has signed in from, only that account's own tries
    from there count.
    """
    asked = {ACCOUNT_ON_NETWORK: _both(identity, account, caller)}
    if not await _is_familiar(identity, tx, user_id, caller, now):
        asked |= _wider(identity, account, caller)
    windows = {bucket: now + limit.window for limit, bucket in asked.items()}
    counted = await repository.add_tries(tx, windows, now)
    ends = [counted[bucket][1] for limit, bucket in asked.items() if counted[bucket][0] > limit.tries]
    return max(1, int((max(ends) - now).total_seconds())) if ends else None


async def forgive(
    identity: Identity, tx: Connection, account: bytes, user_id: UUID, caller: Caller, tries: int, now: datetime
) -> None:
    """The person is who they say: their tries count no more, and their network is familiar from now on."""
    if not await _is_familiar(identity, tx, user_id, caller, now):
        await repository.take_back_tries(tx, list(_wider(identity, account, caller).values()), tries)
    await repository.clear_tries(tx, _both(identity, account, caller))
    await repository.note_familiar(tx, user_id, identity.ring.hash(caller.network, FAMILIAR), now)


def too_many(wait_seconds: int) -> OAuthError:
    """The refusal that says how long to wait."""
    minutes = -(-wait_seconds // 60)
    return OAuthError("invalid_grant", f"There were too many wrong tries: wait {minutes} minutes.", wait_seconds)


async def _is_familiar(
    identity: Identity, tx: Connection, user_id: UUID | None, caller: Caller, now: datetime
) -> bool:  # fmt: skip
    networks = identity.ring.hashes(caller.network, FAMILIAR)
    return await repository.is_familiar(tx, user_id or NOBODY, networks, now - FAMILIAR_FOR)


def _both(identity: Identity, account: bytes, caller: Caller) -> bytes:
    return identity.ring.hash(f"{account.hex()} {caller.network}", PURPOSE)


def _wider(identity: Identity, account: bytes, caller: Caller) -> dict[TryLimit, bytes]:
    networks = identity.ring.hash(f"network {caller.network}", PURPOSE)
    return {ACCOUNT: identity.ring.hash(account.hex(), PURPOSE), NETWORK: networks}
