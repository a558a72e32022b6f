"""How every command of analytics runs."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from analytics.settings import Settings
from analytics.use_cases.context import Analytics
from servicekit.commands import run_on
from servicekit.mongo import MongoStore
from servicekit.problems import Problem

Result = TypeVar("Result")


def run(work: Callable[[Analytics], Awaitable[Result]], *expected: type[Exception]) -> Result:
    """The result of the work; an expected error ends the command with its text."""
    return run_on(MongoStore.connect, work, Settings, Analytics, Problem, ValueError, *expected)
