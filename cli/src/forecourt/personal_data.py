"""`personal-data`: what is known of a person, erased on request and after a restore, and the proof of it."""

from typing import Annotated
from uuid import UUID

import typer

from forecourt.identity import show

app = typer.Typer(
    help="Erase a person, prove it, and do it again after a restore.", no_args_is_help=True,
    rich_markup_mode="markdown", add_completion=False,
)  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]
UserId = Annotated[UUID, typer.Argument(help="The person's id.")]


@app.command()
def erase(
    user_id: UserId,
    confirm: Annotated[UUID, typer.Option(help="The id once more: this cannot be undone.")],
    as_json: AsJson = False,
) -> None:
    """Forget a person for ever, in every service, as the person itself can in the app.

    Example: `./forecourt personal-data erase 0197... --confirm 0197...`
    """
    show("erase-person", str(user_id), f"--confirm={confirm}", as_json=as_json)


@app.command()
def report(user_id: UserId, as_json: AsJson = False) -> None:
    """Show what each service has erased of a person and what is left; exit code 1 while there is anything.

    Example: `./forecourt personal-data report 0197... --json`
    """
    show("report-person", str(user_id), as_json=as_json)


@app.command()
def reapply_erasures(as_json: AsJson = False) -> None:
    """After a restore of any database: erase again whoever it has from before, in every service.

    Example: `./forecourt personal-data reapply-erasures`
    """
    show("reapply-erasures", as_json=as_json)
