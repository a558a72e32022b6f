"""Request and response models: RFC 6749 (tokens), RFC 7517 (keys), RFC 8414 (metadata)."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from identity.domain.oauth import OAuthErrorCode

REFRESH_TOKEN = "AZMLXnwacACAAD8OKptMEQAAAAEx0vSy0ZQ1YVrXk2q0b5vB0m1a9n0d8yq7w3r5t6y7u8i9o0p1a2s"  # noqa: S105
TOKEN_FORMS: list[Any] = [
    {
        "grant_type": "urn:forecourt:grant:otp", "client_id": "forecourt-app", "code": "482913",
        "request_id": "01930b5e-7c1a-7000-8000-2f1d3c5b7a90",
    },
    {"grant_type": "refresh_token", "client_id": "forecourt-app", "refresh_token": REFRESH_TOKEN},
    {"grant_type": "client_credentials", "scope": "prices:write"},
]  # fmt: skip
"""Ways to a token."""


class TokenForm(BaseModel):
    """A token request; which fields it needs is its grant's to say. Unknown ones are ignored (RFC 6749, 3.2)."""

    grant_type: Literal[
        "authorization_code", "refresh_token", "client_credentials", "urn:forecourt:grant:otp",
        "urn:forecourt:grant:wechat", "urn:forecourt:grant:alipay",
    ]  # fmt: skip
    scope: str | None = Field(None, description="Scopes, parted by spaces; all that may be asked for by default")
    client_id: str | None = Field(
        None, description="Of an app; of a machine client that does not use HTTP Basic", examples=["forecourt-app"]
    )
    client_secret: str | None = Field(None, description="Of a machine client that does not use HTTP Basic")
    code: str | None = Field(
        None, description="`authorization_code` and ours: what the person proves themselves with", examples=["482913"]
    )
    redirect_uri: str | None = Field(
        None, description="`authorization_code`: where the code came to", examples=["forecourt://signed-in"]
    )
    code_verifier: str | None = Field(
        None,
        description="`authorization_code`: PKCE's secret",
        examples=["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"],
    )
    refresh_token: str | None = Field(
        None, description="`refresh_token`: the newest one of the session", examples=[REFRESH_TOKEN]
    )
    request_id: str | None = Field(
        None, description="`otp`: of POST /v1/otp-requests", examples=["01930b5e-7c1a-7000-8000-2f1d3c5b7a90"]
    )
    device_id: str | None = Field(
        None, description="`otp`: the one the code was asked for with", examples=["6f1d2c3b4a59"]
    )
    js_code: str | None = Field(
        None, description="`wechat`: of the mini program's wx.login", examples=["0a1Bc2000DEFgH1ijK000LmNop0Bc21q"]
    )
    phone_code: str | None = Field(
        None,
        description="`wechat`, where the person pressed the phone button: its code; the number is proved with it",
        examples=["1b2Cd3000EFGhI2jkL000MnOpq1Cd32r"],
    )
    auth_code: str | None = Field(
        None,
        description="`alipay`: of the mini program's my.getAuthCode",
        examples=["4b203fe6c11548bcabd8da5bb087a83b"],
    )
    device_name: str | None = Field(
        None, description="What the session is called in the list of devices", examples=["Mei's phone"]
    )

    model_config = ConfigDict(json_schema_extra={"examples": TOKEN_FORMS})


class TokenResponse(BaseModel):
    """An access token, to be sent as `Authorization: Bearer <access_token>`."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token, not a secret
    expires_in: int = Field(description="Seconds", examples=[600])
    scope: str
    refresh_token: str | None = Field(
        None, description="A person's app gets the next tokens with it, once", examples=[REFRESH_TOKEN]
    )


class RevocationForm(BaseModel):
    """A token that is handed back (RFC 7009); an app names itself by its client id."""

    token: str = Field(description="A refresh token or an access token", examples=[REFRESH_TOKEN])
    token_type_hint: Literal["access_token", "refresh_token"] | None = Field(None, examples=["refresh_token"])
    client_id: str | None = Field(None, examples=["forecourt-app"])
    client_secret: str | None = Field(None, description="Of a machine client that does not use HTTP Basic")


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
    """What this authorization server offers (RFC 8414, RFC 9207)."""

    issuer: str
    authorization_endpoint: str = Field(examples=["https://api.forecourt.example/v1/oauth/authorize"])
    token_endpoint: str
    revocation_endpoint: str = Field(examples=["https://api.forecourt.example/v1/oauth/revoke"])
    jwks_uri: str
    grant_types_supported: list[str]
    response_types_supported: list[str] = Field(examples=[["code"]])
    response_modes_supported: list[str] = Field(examples=[["query"]])
    scopes_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str] = Field(examples=[["none", "client_secret_basic"]])
    code_challenge_methods_supported: list[str] = Field(examples=[["S256"]])
    ui_locales_supported: list[str] = Field(examples=[["en", "zh"]])
    authorization_response_iss_parameter_supported: bool
