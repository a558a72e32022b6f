"""What the sign-in page takes (RFC 6749 section 4.1.1, RFC 7636, RFC 9207)."""

from typing import Any, Literal

from pydantic import BaseModel, Field


def _parameter(name: str, example: str, description: str, *, required: bool = True) -> dict[str, Any]:
    return {
        "name": name, "in": "query", "required": required, "description": description, "example": example,
        "schema": {"type": "string", "examples": [example]},
    }  # fmt: skip


AUTHORIZE_PARAMETERS = [
    _parameter("response_type", "code", "Always `code`"),
    _parameter("client_id", "forecourt-app", "The app"),
    _parameter("redirect_uri", "forecourt://signed-in", "One of the app's, to the letter; on 127.0.0.1 with any port"),
    _parameter("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "base64url of the verifier's SHA-256"),
    _parameter("code_challenge_method", "S256", "Always `S256`"),
    _parameter("state", "af0ifjsldkj", "Comes back as it is: compare it", required=False),
    _parameter("scope", "account driver", "Scopes, parted by spaces; all of the app's by default", required=False),
    _parameter("prompt", "login", "`none` gets `interaction_required`, all else a sign-in", required=False),
    _parameter("max_age", "300", "Seconds; every sign-in here is a fresh one", required=False),
]


class SignInForm(BaseModel):
    """A form of the sign-in page. `sign_in` is the page's own, and `action` the button."""

    sign_in: str = Field(examples=["q7iYb0Zr1hVt0Yw3l5sR9zW2xK4mN6pQ8vB1cD3eF5g"])
    action: Literal["start", "phone", "code", "password", "second_factor", "approve", "cancel"] = Field(
        examples=["phone"]
    )
    phone: str | None = Field(None, examples=["+8613800138000"])
    code: str | None = Field(None, examples=["482913"])
    email: str | None = Field(None, examples=["mei@station.example"])
    password: str | None = Field(None, examples=["correct horse battery staple"])
