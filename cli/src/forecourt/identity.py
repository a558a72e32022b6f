"""Runs the commands of identity."""

import subprocess

from forecourt import service_commands
from local_stack.config import Config

SERVICE, MODULE = "identity", "identity.commands"


def run(config: Config, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """The command's end, and what it wrote; `given` is its standard input."""
    return service_commands.run(config, SERVICE, MODULE, *arguments, given=given)


def show(command: str, *arguments: str, as_json: bool) -> None:
    """Runs the command on this terminal and ends as it ended."""
    flags = ["--json"] if as_json else []
    service_commands.show(Config.from_environment(), SERVICE, MODULE, command, *arguments, *flags)
