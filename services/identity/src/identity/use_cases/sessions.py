"""Sessions: opened by a sign-in, shown to the person, ended."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from identity.domain.apps import App
from identity.domain.caller import Caller
from identity.domain.oauth import OAuthError
from identity.domain.people import SignedIn
from identity.domain.sessions import Session, device_text
from identity.repository import codes
from identity.repository import sessions as repository
from identity.repository.profile import hold_user
from identity.use_cases import audit, refresh_tokens
from identity.use_cases.context import Identity
from identity.use_cases.people import revoke_access
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.store import StoreUnavailable

log = logging.getLogger(__name__)

FIRST_GENERATION = 1
TIDY_SECONDS = 600.0
KEEP_ENDED = timedelta(days=7)


async def open_session(
    identity: Identity, tx: Connection, signed_in: SignedIn, app: App, caller: Caller, device_name: str | None = None,
    *, scopes: Sequence[str] | None = None, session_id: UUID | None = None,
) -> Session:  # fmt: skip
    """A new session of whoever has just signed in; `scopes` are all of the app's by default.

    Raises OAuthError where the account was closed between the proof and now.
    """
    if await hold_user(tx, signed_in.user_id) is None:
        raise OAuthError("invalid_grant", "This account was closed. Sign in again to open a new one.")
    now, session_id = datetime.now(UTC), session_id or new_id()
    token = refresh_tokens.make(identity.ring, session_id, FIRST_GENERATION)
    session = Session(
        session_id, signed_in.user_id, app.client_id, app.name,
        app.scopes if scopes is None else tuple(scopes), signed_in.methods, signed_in.at, now, now,
        signed_in.at + identity.settings.session_policy.life(signed_in.methods), FIRST_GENERATION,
        device_text(device_name or caller.user_agent), token.text,
    )  # fmt: skip
    box = await identity.vault.box(tx, str(session.user_id))
    await repository.insert_session(tx, session, box.seal(session.device, _context(session.id)), token.digest)
    return session


async def sessions_of(identity: Identity, tx: Connection, user_id: UUID) -> list[Session]:
    """A person's sessions that can still be refreshed, the last used first; what their devices are called is open."""
    box = await identity.vault.box(tx, str(user_id))
    idle = identity.settings.session_policy.idle_life
    return await repository.live_sessions(tx, user_id, idle, lambda id, sealed: box.open(sealed, _context(id)))


async def end_session(tx: Connection, user_id: UUID, session_id: UUID, reason: str) -> bool:
    """Ends a session of the person: neither its refresh tokens nor its access tokens are good any more.

    False where the person has no such session, or it had ended.
    """
    return bool(await _revoke(tx, user_id, await repository.end_sessions(tx, user_id, only=session_id), reason))


async def end_sessions(tx: Connection, user_id: UUID, reason: str, except_session: UUID | None = None) -> int:
    """Ends all of a person's sessions, but perhaps the one that asks; how many."""
    return await _revoke(tx, user_id, await repository.end_sessions(tx, user_id, but=except_session), reason)


async def end_stolen(identity: Identity, tx: Connection, user_id: UUID, session_id: UUID, reason: str) -> None:
    """Ends a session of which somebody else holds a token or code; who is the thief, nobody can tell."""
    if await end_session(tx, user_id, session_id, reason):
        details = {"session_id": str(session_id), "reason": reason}
        await audit.append(identity, tx, str(user_id), "session-stolen", str(user_id), details)
        log.warning("session ended: its token or code is in two hands", extra=details)


async def keep_sessions(identity: Identity) -> None:
    """Forgets what nobody can use any more, for ever: sessions, codes, sign-in pages that were left."""
    while True:
        try:
            async with identity.store.connection() as connection:
                await codes.delete_old(connection)
                await repository.delete_old_sessions(connection, KEEP_ENDED)
        except StoreUnavailable as error:
            log.warning("old sessions wait for the database", extra={"error": str(error)})
        await asyncio.sleep(TIDY_SECONDS)


async def _revoke(tx: Connection, user_id: UUID, ended: Sequence[UUID], reason: str) -> int:
    for session_id in ended:
        await revoke_access(tx, user_id, reason, session_id=session_id)
    return len(ended)


def _context(session_id: UUID) -> str:
    return f"sessions.device|{session_id}"
