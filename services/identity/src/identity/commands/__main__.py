"""`python -m identity.commands`: every area's commands under one name."""

import typer

from identity.commands import audit, clients, keys

AREAS = (audit, clients, keys)

app = typer.Typer(help="Manage machine clients and signing keys.", no_args_is_help=True, add_completion=False)
for area in AREAS:
    app.add_typer(area.app)

if __name__ == "__main__":
    app()
