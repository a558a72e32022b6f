"""Runs a service's own commands, as the service itself would be run: with its role, its settings and its keys."""

import json
import subprocess
import sys
from typing import Any

import typer

from local_stack.config import Config, StackError
from local_stack.environment import service_environment

COMMAND_TIMEOUT_SECONDS = 60


def show(config: Config, service: str, module: str, *arguments: str) -> None:
    """Runs the command on this terminal and ends as it ended, however long it takes."""
    result = subprocess.run(  # noqa: S603 -- the command is ours, no shell is involved
        _argv(module, arguments), env=service_environment(config, service), check=False
    )
    if result.returncode != 0:
        raise typer.Exit(result.returncode)


def run(
    config: Config, service: str, module: str, *arguments: str, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """The end of a short command, and what it wrote; `given` is its standard input."""
    return subprocess.run(  # noqa: S603 -- as above
        _argv(module, arguments), env=service_environment(config, service), input=given, capture_output=True,
        text=True, timeout=COMMAND_TIMEOUT_SECONDS, check=False,
    )  # fmt: skip


def answer(config: Config, service: str, module: str, *arguments: str) -> Any:
    """The JSON that the command prints; what it says on the way goes to this terminal. StackError where it fails."""
    result = subprocess.run(  # noqa: S603 -- as above
        _argv(module, arguments), env=service_environment(config, service), stdout=subprocess.PIPE, text=True,
        check=False,
    )  # fmt: skip
    if result.returncode != 0:
        raise StackError(f"{service} could not do that, it says why above")
    return json.loads(result.stdout)


def _argv(module: str, arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
