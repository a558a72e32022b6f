"""The command `forecourt`: the one place where its commands are listed."""

import logging
import sys
from importlib import import_module

import typer
from typer._click import Command, Context  # typer carries a click of its own, and types its classes with it
from typer.core import TyperGroup

from forecourt.console import errors
from local_stack.config import StackError

# In the order in which a person needs them; a new command is one more line. The target is a function, or a
# typer.Typer with commands of its own. It is imported only when it is used: all of them together take seconds.
COMMANDS = {
    "up": "forecourt.lifecycle:up",
    "down": "forecourt.lifecycle:down",
    "status": "forecourt.status:status",
    "doctor": "forecourt.doctor:doctor",
    "logs": "forecourt.logs:logs",
    "tail": "forecourt.tail:tail",
    "topics": "forecourt.topics:topics",
    "analyst": "forecourt.analyst:app",
    "export": "forecourt.export:export",
    "notebook": "forecourt.notebook:notebook",
    "sms": "forecourt.sms:sms",
    "demo": "forecourt.demo:demo",
    "seed": "forecourt.seed:seed",
    "simulate": "forecourt.simulate:app",
    "replay": "forecourt.replay:replay",
    "feeds": "forecourt.feeds:app",
    "staff": "forecourt.staff:app",
    "clients": "forecourt.clients:app",
    "keys": "forecourt.keys:app",
    "audit": "forecourt.audit:app",
    "ledger": "forecourt.ledger:app",
    "reconcile": "forecourt.reconcile:app",
    "exceptions": "forecourt.exceptions:app",
    "cards": "forecourt.cards:app",
    "points": "forecourt.points:app",
    "differences": "forecourt.differences:app",
    "replay-topic": "forecourt.replay_topic:replay_topic",
    "rebuild-view": "forecourt.rebuild_view:rebuild_view",
    "compare-flink": "forecourt.compare_flink:compare_flink",
    "personal-data": "forecourt.personal_data:app",
    "security-matrix": "forecourt.security_matrix:security_matrix",
    "chaos": "forecourt.chaos:app",
    "bench": "forecourt.bench:bench",
    "dead-letters": "forecourt.dead_letters:app",
    "migrate": "forecourt.lifecycle:migrate",
}


class LazyGroup(TyperGroup):
    """The commands of the table, each imported when it is asked for."""

    def list_commands(self, ctx: Context) -> list[str]:
        """Every name, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        target = getattr(import_module(module), attribute)
        if isinstance(target, typer.Typer):
            group = typer.main.get_command(target)
            group.name = cmd_name  # else the help lists it without a name
            return group
        single = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        single.command(cmd_name)(target)
        return typer.main.get_command(single)


app = typer.Typer(
    cls=LazyGroup, no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False,
    add_completion=False,
)  # fmt: skip


@app.callback()
def _describe() -> None:
    """Run the whole refuelling platform on this machine, and look inside it."""


def main() -> None:
    """Run a command; an expected error is one clear line and exit code 1."""
    logging.getLogger("aiokafka").addHandler(
        logging.NullHandler()
    )  # it tells of each lost connection; we say what counts
    try:
        app(prog_name="forecourt")
    except StackError as error:
        errors.print("[bold red]error:[/] ", end="")
        errors.print(str(error), markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
