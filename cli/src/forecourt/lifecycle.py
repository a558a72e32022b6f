"""`up`, `down`, `migrate`: the life of a stack."""

import time
from typing import Annotated

import typer
from rich.table import Table

from forecourt.console import out
from local_stack import stack
from local_stack.config import Config, StackError
from local_stack.services import SERVICE_BY_NAME, SERVICES


def up(
    infrastructure: Annotated[bool, typer.Option("--infrastructure", help="Only Kafka, Postgres and MongoDB.")] = False,
) -> None:
    """Start whatever does not run yet and wait until all of it is ready.

    Example: `FORECOURT_PORT=9080 ./forecourt up`
    """
    config = Config.from_environment()
    bring_up(config, infrastructure_only=infrastructure)
    out.print(addresses(config, infrastructure))


def bring_up(config: Config, *, infrastructure_only: bool = False) -> None:
    """Starts what does not run yet, telling each step."""
    begun = time.monotonic()
    started = stack.up(config, _report(begun), infrastructure_only=infrastructure_only)
    seconds = time.monotonic() - begun
    out.print(f"[bold green]ready[/] in {seconds:.1f} s" if started else "[bold green]everything runs already[/]")


def down(
    wipe: Annotated[bool, typer.Option("--wipe", help="Delete the data folder too, passwords and all.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deleting.")] = False,
) -> None:
    """Stop every process of the stack; the data stays unless `--wipe` is given.

    Example: `./forecourt down --wipe --yes`
    """
    config = Config.from_environment()
    if wipe and not yes:
        typer.confirm(f"Delete {config.data} with all its data?", abort=True)
    stopped = stack.down(config, _report(time.monotonic()))
    out.print(f"stopped {len(stopped)} processes" if stopped else "nothing was running")
    if wipe and config.data.exists():
        stack.wipe(config)
        out.print(f"deleted {config.data}")


def migrate(
    service: Annotated[str | None, typer.Argument(help="One service only.", show_default="every service")] = None,
) -> None:
    """Bring the databases' schemas up to date; `up` does it as well.

    Example: `./forecourt migrate pricing`
    """
    config = Config.from_environment()
    if service is not None and service not in SERVICE_BY_NAME:
        raise StackError(f"there is no service {service!r}: choose one of {', '.join(SERVICE_BY_NAME)}")
    for chosen in SERVICES if service is None else (SERVICE_BY_NAME[service],):
        if chosen.migrations_state():
            stack.migrate(config, chosen)
            out.print(f"{chosen.name} has its schema up to date")
        elif service is not None:
            out.print(f"{service} has no schema")


def _report(begun: float) -> stack.Report:
    def report(part: str, step: str) -> None:
        out.print(f"[dim]{time.monotonic() - begun:5.1f} s[/]  [bold]{part:<10}[/] {step}")

    return report


def addresses(config: Config, infrastructure: bool = False) -> Table:
    """Where everything is; no password is shown."""
    table = Table(box=None, padding=(0, 2), header_style="bold")
    table.add_column("address", overflow="fold")
    table.add_column("what")
    if not infrastructure:
        table.add_row(config.gateway_url, "the gateway: the one door for clients")
        table.add_row(f"{config.gateway_url}/docs", "the API, to read and try")
        for service in SERVICES:
            if service.name != "gateway":
                table.add_row(service.url(config), f"{service.name}, for developers")
    table.add_row(config.kafka_bootstrap, "Kafka, SASL_PLAINTEXT with SCRAM-SHA-256")
    table.add_row(f"127.0.0.1:{config.postgres_port}", "Postgres")
    table.add_row(f"127.0.0.1:{config.mongo_port}", "MongoDB")
    table.add_row(str(config.data / "secrets.json"), "the passwords")
    return table
