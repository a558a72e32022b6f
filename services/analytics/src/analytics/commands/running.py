"""How every command of analytics runs."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from analytics.repository.pseudonym_key import require_same_key
from analytics.settings import Settings
from analytics.use_cases.context import Analytics
from servicekit.commands import run_on
from servicekit.mongo import MongoStore
from servicekit.problems import Problem

Result = TypeVar("Result")


def run(work: Callable[[Analytics], Awaitable[Result]], *expected: type[Exception]) -> Result:
    """The result of the work; an expected error, and a key that is not the database's, ends it with its text."""

    async def checked(analytics: Analytics) -> Result:
        await require_same_key(analytics.store, analytics.settings.pseudonym_key.get_secret_value())
        return await work(analytics)

    return run_on(MongoStore.connect, checked, Settings, Analytics, Problem, ValueError, *expected)
