"""Makes HTML of a page: every value escaped, no script, and headers by which no other site can frame or feed it."""

import base64
import hashlib
import math
from typing import Any
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from identity.api.page_texts import TEXTS, scope_text
from identity.use_cases.authorize import Page, Redirect, Wrong
from servicekit.access import Role, permissions_of

_templates = Environment(
    loader=PackageLoader("identity"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_STYLE = _templates.loader.get_source(_templates, "sign_in.css")[0]  # pyright: ignore[reportOptionalMemberAccess]
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
NO_STORE = {"Cache-Control": "no-store"}
_STATUS = {Wrong.LIMITED: 429, Wrong.UNAVAILABLE: 503}
_DRIVERS = frozenset(permission.value for permission in permissions_of([Role.DRIVER]))


def page_response(page: Page, language: str) -> HTMLResponse:
    """The page of a step."""
    html = _render(
        "sign_in.html", language, handle=page.handle, app_name=page.pending.app.name, step=page.step,
        wrong=_wrong_text(page, language), scopes=[scope_text(scope, language) for scope in page.pending.scopes],
        staff_first=page.wrong is Wrong.PASSWORD or not set(page.pending.scopes) <= _DRIVERS,
    )  # fmt: skip
    status = _STATUS.get(page.wrong, 400) if page.wrong else 200
    headers = _headers(f"'self' {_source(page.pending.redirect_uri)}")
    if page.retry_after_seconds is not None:
        headers["Retry-After"] = str(page.retry_after_seconds)
    return HTMLResponse(html, status, headers)


def problem_response(message: str, language: str) -> HTMLResponse:
    """The page for what cannot go on, and must not send anybody anywhere."""
    return HTMLResponse(_render("problem.html", language, message=message), 400, _headers("'none'"))


def redirect_response(redirect: Redirect) -> RedirectResponse:
    """Back to the app; 303, so that no form goes along (RFC 9700, section 4.12)."""
    return RedirectResponse(redirect.location, 303, NO_STORE)


def _render(template: str, language: str, **values: Any) -> str:
    return _templates.get_template(template).render(
        text=TEXTS[language], language=language, style=Markup(_STYLE), **values  # noqa: S704 - a file of ours
    )  # fmt: skip


def _wrong_text(page: Page, language: str) -> str | None:
    if page.wrong is None:
        return None
    minutes = math.ceil((page.retry_after_seconds or 60) / 60)
    return TEXTS[language][f"wrong.{page.wrong}"].format(minutes=minutes)


def _headers(form_action: str) -> dict[str, str]:
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {form_action}; frame-ancestors 'none'; "
        "base-uri 'none'"
    )
    return NO_STORE | {
        "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
    }  # fmt: skip


def _source(redirect_uri: str) -> str:
    """The redirect URI as CSP names it: browsers hold a form's redirects to `form-action`, too."""
    uri = urlsplit(redirect_uri)
    return f"{uri.scheme}://{uri.netloc}" if uri.scheme in ("http", "https") else f"{uri.scheme}:"
