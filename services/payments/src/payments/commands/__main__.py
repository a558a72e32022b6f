"""`python -m payments.commands`: what operators do, with the service's own role and keys."""

import typer

from payments.commands import cards, charges, exceptions, keys, ledger, reconcile

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _describe() -> None:
    """Look into the books, and do what nobody may do over HTTP."""


app.add_typer(ledger.app, name="ledger")
app.add_typer(cards.app, name="cards")
app.add_typer(reconcile.app, name="reconcile")
app.add_typer(exceptions.app, name="exceptions")
app.add_typer(keys.app)
ledger.app.command()(reconcile.correct)
app.command()(charges.charges)

if __name__ == "__main__":
    app()
