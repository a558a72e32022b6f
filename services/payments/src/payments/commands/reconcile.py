"""Reconciliation: run now, its tickets listed, corrected, accepted."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Column, Table

from payments.commands.running import run
from payments.domain.ledger import Account, AccountKind
from payments.domain.reconciliation import Outcome, Run, Ticket, last_billed_day
from payments.use_cases import reconciliation_inside, tickets
from payments.use_cases.context import Payments
from payments.use_cases.reconciling import run_outside_now
from payments.use_cases.tickets import Agreement, Correction
from servicekit.commands import AsJson, print_json

OPERATOR = "operator"
"""Who asks for a run by a command."""
MOST_SHOWN = 1_000

app = typer.Typer(no_args_is_help=True, help="Compare the books with themselves, and with providers' bills.")
TicketId = Annotated[UUID, typer.Argument(help="`tickets` lists those that are open.")]
By = Annotated[list[str], typer.Option(help="Who decides; give it twice, for two different people.")]
Reason = Annotated[str, typer.Option(help="A word: why.")]


@app.command()
def inside(
    everything: Annotated[bool, typer.Option("--all", help="Also what is older than 40 days.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare orders, ledger, charges, refunds, holds and balances now; code 1 while a difference is open."""
    outcome = run(lambda payments: reconciliation_inside.run_now(payments, OPERATOR, everything=everything))
    if outcome is None:
        typer.echo("error: a run is under way; ask again when it is over", err=True)
        raise typer.Exit(1)
    print_json(_outcome_document(outcome)) if as_json else _print_outcome(outcome)
    if not outcome.agrees:
        raise typer.Exit(1)


@app.command()
def outside(
    day: Annotated[datetime | None, typer.Argument(formats=["%Y-%m-%d"], help="Default: the last billed day.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare a day's charges and refunds with every provider's bill now; code 1 while a difference is open."""
    chosen = day.date() if day else last_billed_day(datetime.now(UTC))
    runs = run(lambda payments: _outside(payments, chosen))
    if as_json:
        print_json([_run_document(one) for one in runs])
    else:
        _print_runs(runs)
    if any(one.status != "done" or (one.totals or {}).get("open") for one in runs):
        raise typer.Exit(1)


async def _outside(payments: Payments, day: date) -> Sequence[Run]:
    async with payments.http:
        return await run_outside_now(payments, day, OPERATOR)


@app.command("tickets")
def list_tickets(
    limit: Annotated[int, typer.Option(min=1, max=MOST_SHOWN, help="How many.")] = 50, as_json: AsJson = False
) -> None:
    """List the differences that nobody has settled yet, the newest first."""
    found = run(lambda payments: tickets.list_open(payments, limit))
    if as_json:
        print_json([_ticket_document(one) for one in found])
        return
    _print(
        ("ticket", "check", "subject", "found", "evidence"),
        [(one.ticket_id, one.check_name, one.subject, f"{one.found_at:%Y-%m-%d %H:%M}", _words(one.evidence))
         for one in found],
    )  # fmt: skip


@app.command()
def accept(ticket_id: TicketId, by: By, reason: Reason) -> None:
    """Settle a ticket about which nothing need be done; it is opened again if its numbers change."""
    run(lambda payments: tickets.accept(payments, ticket_id, _agreement(by, reason)))
    typer.echo("settled")


def correct(
    ticket_id: TicketId,
    debit: Annotated[str, typer.Option(help="The account that the money leaves, KIND:OWNER, e.g. suspense:wechat.")],
    credit: Annotated[str, typer.Option(help="The account that gets it.")],
    amount_minor: Annotated[int, typer.Option(min=1, help="Minor units.")],
    by: By, reason: Reason, currency: str = "CNY",
    subject: Annotated[UUID | None, typer.Option(help="What it is about; default: what the ticket names.")] = None,
) -> None:  # fmt: skip
    """Post a transfer that corrects the books because of a ticket; two people answer for it."""

    async def work(payments: Payments) -> UUID:
        correction = Correction(_account(debit, currency), _account(credit, currency), amount_minor, subject)
        return await tickets.correct(payments, ticket_id, correction, _agreement(by, reason))

    typer.echo(f"posted transfer {run(work)}; the next `reconcile inside` tells whether the difference is gone")


def _agreement(by: list[str], reason: str) -> Agreement:
    return Agreement((by[0], by[1]) if len(by) == 2 else ("", ""), reason)


def _account(text: str, currency: str) -> Account:
    kind, _, owner = text.partition(":")
    if kind not in tuple(AccountKind) or not owner:
        raise typer.BadParameter(f"{text!r} is no KIND:OWNER; kinds are {', '.join(AccountKind)}")
    return Account(AccountKind(kind), owner, currency)


def _print_outcome(outcome: Outcome) -> None:
    _print(("check", "open"), list(outcome.open.items()))
    verdict = "all agrees" if outcome.agrees else "`reconcile tickets` shows the differences"
    typer.echo(f"{outcome.found} found, {outcome.gone} gone: {verdict}")


def _print_runs(runs: Sequence[Run]) -> None:
    rows = []
    for one in runs:
        totals = one.totals or {}
        found = _words(totals.get("open", {})) or ("all agrees" if one.status == "done" else one.error or "")
        rows.append((one.provider, one.day, one.status, _sums(totals, "bill"), _sums(totals, "ours"), found))
    _print(("provider", "day", "status", "on the bill", "ours", "differences"), rows)


def _sums(totals: Any, side: str) -> str:
    return "\n".join(f"{one['number']:,} {one['kind']}s, {one['minor']:,} {one['currency']}"
                     for one in totals.get(side, ()))  # fmt: skip


def _words(numbers: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in numbers.items())


def _print(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if not rows:
        return
    table = Table(*(Column(name, overflow="fold") for name in names), box=None)
    for row in rows:
        table.add_row(*map(str, row))
    Console().print(table)


def _outcome_document(outcome: Outcome) -> dict[str, Any]:
    return {"agrees": outcome.agrees, "open": outcome.open, "found": outcome.found, "gone": outcome.gone}


def _run_document(one: Run) -> dict[str, Any]:
    return {"provider": one.provider, "day": one.day, "status": one.status, "error": one.error, "totals": one.totals}


def _ticket_document(one: Ticket) -> dict[str, Any]:
    return {
        "ticket_id": one.ticket_id, "check": one.check_name, "subject": one.subject, "station_id": one.station_id,
        "provider": one.provider, "day": one.day, "evidence": one.evidence, "found_at": one.found_at,
        "seen_at": one.seen_at,
    }  # fmt: skip
