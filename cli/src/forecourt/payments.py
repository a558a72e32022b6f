"""Runs the commands of payments."""

from forecourt import service_commands
from local_stack.config import Config

SERVICE, MODULE = "payments", "payments.commands"


def show(command: str, *arguments: str, as_json: bool) -> None:
    """Runs the command on this terminal and ends as it ended."""
    flags = ["--json"] if as_json else []
    service_commands.show(Config.from_environment(), SERVICE, MODULE, command, *arguments, *flags)
