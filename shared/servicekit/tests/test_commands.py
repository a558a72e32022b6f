"""A service's command ends with a line that says what to do, or with a failure that nobody expected."""

import asyncio
from typing import Any

import pytest

from servicekit import commands
from servicekit.postgres import PostgresStore

from .conftest import PostgresBackend


async def run(backend: PostgresBackend, statement: str, *expected: type[Exception]) -> Any:
    """The value that the statement gives to a command; beside the loop, since a command has one of its own."""

    async def work(store: PostgresStore) -> Any:
        async with store.connection() as connection:
            return await connection.fetchval(statement)

    settings: Any = lambda: backend.settings  # noqa: E731 - stands for the class
    return await asyncio.to_thread(commands.run, work, settings, lambda _, store: store, *expected)


async def test_the_result_comes_back(postgres: PostgresBackend) -> None:
    assert await run(postgres, "SELECT 7") == 7


async def test_a_missing_schema_is_said_with_the_remedy(
    postgres: PostgresBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="1"):
        await run(postgres, "SELECT * FROM nowhere")
    assert f"run python -m servicekit.migrations {postgres.settings.service}\n" in capsys.readouterr().err


async def test_only_what_the_service_expects_ends_with_its_text(
    postgres: PostgresBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="1"):
        await run(postgres, "SELECT 1/0", Exception)
    assert capsys.readouterr().err == "error: division by zero\n"
    with pytest.raises(Exception, match="division by zero"):
        await run(postgres, "SELECT 1/0")
