"""Reads a form (RFC 6749 section 3.2), and who the client says it is (section 2.3.1)."""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from fastapi import Request

from identity.api.context import caller_of
from identity.domain.oauth import OAuthError
from identity.use_cases.clients import Credentials
from identity.use_cases.token_requests import TokenRequest

FORM_TYPE = "application/x-www-form-urlencoded"
MAX_FIELDS = 20


async def read_token_request(request: Request) -> TokenRequest:
    """The form, the client's credentials if it has any, and where it all comes from. Raises OAuthError."""
    form = await read_form(request)
    return TokenRequest(form, read_credentials(request.headers.get("authorization"), form), caller_of(request))


async def read_form(request: Request) -> dict[str, str]:
    """The form's fields; one without a value counts as left out. Raises OAuthError for anything but such a form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise OAuthError("invalid_request", f"Send the parameters in the body, as {FORM_TYPE}.")
    try:
        fields = parse_qsl((await request.body()).decode(), max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise OAuthError("invalid_request", f"The body is not a form of at most {MAX_FIELDS} fields.") from error
    form = dict(fields)
    if len(form) != len(fields):
        raise OAuthError("invalid_request", "Send each parameter once.")
    return form


def read_credentials(authorization: str | None, form: Mapping[str, str]) -> Credentials | None:
    """What the client proves itself with: HTTP Basic or the form, not both; None of a public one. Raises OAuthError."""
    if authorization is not None:
        if "client_secret" in form:
            raise OAuthError("invalid_request", "Send the client's secret one way: by HTTP Basic or in the form.")
        credentials = _basic_credentials(authorization)
        if form.get("client_id", credentials.client_id) != credentials.client_id:
            raise OAuthError("invalid_request", "The form and the Authorization header name two clients.")
        return credentials
    if "client_secret" not in form:
        return None
    return Credentials(form.get("client_id", ""), form["client_secret"])


def _basic_credentials(authorization: str) -> Credentials:
    kind, _, encoded = authorization.partition(" ")
    try:
        if kind.lower() != "basic":
            raise ValueError("another scheme")
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        if not colon:
            raise ValueError("no colon")
    except (ValueError, binascii.Error) as error:
        raise OAuthError(
            "invalid_client", "The Authorization header is no HTTP Basic of client id and secret."
        ) from error
    return Credentials(unquote_plus(client_id), unquote_plus(secret))
