"""Invitations: what a link lets its holder do, and for how long; no I/O.

| purpose | who | the password given is | the second factor |
|---|---|---|---|
| join | somebody new | a new one | new, its first code confirms |
| join | a staff member, of somebody else perhaps | the one they have | the one they have |
| second-factor | a staff member who lost it | the one they have | new, its first code confirms |
| password | a staff member who forgot it | a new one | the one they have |

So whoever made the link can never sign in as somebody who was there before: one thing that only the person has is
always asked for.
"""

import hashlib
import secrets
from datetime import timedelta
from enum import StrEnum

LIFE = timedelta(days=7)
ACCEPTED_FOR = timedelta(hours=1)
"""How long after the first step the second may come; the first may be taken again."""
TOKEN_BYTES = 32


class Purpose(StrEnum):
    """What an invitation is for."""

    JOIN = "join"
    SECOND_FACTOR = "second-factor"
    PASSWORD = "password"  # noqa: S105 - a word, not a secret


def sets_password(purpose: Purpose, *, is_new: bool) -> bool:
    """Whether the password that comes is a new one, not to be checked but to be taken."""
    return is_new or purpose is Purpose.PASSWORD


def sets_second_factor(purpose: Purpose, *, is_new: bool) -> bool:
    """Whether there will be a new second factor."""
    return is_new or purpose is Purpose.SECOND_FACTOR


def new_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
