"""`python -m identity.commands`: every area's commands under one name."""

import typer

from identity.commands import apps, audit, clients, keys, personal_data, prefixes, staff

AREAS = (apps, audit, clients, keys, personal_data, prefixes, staff)

# A traceback with its variables could show a password.
app = typer.Typer(
    help="Manage staff, machine clients, apps, keys, the audit log.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False,
)  # fmt: skip
for area in AREAS:
    app.add_typer(area.app)

if __name__ == "__main__":
    app()
