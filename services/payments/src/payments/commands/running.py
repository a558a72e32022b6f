"""How every command of payments runs."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from payments.settings import Settings
from payments.use_cases.context import Payments
from servicekit import commands
from servicekit.problems import Problem

Result = TypeVar("Result")


def run(work: Callable[[Payments], Awaitable[Result]]) -> Result:
    """The result of the work; an expected error ends the command with its text."""
    return commands.run(work, Settings, Payments, Problem)
