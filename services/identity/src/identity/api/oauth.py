"""Routes: tokens and their end, keys, metadata."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from identity.api.context import identity_of
from identity.api.page_texts import LANGUAGES
from identity.api.token_request import FORM_TYPE, read_token_request
from identity.domain.oauth import OAuthError
from identity.domain.signing_keys import JWKS_CACHE
from identity.http_models.oauth import (
    ErrorResponse,
    KeySetResponse,
    MetadataResponse,
    PublicKey,
    RevocationForm,
    TokenForm,
    TokenResponse,
)
from identity.use_cases.keys import published_keys
from identity.use_cases.oauth import GRANTS, require_grant
from identity.use_cases.revocation import revoke
from servicekit.access import ANYONE, TABLE

router = APIRouter(tags=["oauth"])

PUBLIC_CACHE = {"Cache-Control": f"public, max-age={int(JWKS_CACHE.total_seconds())}"}
NO_STORE = {"Cache-Control": "no-store"}
CHALLENGE = {"WWW-Authenticate": 'Basic realm="forecourt", charset="UTF-8"'}
AUTH_METHODS = ["none", "client_secret_basic", "client_secret_post"]
SCOPES = [rule.permission.value for rule in TABLE if rule.roles or rule.machines]
UNAVAILABLE: dict[int | str, dict[str, Any]] = {
    503: {"description": "The database, or the platform that knows the person, is away; try again shortly"}
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorResponse, "description": "The request is not one that can be granted"},
    401: {"model": ErrorResponse, "description": "The client id or secret is wrong"},
    413: {"description": "The body is too large"},
    429: {"model": ErrorResponse, "description": "Too many wrong tries; Retry-After says how long to wait"},
}


def form_body(model: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads a form itself, and is for anyone."""
    content = {FORM_TYPE: {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}} | ANYONE


@router.post(
    "/v1/oauth/token", summary="Get an access token", response_model=TokenResponse,
    response_model_exclude_none=True, responses=REFUSALS | UNAVAILABLE, openapi_extra=form_body(TokenForm),
)  # fmt: skip
async def create_token(request: Request) -> Response:
    """An access token is good for ten minutes.

    A machine client proves itself by HTTP Basic or in the form. A person's app has no secret: it sends what the person
    proved themselves with, and gets a refresh token beside the access token. Each refresh token is good once; whoever
    uses one again ends the session, but within ten seconds, since an answer may be lost, the same one is given again.
    """
    asked = await read_token_request(request)
    issued = await require_grant(asked.form)(identity_of(request), asked)
    body = TokenResponse(
        access_token=issued.access_token, expires_in=issued.expires_in_seconds, scope=issued.scope,
        refresh_token=issued.refresh_token,
    )  # fmt: skip
    return JSONResponse(body.model_dump(exclude_none=True), headers=NO_STORE)


@router.post(
    "/v1/oauth/revoke", summary="Hand a token back", responses={200: {"content": {}}} | REFUSALS | UNAVAILABLE,
    openapi_extra=form_body(RevocationForm), response_class=Response,
)  # fmt: skip
async def revoke_token(request: Request) -> Response:
    """Signs the person out of the app that has the token, at once and in every service (RFC 7009).

    A token that is not known is as good as handed back, so the answer is the same.
    """
    await revoke(identity_of(request), await read_token_request(request))
    return Response(status_code=200, headers=NO_STORE)


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
        issuer=issuer, authorization_endpoint=f"{issuer}/v1/oauth/authorize", token_endpoint=f"{issuer}/v1/oauth/token",
        revocation_endpoint=f"{issuer}/v1/oauth/revoke", jwks_uri=f"{issuer}/.well-known/jwks.json",
        grant_types_supported=list(GRANTS), response_types_supported=["code"], response_modes_supported=["query"],
        scopes_supported=SCOPES, token_endpoint_auth_methods_supported=AUTH_METHODS,
        revocation_endpoint_auth_methods_supported=AUTH_METHODS, code_challenge_methods_supported=["S256"],
        ui_locales_supported=list(LANGUAGES), authorization_response_iss_parameter_supported=True,
    )  # fmt: skip


async def oauth_error(_: Request, error: Exception) -> Response:
    """A refusal in OAuth's own shape, which its clients' libraries read."""
    assert isinstance(error, OAuthError)  # noqa: S101 - registered for it only
    status, headers = 400, dict(NO_STORE)
    if error.code == "invalid_client":
        status, headers = 401, headers | CHALLENGE
    if error.code == "temporarily_unavailable":
        status = 503
    if error.retry_after_seconds is not None:
        status, headers = 429, headers | {"Retry-After": str(error.retry_after_seconds)}
    body = ErrorResponse(error=error.code, error_description=error.description)
    return JSONResponse(body.model_dump(), status, headers)
