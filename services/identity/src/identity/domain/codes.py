"""A person at the sign-in page, and the code that their app exchanges for tokens; no I/O."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from identity.domain.apps import App
from identity.domain.people import SignedIn

PENDING_LIFE = timedelta(minutes=10)
CODE_LIFE = timedelta(seconds=60)
REMEMBER_CODES = timedelta(days=1)
"""So long the second use of a code is known for one."""
HANDLE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Pending:
    """What an app asked for, while the person is at the page; `progress` holds ids of the steps taken so far."""

    app: App
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    challenge: str
    """PKCE, S256."""
    progress: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Code:
    """What a code stands for."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    signed_in: SignedIn
    is_fresh: bool = True
    session_id: UUID | None = None
    """Of the session that it was exchanged for."""


def new_handle() -> str:
    """256 bits by which the page knows its row."""
    return secrets.token_urlsafe(HANDLE_BYTES)
