"""What tests of commands share."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import typer

from local_stack.config import Config
from local_stack.environment import service_environment
from servicekit.migrations import migrate


@dataclass
class Result:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture(scope="session")
async def config(infrastructure: Config) -> Config:
    """A stack whose identity has its schema."""
    await migrate("identity", service_environment(infrastructure, "identity"))
    return infrastructure


@pytest.fixture
def commands(
    config: Config, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[[typer.Typer], Run]:
    """`commands(app)(*arguments)` runs a group of commands on that stack."""
    for name, value in config.environment().items():
        monkeypatch.setenv(name, value)

    def of(app: typer.Typer) -> Run:
        def run(*arguments: str) -> Result:
            code = app(list(arguments), standalone_mode=False)
            captured = capfd.readouterr()
            return Result(code or 0, str(captured.out), str(captured.err))

        return run

    return of
