"""What an app must be to be registered; no I/O."""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from identity.domain.apps import APP_ID, App
from servicekit.access import RULES, Permission

MAX_NAME_CHARACTERS = 60
MAX_REDIRECT_URIS = 10
MAX_URI_CHARACTERS = 500
SCOPES = tuple(rule.permission.value for rule in RULES.values() if rule.roles)
"""What people hold, so what an app may be given by them."""
OWN_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
"""RFC 8252 section 7.1: a name of the app's maker, turned round, e.g. com.example.app."""
LOOPBACK = ("127.0.0.1", "::1")


class AppError(Exception):
    """An app cannot be registered or found as asked; the text says what to do."""


@dataclass(frozen=True, slots=True)
class RegisteredApp:
    """An app and when it came and went."""

    app: App
    created_at: datetime
    revoked_at: datetime | None


def require_valid(app: App) -> None:
    """Raises AppError for an app that cannot be registered."""
    if not APP_ID.fullmatch(app.client_id):
        raise AppError("an app's id has 3 to 64 small letters, digits and hyphens, e.g. fleet-dashboard")
    if not app.name.strip() or len(app.name) > MAX_NAME_CHARACTERS or not app.name.isprintable():
        raise AppError(f"an app's name has 1 to {MAX_NAME_CHARACTERS} characters: people see it when they sign in")
    if not app.scopes or not set(app.scopes) <= set(SCOPES):
        raise AppError(f"give at least one scope, each one of {', '.join(SCOPES)}")
    if Permission.ACCOUNT_SECURE in app.scopes and not app.first_party:
        raise AppError("account:secure changes how people sign in: only an app of ours, --first-party, may ask for it")
    if not 0 < len(app.redirect_uris) <= MAX_REDIRECT_URIS:
        raise AppError(f"give 1 to {MAX_REDIRECT_URIS} redirect URIs")
    for uri in app.redirect_uris:
        _require_redirect_uri(uri)


def _require_redirect_uri(uri: str) -> None:
    """RFC 9700 section 2.1 and RFC 8252 section 7: https, an app's own scheme, or http on loopback by its number."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise AppError(f"the redirect URI {uri!r} cannot be read") from error
    is_safe = (
        (parts.scheme == "https" and bool(parts.hostname))
        or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        or bool(OWN_SCHEME.fullmatch(parts.scheme))
    )
    is_plain = uri.isascii() and uri.isprintable() and " " not in uri and len(uri) <= MAX_URI_CHARACTERS
    if not is_safe or not is_plain or "#" in uri or "*" in uri or "@" in parts.netloc:
        raise AppError(
            f"the redirect URI {uri!r} must be https, http on 127.0.0.1 or [::1], or of a scheme like com.example.app; "
            "without fragment, user and wildcard"
        )
