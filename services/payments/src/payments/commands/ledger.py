"""The whole ledger: its trial balance, its accounts, their statements; balances made anew."""

from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Column, Table

from payments.commands.running import run
from payments.domain.books import AccountSum, Statement, TrialBalance
from payments.domain.ledger import Account, AccountKind, Balance
from payments.use_cases import ledger
from servicekit.commands import AsJson, print_json

MAX_LISTED = 10_000
Limit = Annotated[int, typer.Option(min=1, max=MAX_LISTED, help="How many.")]

app = typer.Typer(no_args_is_help=True)


@app.command()
def trial_balance(as_json: AsJson = False) -> None:
    """Sum up the whole ledger: zero in each currency, and every balance that of its postings; else code 1."""
    trial = run(ledger.trial_balance)
    if as_json:
        print_json(_trial_document(trial))
    else:
        _print_trial(trial)
    if not trial.is_balanced:
        raise typer.Exit(1)


@app.command()
def accounts(
    kind: Annotated[AccountKind | None, typer.Option(help="Only these.")] = None, limit: Limit = 50,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """List accounts, the largest balances first."""
    found = run(lambda payments: ledger.list_accounts(payments, kind, limit))
    if as_json:
        print_json([_account_document(one.account, one.true) for one in found])
        return
    rows = [(one.account.kind, one.account.owner, one.account.currency, *_numbers(one.true), one.account.id)
            for one in found]  # fmt: skip
    _print(("kind", "owner", "currency", "posted", "held", "account"), rows)


@app.command()
def statement(account_id: UUID, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Show the newest postings of an account, with the balance that each left."""
    found = run(lambda payments: ledger.read_statement(payments, account_id, None, limit))
    if found is None:
        typer.echo("error: nothing was ever posted to such an account; `ledger accounts` lists them", err=True)
        raise typer.Exit(1)
    print_json(_statement_document(found)) if as_json else _print_statement(found)


@app.command()
def rebuild(as_json: AsJson = False) -> None:
    """Make all balances anew from the postings; code 1 if one was not what its postings say."""
    found = run(ledger.rebuild)
    if as_json:
        print_json({"differences": [_difference_document(one) for one in found]})
    elif found:
        typer.echo(f"{len(found):,} balances were not those of their postings, and are now:")
        _print_differences(found)
    else:
        typer.echo("all balances were those of their postings already")
    if found:
        raise typer.Exit(1)


def _print_trial(trial: TrialBalance) -> None:
    rows = [(one.currency, one.kind, f"{one.accounts:,}", f"{one.posted_minor:,}", f"{one.held_minor:,}")
            for one in trial.sums]  # fmt: skip
    rows += [(currency, "all", "", f"{total:,}", "") for currency, total in trial.totals.items()]
    _print(("currency", "kind", "accounts", "posted", "held"), rows)
    if trial.differences:
        _print_differences(trial.differences)
    if trial.empty_transfers:
        typer.echo(f"{trial.empty_transfers:,} transfers have no postings")
    verdict = "balances" if trial.is_balanced else "DOES NOT BALANCE"
    typer.echo(f"{trial.transfers:,} transfers: the ledger {verdict}")


def _print_statement(found: Statement) -> None:
    account = found.account
    typer.echo(f"{account.kind} {account.owner} {account.currency}: {found.balance.posted_minor:,} posted, "
               f"{found.balance.held_minor:,} held")  # fmt: skip
    rows = [(one.at.isoformat(timespec="seconds"), one.kind, one.subject or "", f"{one.amount_minor:,}",
             f"{one.balance_minor:,}") for one in found.lines]  # fmt: skip
    _print(("when", "kind", "about", "amount", "balance"), rows)


def _print_differences(found: Iterable[AccountSum]) -> None:
    rows = [(one.account.kind, one.account.owner, one.account.currency, *_numbers(one.true), *_numbers(one.kept))
            for one in found]  # fmt: skip
    _print(("kind", "owner", "currency", "posted", "held", "posted, kept", "held, kept"), rows)


def _numbers(balance: Balance) -> tuple[str, str]:
    return f"{balance.posted_minor:,}", f"{balance.held_minor:,}"


NUMBERS = ("accounts", "posted", "held", "amount", "balance", "posted, kept", "held, kept")


def _print(names: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    columns = [Column(name, overflow="fold", justify="right" if name in NUMBERS else "left") for name in names]
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*map(str, row))
    Console().print(table)


def _trial_document(trial: TrialBalance) -> dict[str, Any]:
    return {
        "balanced": trial.is_balanced, "totals": trial.totals, "transfers": trial.transfers,
        "empty_transfers": trial.empty_transfers,
        "sums": [
            {"currency": one.currency, "kind": one.kind, "accounts": one.accounts, "posted_minor": one.posted_minor,
             "held_minor": one.held_minor} for one in trial.sums
        ],
        "differences": [_difference_document(one) for one in trial.differences],
    }  # fmt: skip


def _account_document(account: Account, balance: Balance) -> dict[str, Any]:
    return {
        "account_id": account.id, "kind": account.kind, "owner": account.owner, "currency": account.currency,
        "posted_minor": balance.posted_minor, "held_minor": balance.held_minor,
    }  # fmt: skip


def _difference_document(one: AccountSum) -> dict[str, Any]:
    kept = {"kept_posted_minor": one.kept.posted_minor, "kept_held_minor": one.kept.held_minor}
    return _account_document(one.account, one.true) | kept


def _statement_document(found: Statement) -> dict[str, Any]:
    lines = [
        {"transfer_id": one.transfer_id, "kind": one.kind, "subject": one.subject, "at": one.at.isoformat(),
         "amount_minor": one.amount_minor, "balance_minor": one.balance_minor} for one in found.lines
    ]  # fmt: skip
    return _account_document(found.account, found.balance) | {"lines": lines}
