"""The refresh grant: each refresh token is good once, and a second use of it ends the session (RFC 9700, 4.14.2)."""

from collections.abc import Sequence

from identity.domain.apps import App
from identity.domain.clients import Client
from identity.domain.oauth import OAuthError, asked_scopes
from identity.domain.people import Rights
from identity.domain.sessions import Presented, StoredSession, rights_by
from identity.repository import sessions as repository
from identity.repository.sessions import Refreshable
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


async def by_refresh_token(identity: Identity, request: TokenRequest) -> Tokens:
    """RFC 6749 section 6, with rotation."""
    token = refresh_tokens.parse(request.form.get("refresh_token", ""))
    for _ in range(MAX_LOOKS):
        async with identity.store.connection() as connection:
            found = await repository.find_refreshable(connection, token.session_id) if token else None
        what = _presented(identity, found.session if found else None, token)
        if found and what is Presented.STOLEN:
            await _end(identity, found.session)
            break
        held = found if what in (Presented.GOOD, Presented.REPEATED) else None
        rights, scopes = _judge(request, await _client(identity, request, found), held)
        assert held is not None  # noqa: S101 - or nothing had been granted
        if successor := await _successor(identity, held.session, what):
            return await person_tokens(identity, held.session, rights, scopes, successor.text)
    raise OAuthError("invalid_grant", USED_BEFORE)


async def _client(identity: Identity, request: TokenRequest, found: Refreshable | None) -> App | Client:
    """Who asks: almost always the session's own app, which is there already."""
    if found and request.credentials is None and request.form.get("client_id") == found.app.client_id:
        return found.app
    return await find_party(identity, request)


def _judge(request: TokenRequest, client: App | Client, held: Refreshable | None) -> tuple[Rights, Sequence[str]]:
    """What the person may do today, and the scopes of their next access token. Raises OAuthError."""
    server = Server(client, held=_held(held) if held else None)
    grant = server.admit(request.form)
    rights = rights_by(held.rights, held.session.methods) if held and held.rights else None
    scopes = server.scopes(grant, rights)
    assert rights is not None  # noqa: S101 - or nothing had been granted
    return rights, scopes


def _held(found: Refreshable) -> Held:
    """The session may have as much as its app may today."""
    at_most = asked_scopes(found.app.scopes, " ".join(found.session.scopes))
    return Held(found.session.client_id, tuple(at_most))


def _presented(identity: Identity, session: StoredSession | None, token: RefreshToken | None) -> Presented:
    """What the token is; one that was never ours is as good as one of a session that ended."""
    if session is None or token is None:
        return Presented.ENDED
    is_newest = token.generation == session.generation
    if not (token.is_stored_as(session.token_hash) if is_newest else token.was_made_by(identity.ring)):
        return Presented.ENDED
    return session.judge(token.generation, identity.settings.session_policy)


async def _successor(identity: Identity, session: StoredSession, what: Presented) -> RefreshToken | None:
    """The next refresh token: made now, or again where it was made a moment ago. None where a race was lost."""
    if what is Presented.REPEATED:
        return refresh_tokens.made_before(identity.ring, session.id, session.generation, session.token_hash)
    successor = refresh_tokens.make(identity.ring, session.id, session.generation + 1)
    async with identity.store.connection() as connection:
        return successor if await repository.rotate_token(connection, session, successor.digest) else None


async def _end(identity: Identity, session: StoredSession) -> None:
    async def work(tx: Connection) -> None:
        await end_stolen(identity, tx, session.user_id, session.id, "refresh_reused")

    await identity.store.transact(work)
