"""The token endpoint: who gets tokens for what, and what becomes of what they showed.

Each grant reads what the request is about, lets Authlib judge it, and saves the outcome in one transaction.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from identity.domain.apps import App
from identity.domain.clients import Client, digest_of
from identity.domain.oauth import OAuthError, asked_scopes, client_claims
from identity.domain.people import Rights, SignedIn
from identity.domain.sessions import SECOND_FACTOR, Session, rights_by
from identity.repository import codes, people
from identity.use_cases import audit
from identity.use_cases.authlib_server import Server
from identity.use_cases.clients import authenticate_client
from identity.use_cases.context import Identity
from identity.use_cases.grants import SIGN_INS
from identity.use_cases.refreshing import by_refresh_token
from identity.use_cases.sessions import end_stolen, open_session
from identity.use_cases.token_requests import TokenRequest, Tokens, find_party, person_tokens, signed, token_frame
from servicekit.postgres import Connection

log = logging.getLogger(__name__)

Opened = tuple[Session, Rights, Sequence[str]]
"""A new session, what its person may do, and the scopes of its first token."""


async def by_client_credentials(identity: Identity, request: TokenRequest) -> Tokens:
    """RFC 6749 section 4.4: a token for a machine client itself."""
    if request.credentials is None:
        raise OAuthError("invalid_client", "Send client_id and client_secret, by HTTP Basic or in the form.")
    client = await authenticate_client(identity, request.credentials)
    return await issue_client_token(identity, client, request.form)


async def issue_client_token(identity: Identity, client: Client, form: Mapping[str, str]) -> Tokens:
    """A token for a client that has proved itself."""
    server = Server(client)
    scopes = server.scopes(server.admit({**form, "grant_type": "client_credentials"}))
    return await signed(identity, client_claims(client, scopes, token_frame(identity)))


async def by_code(identity: Identity, request: TokenRequest) -> Tokens:
    """Section 4.1: the sign-in page's code for a session's first tokens, once."""
    client = await find_party(identity, request)
    opened = await identity.store.transact(lambda tx: _exchange(identity, tx, request, client))
    if isinstance(opened, OAuthError):
        raise opened
    return await _first_tokens(identity, opened)


async def _exchange(
    identity: Identity, tx: Connection, request: TokenRequest, client: App | Client
) -> Opened | OAuthError:
    """A refusal is returned, not raised: what a second use of a code ends must be committed."""
    code_hash = digest_of(request.form.get("code", ""))
    code = await codes.lock_code(tx, code_hash)
    if code and code.session_id:
        await end_stolen(identity, tx, code.signed_in.user_id, code.session_id, "code_reused")
    server = Server(client, code=code)
    try:
        grant = server.admit(request.form)
        assert code is not None  # noqa: S101 - or it had not been admitted
        opened = await _open(identity, tx, server, grant, code.signed_in, code.scopes, request)
    except OAuthError as refusal:
        return refusal
    await codes.mark_used(tx, code_hash, opened[0].id)
    return opened


async def by_proof(identity: Identity, request: TokenRequest) -> Tokens:
    """Our own grants: an app of ours hands in what the person proves themselves with."""
    client = await find_party(identity, request)
    server = Server(client)
    grant = server.admit(request.form)  # before the proof is spent
    signed_in = await SIGN_INS[request.form["grant_type"]](identity, request.form, request.caller)
    scopes = asked_scopes(client.scopes if isinstance(client, App) else (), request.form.get("scope"))
    return await _first_tokens(
        identity,
        await identity.store.transact(lambda tx: _open(identity, tx, server, grant, signed_in, scopes, request)),
    )


async def _open(
    identity: Identity, tx: Connection, server: Server, grant: Any, signed_in: SignedIn, scopes: Sequence[str],
    request: TokenRequest,
) -> Opened:  # fmt: skip
    """A session for whoever signed in, while their account is locked: an erasure finds all or nothing of it."""
    await people.lock_user(tx, signed_in.user_id)
    rights = await people.rights_of(tx, signed_in.user_id)
    rights = rights_by(rights, signed_in.methods) if rights else None
    granted = server.scopes(grant, rights)
    assert rights is not None  # noqa: S101 - or nothing had been granted
    session = await open_session(
        identity, tx, signed_in, server.app, request.caller, request.form.get("device_name"), scopes=scopes
    )
    await _note(identity, tx, session)
    return session, rights, granted


async def _note(identity: Identity, tx: Connection, session: Session) -> None:
    """Staff's sign-ins stand in the audit log; drivers' do not, since all who append to it wait for one another."""
    details = {"session_id": str(session.id), "client_id": session.client_id, "methods": list(session.methods)}
    log.info("signed in", extra=details)
    if SECOND_FACTOR in session.methods:
        await audit.append(identity, tx, str(session.user_id), "signed-in", str(session.user_id), details)


async def _first_tokens(identity: Identity, opened: Opened) -> Tokens:
    session, rights, scopes = opened
    return await person_tokens(identity, session, rights, scopes, session.refresh_token)


Grant = Callable[[Identity, TokenRequest], Awaitable[Tokens]]

GRANTS: dict[str, Grant] = {
    "authorization_code": by_code,
    "refresh_token": by_refresh_token,
    "client_credentials": by_client_credentials,
    **dict.fromkeys(SIGN_INS, by_proof),
}
"""What `grant_type` may be. OAuth 2.1 has no password grant, and never will one stand here."""


def require_grant(form: Mapping[str, str]) -> Grant:
    """The grant that the form asks for. Raises OAuthError."""
    name = form.get("grant_type")
    if name is None:
        raise OAuthError("invalid_request", f"Send grant_type, one of: {', '.join(GRANTS)}.")
    if name not in GRANTS:
        raise OAuthError("unsupported_grant_type", f"This server's grant types: {', '.join(GRANTS)}.")
    return GRANTS[name]
