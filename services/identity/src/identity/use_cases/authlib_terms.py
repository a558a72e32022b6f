"""A request and what it is about, as Authlib wants to see them."""

# Authlib has no types of its own, and those that pyright brings describe an older release and demand its exact classes.
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false
# pyright: reportOptionalMemberAccess=false, reportAttributeAccessIssue=false, reportReturnType=false
# pyright: reportArgumentType=false, reportCallIssue=false

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.models import AuthorizationCodeMixin, ClientMixin, TokenMixin
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from identity.domain.apps import App
from identity.domain.clients import Client
from identity.domain.codes import Code
from identity.domain.oauth import OAuthError, OAuthErrorCode, asked_scopes

PUBLIC, PROVED = "none", "proved"
"""How a client is authenticated: a public one by nothing, a machine client by `use_cases.clients` before we begin."""
ENDPOINT = "https://identity/"
"""Authlib insists on TLS, which ends at the gateway."""
REPEATED_IN_ERRORS = ("client_id", "redirect_uri", "response_type", "grant_type", "scope")
_REPEATABLE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")
"""What an error's description may hold (RFC 6749 section 5.2)."""
_STATE = re.compile(r"[\x20-\x7e]{0,1024}")


class Party(ClientMixin):
    """The client of a request, in Authlib's terms: see ClientMixin for its methods."""

    def __init__(self, client: App | Client) -> None:
        self.client = client
        self.id = client.client_id if isinstance(client, App) else str(client.id)
        self.app = client if isinstance(client, App) else None

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: D102
        return method == (PUBLIC if self.app else PROVED)

    def check_grant_type(self, grant_type: str) -> bool:  # noqa: D102
        return self.app.may_use(grant_type) if self.app else grant_type == "client_credentials"

    def check_response_type(self, response_type: str) -> bool:  # noqa: D102
        return self.app is not None and response_type == "code"

    def check_redirect_uri(self, redirect_uri: str) -> bool:  # noqa: D102
        return self.app is not None and self.app.may_redirect_to(redirect_uri)

    def get_default_redirect_uri(self) -> None:
        """Each request names its own."""

    def get_allowed_scope(self, scope: str | None) -> str | None:  # noqa: D102
        return " ".join(asked_scopes(self.app.scopes if self.app else (), scope)) or None


class Held(TokenMixin):
    """The session whose token was presented, in Authlib's terms."""

    def __init__(self, client_id: str, scopes: tuple[str, ...] = ()) -> None:
        self._client_id = client_id
        self._scopes = scopes

    def check_client(self, client: ClientMixin) -> bool:  # noqa: D102
        return cast(Party, client).id == self._client_id

    def get_scope(self) -> str:  # noqa: D102
        return " ".join(self._scopes)


class Asked(OAuth2Request):
    """A request's parameters; `more` are all values of those that came more than once.

    Raises OAuthError for what no answer could repeat.
    """

    def __init__(self, fields: Mapping[str, str], more: Mapping[str, list[str]] | None = None) -> None:
        super().__init__("POST", ENDPOINT)
        for name in REPEATED_IN_ERRORS:
            if not _REPEATABLE.fullmatch(fields.get(name, "")):
                raise OAuthError("invalid_request", f"The parameter {name} has characters that OAuth does not allow.")
        if not _STATE.fullmatch(fields.get("state", "")):
            raise OAuthError("invalid_request", "The parameter state has at most 1,024 characters, all of them ASCII.")
        self.payload = BasicOAuth2Payload(fields)
        self.payload.datalist.update(more or {})

    @property
    def form(self) -> Mapping[str, str]:
        """The parameters."""
        return self.payload.data


class Exchanged(AuthorizationCodeMixin):
    """The code that was presented, in Authlib's terms."""

    def __init__(self, code: Code) -> None:
        self.code = code

    def get_redirect_uri(self) -> str:  # noqa: D102
        return self.code.redirect_uri

    def get_scope(self) -> str:  # noqa: D102
        return " ".join(self.code.scopes)


@contextmanager
def refusals() -> Iterator[None]:
    """Turns Authlib's errors into ours."""
    try:
        yield
    except OAuth2Error as error:
        raise refusal(error) from error


def refusal(error: OAuth2Error) -> OAuthError:
    """Authlib's error as ours."""
    text = error.get_error_description() or "The request cannot be granted."
    return OAuthError(cast(OAuthErrorCode, error.error), text)
