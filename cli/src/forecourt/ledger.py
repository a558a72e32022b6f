"""`ledger`: the double-entry books of payments, from end to end."""

from typing import Annotated
from uuid import UUID

import typer

from forecourt.payments import show

app = typer.Typer(
    help="The ledger of payments.", no_args_is_help=True, rich_markup_mode="markdown", add_completion=False
)
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many.")]


@app.command()
def trial_balance(as_json: AsJson = False) -> None:
    """Sum up the whole ledger; code 1 unless it is zero in each currency and every balance that of its postings.

    Example: `./forecourt ledger trial-balance`
    """
    show("ledger", "trial-balance", as_json=as_json)


@app.command()
def accounts(
    kind: Annotated[str | None, typer.Option(help="station, card, deposit, provider, promotion or suspense.")] = None,
    limit: Limit = 50, as_json: AsJson = False,
) -> None:  # fmt: skip
    """List accounts, the largest balances first.

    Example: `./forecourt ledger accounts --kind station`
    """
    show("ledger", "accounts", f"--limit={limit}", *([f"--kind={kind}"] if kind else []), as_json=as_json)


@app.command()
def statement(account_id: UUID, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Show the newest postings of an account, with the balance that each left.

    Example: `./forecourt ledger statement 0b0c6d4e-55a1-5f0e-9d5b-0a4f4f6f2c11`
    """
    show("ledger", "statement", str(account_id), f"--limit={limit}", as_json=as_json)


@app.command()
def rebuild(as_json: AsJson = False) -> None:
    """Make all balances anew from the postings; code 1 if one was not what its postings say.

    Example: `./forecourt ledger rebuild`
    """
    show("ledger", "rebuild", as_json=as_json)
