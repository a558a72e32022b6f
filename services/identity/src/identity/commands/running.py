"""How every command of identity runs, and how it writes times."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from identity.domain.app_register import AppError
from identity.domain.audit import Broken
from identity.domain.clients import ClientError
from identity.domain.otp import UnknownPrefix
from identity.domain.passwords import BadEmail, WeakPassword
from identity.domain.signing_keys import TooEarly
from identity.domain.staff import StaffError
from identity.settings import Settings
from identity.use_cases.context import Identity
from servicekit import commands

Result = TypeVar("Result")
EXPECTED = (AppError, ClientError, StaffError, BadEmail, WeakPassword, TooEarly, Broken, UnknownPrefix)
"""Errors whose text is for the operator."""


def run(work: Callable[[Identity], Awaitable[Result]]) -> Result:
    """The result of the work; an expected error ends the command with its text."""
    return commands.run(work, Settings, Identity, *EXPECTED)


def text(moment: datetime | None) -> str:
    """A time as people and programs read it; nothing for none."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""
