"""Routes: tokens, keys, metadata."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from identity.api.context import identity_of
from identity.api.token_request import FORM_TYPE, read_credentials, read_form
from identity.domain.clients import SCOPES
from identity.domain.oauth import OAuthError
from identity.domain.signing_keys import JWKS_CACHE
from identity.http_models.oauth import (
    ErrorResponse,
    KeySetResponse,
    MetadataResponse,
    PublicKey,
    TokenForm,
    TokenResponse,
)
from identity.use_cases.clients import authenticate_client
from identity.use_cases.keys import published_keys
from identity.use_cases.oauth import GRANTS, require_grant
from servicekit.access import ANYONE

router = APIRouter(tags=["oauth"])

PUBLIC_CACHE = {"Cache-Control": f"public, max-age={int(JWKS_CACHE.total_seconds())}"}
NO_STORE = {"Cache-Control": "no-store"}
CHALLENGE = {"WWW-Authenticate": 'Basic realm="forecourt", charset="UTF-8"'}
UNAVAILABLE: dict[int | str, dict[str, Any]] = {503: {"description": "The database is away; try again shortly"}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorResponse, "description": "The request is not one that can be granted"},
    401: {"model": ErrorResponse, "description": "The client id or secret is wrong"},
    413: {"description": "The body is too large"},
    429: {"model": ErrorResponse, "description": "Too many wrong secrets for this client id"},
}
FORM_BODY = {"required": True, "content": {FORM_TYPE: {"schema": TokenForm.model_json_schema()}}}


@router.post(
    "/v1/oauth/token", summary="Get an access token", response_model=TokenResponse,
    responses=REFUSALS | UNAVAILABLE, openapi_extra={"requestBody": FORM_BODY} | ANYONE,
)  # fmt: skip
async def create_token(request: Request) -> Response:
    """A machine client proves itself by HTTP Basic or in the form, and gets a token for ten minutes."""
    identity = identity_of(request)
    form = await read_form(request)
    grant = require_grant(form)
    client = await authenticate_client(identity, read_credentials(request.headers.get("authorization"), form))
    issued = await grant(identity, client, form)
    body = TokenResponse(access_token=issued.token, expires_in=issued.expires_in_seconds, scope=issued.scope)
    return JSONResponse(body.model_dump(), headers=NO_STORE)


@router.get(
    "/.well-known/jwks.json",
    summary="Keys that verify access tokens",
    responses=UNAVAILABLE,
    openapi_extra=ANYONE,
)
async def get_key_set(request: Request, response: Response) -> KeySetResponse:
    """The public keys: the one that signs, the next one, and those whose tokens still live."""
    response.headers.update(PUBLIC_CACHE)
    keys = await published_keys(identity_of(request))
    return KeySetResponse(keys=[PublicKey.model_validate(key) for key in keys])


@router.get(
    "/.well-known/oauth-authorization-server",
    summary="What the authorization server offers",
    openapi_extra=ANYONE,
)
async def get_metadata(request: Request, response: Response) -> MetadataResponse:
    """RFC 8414's metadata, at the issuer's address."""
    response.headers.update(PUBLIC_CACHE)
    issuer = request.app.state.settings.issuer
    return MetadataResponse(
        issuer=issuer, token_endpoint=f"{issuer}/v1/oauth/token", jwks_uri=f"{issuer}/.well-known/jwks.json",
        grant_types_supported=list(GRANTS), response_types_supported=[], scopes_supported=list(SCOPES),
        token_endpoint_auth_methods_supported=["client_secret_basic", "client_secret_post"],
    )  # fmt: skip


async def oauth_error(_: Request, error: Exception) -> Response:
    """A refusal in OAuth's own shape, which its clients' libraries read."""
    assert isinstance(error, OAuthError)  # noqa: S101 - registered for it only
    status, headers = 400, dict(NO_STORE)
    if error.code == "invalid_client":
        status, headers = 401, headers | CHALLENGE
    if error.retry_after_seconds is not None:
        status, headers = 429, headers | {"Retry-After": str(error.retry_after_seconds)}
    body = ErrorResponse(error=error.code, error_description=error.description)
    return JSONResponse(body.model_dump(), status, headers)
