"""The refresh grant: each refresh token is good once, and a second use of it ends the session (RFC 9700, 4.14.2)."""

from collections.abc import Sequence

from identity.domain.apps import App
from identity.domain.clients import Client
from identity.domain.oauth import OAuthError
from identity.domain.people import Rights
from identity.domain.sessions import Presented, StoredSession, rights_by
from identity.repository import people
from identity.repository import sessions as repository
from identity.use_cases import refresh_tokens
from identity.use_cases.authlib_server import Server
from identity.use_cases.authlib_terms import Held
from identity.use_cases.context import Identity
from identity.use_cases.refresh_tokens import RefreshToken
from identity.use_cases.sessions import end_stolen
from identity.use_cases.token_requests import TokenRequest, Tokens, find_party, person_tokens
from servicekit.postgres import Connection

MAX_LOOKS = 3
"""Who loses a race looks again and finds the winner's token; to lose twice takes a second winner in between."""
USED_BEFORE = "The refresh token was used before, so the session has ended: let the person sign in again."
Refreshed = tuple[StoredSession, Rights, Sequence[str], RefreshToken]
"""The session, what its person may do today, the scopes of the access token, and the next refresh token."""


async def by_refresh_token(identity: Identity, request: TokenRequest) -> Tokens:
    """RFC 6749 section 6, with rotation."""
    client = await find_party(identity, request)
    for _ in range(MAX_LOOKS):
        async with identity.store.connection() as connection:
            refreshed = await _refresh(identity, connection, request, client)
        if isinstance(refreshed, StoredSession):
            await _end(identity, refreshed)
            break
        if refreshed is not None:
            session, rights, scopes, successor = refreshed
            return await person_tokens(identity, session, rights, scopes, successor.text)
    raise OAuthError("invalid_grant", USED_BEFORE)


async def _refresh(
    identity: Identity, connection: Connection, request: TokenRequest, client: App | Client
) -> Refreshed | StoredSession | None:
    """None where another request rotated the token at the same time; the session where the token was stolen.

    Each statement is a transaction of its own: what is read may have changed, and the rotation finds out.
    """
    token = refresh_tokens.parse(request.form.get("refresh_token", ""))
    session = await repository.find_session(connection, token.session_id) if token else None
    what = _presented(identity, session, token)
    if what is Presented.STOLEN:
        return session
    is_held = session is not None and what in (Presented.GOOD, Presented.REPEATED)
    server = Server(client, held=Held(session.client_id, session.scopes) if session and is_held else None)
    grant = server.admit(request.form)
    assert session is not None  # noqa: S101 - or it had not been admitted
    rights = await people.rights_of(connection, session.user_id)
    rights = rights_by(rights, session.methods) if rights else None
    scopes = server.scopes(grant, rights)
    assert rights is not None  # noqa: S101 - or nothing had been granted
    successor = await _successor(identity, connection, session, what)
    return (session, rights, scopes, successor) if successor else None


def _presented(identity: Identity, session: StoredSession | None, token: RefreshToken | None) -> Presented:
    """What the token is; one that was never ours is as good as one of a session that ended."""
    if session is None or token is None:
        return Presented.ENDED
    is_newest = token.generation == session.generation
    if not (token.is_stored_as(session.token_hash) if is_newest else token.was_made_by(identity.ring)):
        return Presented.ENDED
    return session.judge(token.generation, identity.settings.session_policy)


async def _successor(
    identity: Identity, connection: Connection, session: StoredSession, what: Presented
) -> RefreshToken | None:
    """The next refresh token: made now, or again where it was made a moment ago. None where a race was lost."""
    if what is Presented.REPEATED:
        return refresh_tokens.made_before(identity.ring, session.id, session.generation, session.token_hash)
    successor = refresh_tokens.make(identity.ring, session.id, session.generation + 1)
    return successor if await repository.rotate_token(connection, session, successor.digest) else None


async def _end(identity: Identity, session: StoredSession) -> None:
    async def work(tx: Connection) -> None:
        await end_stolen(identity, tx, session.user_id, session.id, "refresh_reused")

    await identity.store.transact(work)
