"""`python -m payments.commands`: what operators do, with the service's own role and keys."""

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _describe() -> None:
    """Look into the books, and do what nobody may do over HTTP."""


if __name__ == "__main__":
    app()
