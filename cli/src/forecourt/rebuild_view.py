"""`rebuild-view`: a view of analytics made anew from its topics."""

from typing import Annotated

import typer

from forecourt import service_commands
from local_stack.config import Config


def rebuild_view(
    name: Annotated[str, typer.Argument(help="Such as station-hours; a wrong one lists them all.")],
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare each document, byte by byte; serve it only if none differs.")
    ] = False,
    swap: Annotated[bool, typer.Option("--swap", help="With --compare: serve the new view whatever differs.")] = False,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Take nothing over: what the topics no longer have is lost.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> None:
    """Make a view anew from the oldest records of its topics on, while the old one serves; then the new one does.

    Use it after what a view counts was changed or mended, or to see that a view is right. Without `--compare` the new
    view serves as soon as it has all events. With it the two are compared before, and code 1 says that they differ:
    then the old one serves on, unless you said `--swap`.

    Documents of times before the topics begin are taken over as they are and folded on: their events are gone. So
    what a corrected fold would change in them stays as it was, and `--compare` compares them with themselves; how many
    they are is said.
    A rebuild that is ended early leaves the old view serving; begin it again.

    Example: `./forecourt rebuild-view station-hours --compare`
    """
    flags = {"--compare": compare, "--swap": swap, "--from-scratch": from_scratch, "--json": as_json}
    chosen = [flag for flag, is_on in flags.items() if is_on]
    service_commands.show(Config.from_environment(), "analytics", "analytics.commands", "rebuild", name, *chosen)
