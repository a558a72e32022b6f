"""OAuth's rules, by Authlib, over facts that were read before (docs/decisions/0015).

Authlib's server is synchronous: it decides about one request in memory. What it would query is handed in, and what it
would save is left to the use case, which does it in one transaction. Nothing here does any I/O.
"""

# Authlib has no types of its own, and those that pyright brings describe an older release and demand its exact classes.
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false
# pyright: reportOptionalMemberAccess=false, reportAttributeAccessIssue=false, reportReturnType=false
# pyright: reportArgumentType=false, reportCallIssue=false

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Request,
    UnauthorizedClientError,
    grants,
)
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter

from identity.domain.apps import PROOF_GRANT_PREFIX, App
from identity.domain.clients import Client
from identity.domain.codes import Code
from identity.domain.oauth import OAuthError, OAuthErrorCode, granted_scopes, person_scopes
from identity.domain.people import Rights
from identity.use_cases.authlib_terms import PROVED, PUBLIC, Asked, Exchanged, Held, Party, refusal, refusals


class Answer:
    """An answer of the authorization endpoint: where the browser goes."""

    def __init__(self, location: str | None) -> None:
        self.location = location


@dataclass(frozen=True, slots=True)
class Authorization:
    """A request at the authorization endpoint that is in order."""

    asked: Asked
    grant: BaseGrant

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the app may have of what it asks for."""
        return tuple(self.asked.scope.split())


class Server(AuthorizationServer):
    """Authlib's server for one request of one client, with what it would look up."""

    def __init__(
        self, client: App | Client | None, *, code: Code | None = None, held: Held | None = None, issuer: str = ""
    ) -> None:
        super().__init__()
        self.party = Party(client) if client else None
        self._issuer = issuer
        self.code = code
        self.held = held
        self.rights: Rights | None = None
        self.new_code = ""
        """What was made at the authorization endpoint."""
        self.revoked = False
        self.register_client_auth_method(PROVED, lambda *_: self.party)
        self.register_token_generator("default", self._scopes_of_token)
        self.register_grant(_CodeGrant, [_OnlyS256(required=True)])
        for kind in (_RefreshGrant, _ClientGrant, _ProofGrant):
            self.register_grant(kind)
        self.register_extension(_Issuer(issuer))

    @property
    def app(self) -> App:
        """The client, where it is an app: nobody else is granted what a person gives."""
        assert self.party is not None  # noqa: S101 - there is one in every granted request
        assert self.party.app is not None  # noqa: S101
        return self.party.app

    def admit(self, fields: Mapping[str, str]) -> BaseGrant:
        """The grant that a token request asks for, once its client may ask for it. Raises OAuthError."""
        with refusals():
            grant = self.get_token_grant(Asked(fields))
            grant.validate_token_request()
        return grant

    def scopes(self, grant: BaseGrant, rights: Rights | None = None) -> list[str]:
        """What the token is good for, of the person with these rights or of the client itself. Raises OAuthError."""
        self.rights = rights
        with refusals():
            _, token, _ = grant.create_token_response()
        return token["scopes"]

    def revoke(self, fields: Mapping[str, str]) -> bool:
        """Whether a revocation request is to end what is held. Raises OAuthError."""
        with refusals():
            _Revocation(self).create_endpoint_response(Asked(fields))
        return self.revoked

    def authorization(
        self, fields: Mapping[str, str], more: Mapping[str, list[str]] | None = None
    ) -> "Authorization | str":
        """The request of an app, or where the browser goes with what is wrong with it.

        Raises OAuthError where the app or its redirect URI is not known: then it must not be sent anywhere. That is
        asked before Authlib asks it, since its texts repeat what came, and anybody could have a page of ours say it.
        """
        if self.party is None:
            raise OAuthError("invalid_client", "The client_id is not that of an app.")
        if not self.party.check_redirect_uri(fields.get("redirect_uri", "")):
            raise OAuthError("invalid_request", "The redirect_uri is not one of the app's, to the letter.")
        asked = Asked(fields, more)
        try:
            return Authorization(asked, self.get_consent_grant(asked))
        except OAuth2Error as error:
            if error.redirect_uri is None:
                raise refusal(error) from error
            return self._redirect(error.redirect_uri, error)

    def approval(self, authorization: Authorization) -> str:
        """Where the browser goes with the code, which `new_code` holds then."""
        asked, grant = authorization.asked, authorization.grant
        answer = self.create_authorization_response(asked, grant_user=self.party, grant=grant)
        return answer.location

    def denial(self, authorization: Authorization, code: OAuthErrorCode) -> str:
        """Where the browser goes with an error."""
        error = OAuth2Error("The person did not sign in.", state=authorization.asked.payload.state, error=code)
        return self._redirect(authorization.grant.redirect_uri, error)

    def _redirect(self, redirect_uri: str, error: OAuth2Error) -> str:
        return add_params_to_uri(redirect_uri, [*error.get_body(), ("iss", self._issuer)])

    def query_client(self, client_id: str) -> Party | None:  # noqa: D102
        return self.party if self.party and self.party.id == client_id else None

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:  # noqa: D102
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Answer:  # noqa: D102
        return Answer(dict(headers).get("Location"))

    def save_token(self, token: Any, request: OAuth2Request) -> None:
        """The use case saves."""

    def send_signal(self, name: str, *args: Any, **named: Any) -> None:
        """Nobody listens."""

    def _scopes_of_token(self, *, client: Party, user: Rights | None, scope: str | None, **_: Any) -> dict[str, Any]:
        if isinstance(client.client, Client):
            return {"scopes": granted_scopes(client.client, scope)}
        if user is None:
            raise InvalidGrantError("The person has no account any more.")
        return {"scopes": person_scopes(user, (scope or "").split())}


class _OnlyS256(CodeChallenge):
    """PKCE as OAuth 2.1 wants it: Authlib lets a request without a challenge pass, and takes one for `plain`."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012 - Authlib's way to configure it

    def validate_code_challenge(self, grant: BaseGrant, redirect_uri: Any) -> None:
        fields = grant.request.payload.data
        if not fields.get("code_challenge") or not fields.get("code_challenge_method"):
            raise InvalidRequestError("Send code_challenge and code_challenge_method=S256 (RFC 7636).")
        super().validate_code_challenge(grant, redirect_uri)

    def get_authorization_code_challenge(self, authorization_code: Exchanged) -> str:
        return authorization_code.code.challenge

    def get_authorization_code_challenge_method(self, authorization_code: Exchanged) -> str:
        return "S256"


class _CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = [PUBLIC, PROVED]  # noqa: RUF012 - Authlib's way to configure it, here and below
    server: Server

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        self.server.new_code = code

    def query_authorization_code(self, code: str, client: Party) -> Exchanged | None:
        known = self.server.code
        is_good = known and known.is_fresh and known.session_id is None and known.client_id == client.id
        return Exchanged(known) if known and is_good else None

    def authenticate_user(self, authorization_code: Exchanged) -> Rights | None:
        return self.server.rights

    def delete_authorization_code(self, authorization_code: Exchanged) -> None:
        """The use case marks it as used."""


class _RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = [PUBLIC, PROVED]  # noqa: RUF012
    server: Server

    def authenticate_refresh_token(self, refresh_token: str) -> Held:
        if self.server.held is None:
            raise InvalidGrantError("The refresh token is not good any more: let the person sign in again.")
        return self.server.held

    def authenticate_user(self, refresh_token: Held) -> Rights:
        if self.server.rights is None:
            raise InvalidGrantError("The person has no account any more.")
        return self.server.rights

    def revoke_old_credential(self, refresh_token: Held) -> None:
        """The use case rotates."""


class _ClientGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = [PROVED]  # noqa: RUF012


class _ProofGrant(BaseGrant, TokenEndpointMixin):
    """RFC 6749 section 4.5: the app hands in what the person proves themselves with; the use case checks that."""

    TOKEN_ENDPOINT_AUTH_METHODS = [PUBLIC, PROVED]  # noqa: RUF012
    server: Server

    @classmethod
    def check_token_endpoint(cls, request: OAuth2Request) -> bool:
        return request.payload.grant_type.startswith(PROOF_GRANT_PREFIX)

    def validate_token_request(self) -> None:
        client = self.request.client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.request.payload.grant_type):
            raise UnauthorizedClientError("This app may not take a person's proof itself: use the sign-in page.")
        self.request.scope = client.get_allowed_scope(self.request.payload.scope)
        if not self.request.scope:
            raise InvalidScopeError()

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        token = self.generate_token(user=self.server.rights, scope=self.request.scope)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class _Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = [PUBLIC, PROVED]  # noqa: RUF012
    server: Server

    def query_token(self, token_string: str, token_type_hint: str | None) -> Held | None:
        return self.server.held

    def revoke_token(self, token: Held, request: OAuth2Request) -> None:
        self.server.revoked = True


class _Issuer(IssuerParameter):
    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def get_issuer(self) -> str:
        return self._issuer
