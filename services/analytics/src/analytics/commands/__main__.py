"""`python -m analytics.commands`: what operators do, with the service's own role and keys."""

import typer

from analytics.commands import analysts, rebuild

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _describe() -> None:
    """Keep the register of analysts, and make views anew."""


app.add_typer(analysts.app, name="analysts")
app.command("rebuild")(rebuild.rebuild_view)

if __name__ == "__main__":
    app()
