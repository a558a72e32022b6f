"""`topics`: the catalogue as a table, or one topic with its events and a sample."""

import json
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from forecourt.console import out
from local_stack.config import StackError
from schemas.catalogue import TOPIC_BY_NAME, TOPICS
from schemas.topics import described


def topics(
    topic: Annotated[str | None, typer.Argument(help="Only this one, with its events and a sample.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> None:
    """Show every topic: its events, who may read it, how long it keeps records; and all that there is to know of one.

    Example: `./forecourt topics payments.orders`
    """
    if topic is not None and topic not in TOPIC_BY_NAME:
        raise StackError(f"there is no topic {topic!r}: choose one of {', '.join(TOPIC_BY_NAME)}")
    known = [described(one) for one in TOPICS if topic in (None, one.name)]
    if as_json:
        typer.echo(json.dumps(known if topic is None else known[0], ensure_ascii=False, indent=2))
    elif topic is None:
        out.print(_table(known))
    else:
        _show(known[0])


def _table(known: list[dict[str, Any]]) -> Table:
    """What fits into eighty columns; all the rest is told of one topic."""
    table = Table(Column("topic", no_wrap=True), Column("events", no_wrap=True), "analysts", "keeps", box=SIMPLE_HEAD)
    for one in known:
        events = "\n".join(event["name"].partition(".")[2] for event in one["events"])
        table.add_row(one["topic"], events, one["analysts"]["read"] or "no", one["retention"])
    table.caption = "owner, key, schemas, a sample: ./forecourt topics TOPIC"
    return table


def _show(one: dict[str, Any]) -> None:
    reading = one["analysts"]
    facts = {
        "what it is": one["description"], "owner": one["owner"], "written by": one["producer"],
        "read by": ", ".join(one["consumers"]) or "nobody yet",
        "analysts read it": reading["read"] or f"not at all: {reading['why_not']}",
        "key": one["key"], "personal data": ", ".join(one["personal_data"]) or "none", "keeps": one["retention"],
        "partitions": str(one["partitions"]),
    }  # fmt: skip
    table = Table(show_header=False, box=None, title=one["topic"], title_justify="left")
    for name, value in facts.items():
        table.add_row(name, value)
    out.print(table)
    events = Table("event", "what it says", "personal data", box=None)
    for event in one["events"]:
        short = f"{event['name'].partition('.')[2]} v{event['version']}"
        events.add_row(short, event["summary"], ", ".join(event["personal_data"]) or "none")
    out.print(events)
    out.print(f"schemas: {', '.join(event['schema'] for event in one['events'])}\na sample:")
    out.print_json(data=one["sample"])
