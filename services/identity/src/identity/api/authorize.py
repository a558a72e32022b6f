"""Routes: the sign-in page."""

from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from identity.api.context import caller_of, identity_of
from identity.api.oauth import UNAVAILABLE, form_body
from identity.api.page_texts import TEXTS
from identity.api.pages import page_response, problem_response, redirect_response
from identity.api.token_request import MAX_FIELDS, read_form
from identity.domain.oauth import OAuthError
from identity.http_models.authorize import AUTHORIZE_PARAMETERS, SignInForm
from identity.use_cases.authorize import LeftPage, Page, Redirect, begin, take_step
from servicekit.access import ANYONE
from servicekit.languages import best_language

router = APIRouter(tags=["oauth"])

HTML: dict[str, Any] = {
    "text/html": {"schema": {"type": "string", "examples": ["<!doctype html><title>Sign in</title>..."]}}
}
PAGES: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page that asks the person for something", "content": HTML},
    303: {"description": "Back to the app's redirect URI, with `code`, `state` and `iss`, or with `error`"},
    400: {"description": "A page that says what was wrong: nobody is sent to a foreign URI", "content": HTML},
    413: {"description": "The body is too large"},
    429: {"description": "A page that says how long to wait", "content": HTML},
} | UNAVAILABLE  # fmt: skip


@router.get(
    "/v1/oauth/authorize", summary="Let a person sign in", response_class=Response, responses=PAGES,
    openapi_extra={"parameters": AUTHORIZE_PARAMETERS} | ANYONE,
)  # fmt: skip
async def authorize(request: Request) -> Response:
    """Open this page in a browser, with PKCE's S256 (RFC 7636); the code that comes back is good for 60 s, once.

    Every request signs the person in afresh, whatever `prompt` and `max_age` say. It works without cookies and scripts.
    """
    language = best_language(request.headers.get("accept-language", ""))
    try:
        fields, more = _query(request.url.query)
        return _answer(await begin(identity_of(request), fields, more), language)
    except OAuthError as error:
        return problem_response(error.description, language)


@router.post(
    "/v1/oauth/authorize", summary="Take a step of the sign-in page", response_class=Response, responses=PAGES,
    openapi_extra=form_body(SignInForm),
)  # fmt: skip
async def take_sign_in_step(request: Request) -> Response:
    """What the page's own forms send. An app has no use for it: it opens the page, and gets a code."""
    language = best_language(request.headers.get("accept-language", ""))
    try:
        form = await read_form(request)
        return _answer(await take_step(identity_of(request), form, caller_of(request)), language)
    except OAuthError as error:
        return problem_response(error.description, language)
    except LeftPage:
        return problem_response(TEXTS[language]["left"], language)


def _answer(outcome: Page | Redirect, language: str) -> Response:
    if isinstance(outcome, Redirect):
        return redirect_response(outcome)
    return page_response(outcome, language)


def _query(query: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The parameters, and all values of each; one without a value counts as left out. Raises OAuthError."""
    try:
        pairs = parse_qsl(query, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise OAuthError("invalid_request", f"The query has at most {MAX_FIELDS} parameters, in UTF-8.") from error
    more: dict[str, list[str]] = {}
    for name, value in pairs:
        more.setdefault(name, []).append(value)
    return {name: values[0] for name, values in more.items()}, more
