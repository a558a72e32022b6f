"""Runs a command of identity, as the service itself would run: with its role and its settings."""

import subprocess
import sys

import typer

from local_stack.config import Config
from local_stack.environment import service_environment

COMMAND_TIMEOUT_SECONDS = 60


def run(config: Config, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """The command's end, and what it wrote; `given` is its standard input."""
    return subprocess.run(  # noqa: S603 -- the command is ours, no shell is involved
        _argv(arguments), env=service_environment(config, "identity"), input=given, capture_output=True, text=True,
        timeout=COMMAND_TIMEOUT_SECONDS, check=False,
    )  # fmt: skip


def show(command: str, *arguments: str, as_json: bool) -> None:
    """Runs the command on this terminal and ends as it ended."""
    flags = ["--json"] if as_json else []
    config = Config.from_environment()
    result = subprocess.run(  # noqa: S603 -- as above
        _argv([command, *arguments, *flags]), env=service_environment(config, "identity"), check=False
    )
    if result.returncode != 0:
        raise typer.Exit(result.returncode)


def _argv(arguments: list[str] | tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "identity.commands", *arguments]
