"""How every command of loyalty runs."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from loyalty.settings import Settings
from loyalty.use_cases.context import Loyalty
from servicekit import commands
from servicekit.problems import Problem

Result = TypeVar("Result")


def run(work: Callable[[Loyalty], Awaitable[Result]]) -> Result:
    """The result of the work; an expected error ends the command with its text."""
    return commands.run(work, Settings, Loyalty, Problem, ValueError)
