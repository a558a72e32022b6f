"""The revocation endpoint (RFC 7009): an app hands back a token, and the session that it belongs to ends."""

from dataclasses import dataclass
from uuid import UUID

from identity import tokens
from identity.domain.oauth import OAuthError
from identity.repository import keys
from identity.repository import sessions as repository
from identity.use_cases import refresh_tokens
from identity.use_cases.authlib_server import Server
from identity.use_cases.authlib_terms import Held
from identity.use_cases.context import Identity
from identity.use_cases.sessions import end_session
from identity.use_cases.token_requests import TokenRequest, find_party
from servicekit.postgres import Connection

REASON = "revoked"


@dataclass(frozen=True, slots=True)
class Owned:
    """The session that a token belongs to."""

    session_id: UUID
    user_id: UUID
    client_id: str


async def revoke(identity: Identity, request: TokenRequest) -> None:
    """Ends the session of the token, a refresh token or an access token; one that is not known is as good as revoked.

    Raises OAuthError where it is another client's, or a machine client's, which has no session.
    """
    client = await find_party(identity, request)
    async with identity.store.connection() as connection:
        owned = await _find(identity, connection, request.form.get("token", ""))
    server = Server(client, held=Held(owned.client_id) if owned else None)
    if server.revoke(request.form) and owned:
        await identity.store.transact(lambda tx: end_session(tx, owned.user_id, owned.session_id, REASON))


async def _find(identity: Identity, connection: Connection, text: str) -> Owned | None:
    token = refresh_tokens.parse(text)
    if token is None:
        return await _find_by_access_token(connection, text)
    session = await repository.find_session(connection, token.session_id)
    if session is None or not (token.is_stored_as(session.token_hash) or token.was_made_by(identity.ring)):
        return None
    return Owned(session.id, session.user_id, session.client_id)


async def _find_by_access_token(connection: Connection, text: str) -> Owned | None:
    claims = tokens.verified(text, await keys.load_keys(connection))
    if claims is None:
        return None
    if "sid" not in claims:
        raise OAuthError("unsupported_token_type", "A machine client's token cannot be taken back; it soon expires.")
    return Owned(UUID(claims["sid"]), UUID(claims["sub"]), claims["client_id"])
