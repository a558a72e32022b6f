"""Request and response models: RFC 6749 (tokens), RFC 7517 (keys), RFC 8414 (metadata)."""

from typing import Literal

from pydantic import BaseModel, Field

from identity.domain.oauth import OAuthErrorCode


class TokenForm(BaseModel):
    """A token request. Unknown parameters are ignored, as RFC 6749 section 3.2 demands."""

    grant_type: Literal["client_credentials"]
    scope: str | None = Field(None, description="Scopes, parted by spaces; all of the client's by default")
    client_id: str | None = Field(None, description="Where the client does not use HTTP Basic")
    client_secret: str | None = Field(None, description="Where the client does not use HTTP Basic")


class TokenResponse(BaseModel):
    """An access token, to be sent as `Authorization: Bearer <access_token>`."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token, not a secret
    expires_in: int = Field(description="Seconds")
    scope: str


class ErrorResponse(BaseModel):
    """A refusal (RFC 6749 section 5.2)."""

    error: OAuthErrorCode
    error_description: str


class PublicKey(BaseModel):
    """A key that verifies access tokens."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    kid: str
    use: Literal["sig"]
    alg: Literal["ES256"]


class KeySetResponse(BaseModel):
    """A JSON Web Key Set."""

    keys: list[PublicKey]


class MetadataResponse(BaseModel):
    """What this authorization server offers."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    grant_types_supported: list[str]
    response_types_supported: list[str]
    scopes_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
