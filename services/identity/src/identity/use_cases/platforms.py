"""What WeChat and Alipay say of a code, in OAuth's words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from identity.domain.oauth import OAuthError
from servicekit.outbound import CodeRefused, PersonRefused, PlatformAway, TooOften

MAX_CODE_CHARACTERS = 128
Platform = TypeVar("Platform")


@contextmanager
def answers_of(name: str) -> Iterator[None]:
    """Turns a platform's refusals into OAuthError.

    What an unknown outcome did to the code nobody knows: the person takes a new one, the old one is not sent again.
    """
    try:
        yield
    except CodeRefused as error:
        raise OAuthError("invalid_grant", f"{name} does not know this code, or it is spent: get a new one.") from error
    except PersonRefused as error:
        raise OAuthError("access_denied", f"{name} lets nobody in with this account now; use another way.") from error
    except TooOften as error:
        raise OAuthError(
            "temporarily_unavailable", f"{name} wants a pause; get a new code then.", error.retry_after_seconds
        ) from error
    except PlatformAway as error:
        raise OAuthError(
            "temporarily_unavailable", f"{name} does not answer; get a new code and try again, or use another way."
        ) from error


def code_in(form: Mapping[str, str], *names: str) -> str:
    """The first of these fields that is there. Raises OAuthError."""
    code = next((form[name] for name in names if form.get(name)), "")
    if not code:
        raise OAuthError("invalid_request", f"Send {names[0]}: the code that the app was given.")
    if len(code) > MAX_CODE_CHARACTERS or not code.isascii() or not code.isprintable():
        raise OAuthError("invalid_grant", f"No {names[0]} looks like this: get a new one.")
    return code


def required(platform: Platform | None, name: str) -> Platform:
    """The platform, where this installation has an app there. Raises OAuthError."""
    if platform is None:
        raise OAuthError("unsupported_grant_type", f"Nobody signs in with {name} here.")
    return platform
