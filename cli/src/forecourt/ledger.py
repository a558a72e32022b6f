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


@app.command()
def correct(
    ticket_id: Annotated[UUID, typer.Argument(help="`./forecourt reconcile tickets` lists those that are open.")],
    debit: Annotated[str, typer.Option(help="The account that the money leaves, KIND:OWNER, e.g. suspense:wechat.")],
    credit: Annotated[str, typer.Option(help="The account that gets it.")],
    amount_minor: Annotated[int, typer.Option(min=1, help="Minor units.")],
    by: Annotated[list[str], typer.Option(help="Who decides; give it twice, for two different people.")],
    reason: Annotated[str, typer.Option(help="A word: why.")],
    currency: str = "CNY",
) -> None:
    """Post a transfer that corrects the books because of a ticket; two people answer for it.

    Example: `./forecourt ledger correct 0199a000-0000-7000-8000-0000000005d1 --debit suspense:wechat
    --credit station:0199a000-0000-7000-8000-000000000001 --amount-minor 700 --by Ada --by Grace --reason counted`
    """
    named = {"--debit": debit, "--credit": credit, "--amount-minor": amount_minor, "--reason": reason,
             "--currency": currency}  # fmt: skip
    options = [f"{name}={value}" for name, value in named.items()] + [f"--by={name}" for name in by]
    show("ledger", "correct", str(ticket_id), *options, as_json=False)
