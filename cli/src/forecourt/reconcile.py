"""`reconcile`: the books compared with themselves, and with the providers' bills."""

from typing import Annotated
from uuid import UUID

import typer

from forecourt.payments import show

app = typer.Typer(
    help="Reconciliation of payments.", no_args_is_help=True, rich_markup_mode="markdown", add_completion=False
)
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]
By = Annotated[list[str], typer.Option(help="Who decides; give it twice, for two different people.")]
Reason = Annotated[str, typer.Option(help="A word: why.")]
TicketId = Annotated[UUID, typer.Argument(help="`tickets` lists those that are open.")]


@app.command()
def inside(
    everything: Annotated[bool, typer.Option("--all", help="Also what is older than 40 days.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare orders, ledger, charges, refunds, holds and balances now; code 1 while a difference is open.

    Example: `./forecourt reconcile inside`
    """
    show("reconcile", "inside", *(["--all"] if everything else []), as_json=as_json)


@app.command()
def outside(
    day: Annotated[
        str | None, typer.Argument(help="YYYY-MM-DD in Asia/Shanghai; default: the last billed day.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare a day's charges and refunds with every provider's bill now; code 1 while a difference is open.

    Example: `./forecourt reconcile outside 2026-11-24`
    """
    show("reconcile", "outside", *([day] if day else []), as_json=as_json)


@app.command()
def tickets(limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50, as_json: AsJson = False) -> None:
    """List the differences that nobody has settled yet; `./forecourt ledger correct` moves money because of one.

    Example: `./forecourt reconcile tickets`
    """
    show("reconcile", "tickets", f"--limit={limit}", as_json=as_json)


@app.command()
def accept(ticket_id: TicketId, by: By, reason: Reason) -> None:
    """Settle a ticket about which nothing need be done; it is opened again if its numbers change.

    Example: `./forecourt reconcile accept 0199a000-0000-7000-8000-0000000005d1 --by Ada --by Grace --reason checked`
    """
    names = [f"--by={one}" for one in by]
    show("reconcile", "accept", str(ticket_id), *names, f"--reason={reason}", as_json=False)
