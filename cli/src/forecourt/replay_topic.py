"""`replay-topic`: a topic's events through a service's handlers once more."""

from typing import Annotated, Literal

import typer

from forecourt import points


def replay_topic(
    topic: Annotated[str, typer.Argument(help="`./forecourt topics` lists them.")],
    into: Annotated[Literal["loyalty"], typer.Option(help="Which service takes its events once more.")],
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> None:
    """Play a topic from its oldest record into a service once more; code 1 if anything is not what it was before.

    What a service makes of events follows from what they say, not from how often they came: so nothing changes, and
    after a loss what is missing comes back. Orders that are paid meanwhile count as changes.

    Example: `./forecourt replay-topic payments.orders --into loyalty`
    """
    points.show("replay", topic, as_json=as_json)
