"""`exceptions`: what only people can settle; also what belongs to no station."""

from typing import Annotated
from uuid import UUID

import typer

from forecourt.payments import show

app = typer.Typer(
    help="Exceptions of orders and payments.", no_args_is_help=True, rich_markup_mode="markdown", add_completion=False
)
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]
By = Annotated[str, typer.Option(help="Who decides.")]


@app.command("list")
def list_exceptions(
    without_station: Annotated[bool, typer.Option("--without-station", help="Only those of no station.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50, as_json: AsJson = False,
) -> None:  # fmt: skip
    """List what people must decide, with what can be done about each.

    Example: `./forecourt exceptions list`
    """
    flags = ["--without-station"] if without_station else []
    show("exceptions", "list", f"--limit={limit}", *flags, as_json=as_json)


@app.command()
def resolve(
    exception_id: UUID, action: str, reason: str, by: By, amount_minor: int | None = None,
    volume_ml: int | None = None, note: str | None = None,
) -> None:  # fmt: skip
    """Do one of an exception's actions; above the limit it waits for `approve` by somebody else.

    Example: `./forecourt exceptions resolve 0199a000-0000-7000-8000-0000000005e1 dismiss unfounded --by Ada`
    """
    given = {"--amount-minor": amount_minor, "--volume-ml": volume_ml, "--note": note}
    options = [f"{name}={value}" for name, value in given.items() if value is not None]
    show("exceptions", "resolve", str(exception_id), action, reason, f"--by={by}", *options, as_json=False)


@app.command()
def approve(exception_id: UUID, by: By) -> None:
    """Agree to what somebody else decided, and it is done.

    Example: `./forecourt exceptions approve 0199a000-0000-7000-8000-0000000005e1 --by Grace`
    """
    show("exceptions", "approve", str(exception_id), f"--by={by}", as_json=False)
