"""`analyst`: people who read topics with their own tools, and change nothing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient  # pyright: ignore[reportPrivateImportUsage] -- it has no __all__
from rich.table import Table

from forecourt.console import errors, out
from forecourt.service_commands import answer
from local_stack import analysts, secrets
from local_stack.config import Config, StackError
from local_stack.kafka import Kafka
from local_stack.kafka_provision import analysts_of
from local_stack.stack import stack_lock
from schemas.catalogue import COPIED, copy_of, principal_of

SERVICE, MODULE = "analytics", "analytics.commands"

app = typer.Typer(
    help="Give analysts read-only access to topics.", no_args_is_help=True, rich_markup_mode="markdown",
    add_completion=False,
)  # fmt: skip
Name = Annotated[str, typer.Argument(help="3 to 32 small letters, digits and hyphens.")]
AsJson = Annotated[bool, typer.Option("--json", help="For other programs.")]


@app.command()
def create(name: Name, as_json: AsJson = False) -> None:
    """Make a Kafka user who reads, and show its password, this one time.

    It reads topics without personal data as they are, and a copy of each of the others with pseudonyms that only this
    analyst has. One that was interrupted is finished by the same command.

    Example: `./forecourt analyst create ada`
    """
    with _kafka(analysts.check_name(name)) as (config, admin):
        analysts.require_room(admin, name)
        analysts.prepare(admin, name)
        answer(config, SERVICE, MODULE, "analysts", "add", name)
        password = analysts.give_password(config, admin, name)  # last: who can log in has all the rest
    _show_access(config, name, password, as_json)


@app.command("list")
def list_analysts(as_json: AsJson = False) -> None:
    """List the analysts; one that is unfinished was interrupted, and is finished by `create` or gone by `remove`.

    Example: `./forecourt analyst list`
    """
    with _kafka() as (config, admin):
        known = known_analysts(config, admin)
    if as_json:
        typer.echo(json.dumps(known, indent=2))
        return
    table = Table("analyst", "user", "since", "state", box=None)
    for one in known:
        table.add_row(one["name"], one["username"], one["created_at"] or "", one["state"])
    out.print(table if known else "there are no analysts: make one with `./forecourt analyst create NAME`")


@app.command()
def rotate(name: Name, as_json: AsJson = False) -> None:
    """Give an analyst another password and show it, this one time; the old one opens no connection any more.

    What is connected goes on until it connects anew; where a password leaked, remove the analyst and create it again.

    Example: `./forecourt analyst rotate ada`
    """
    with _kafka(analysts.check_name(name)) as (config, admin):
        if name not in analysts_of(admin):
            raise _unknown(name)
        password = analysts.give_password(config, admin, name)
    _show_access(config, name, password, as_json)


@app.command()
def remove(name: Name) -> None:
    """End an analyst: user, rules and copies go. The same name gets other pseudonyms when it comes again.

    Example: `./forecourt analyst remove ada`
    """
    with _kafka(analysts.check_name(name)) as (config, admin):
        could_log_in = name in analysts_of(admin)
        analysts.lock_out(admin, name)
        was_registered = answer(config, SERVICE, MODULE, "analysts", "remove", name)["removed"]
        analysts.discard(admin, name)
    if not could_log_in and not was_registered:
        raise _unknown(name)
    out.print(f"{name} reads nothing any more, and the copies are gone")


def known_analysts(config: Config, admin: AdminClient) -> list[dict[str, Any]]:
    """Every analyst that the broker or the service knows."""
    users = analysts_of(admin)
    register = {one["name"]: one for one in answer(config, SERVICE, MODULE, "analysts", "list")}
    return [
        {"name": name, "username": principal_of(name), "created_at": register.get(name, {}).get("created_at"),
         "state": "ready" if name in users and name in register else "unfinished"}
        for name in sorted(users | register.keys())
    ]  # fmt: skip


@contextmanager
def _kafka(_: str = "") -> Iterator[tuple[Config, AdminClient]]:
    """The stack and its broker, while no `up` and no other such command changes users and rules."""
    config = Config.from_environment()
    server = Kafka(config, secrets.load(config))
    with stack_lock(config, lambda part, step: errors.print(f"{part} {step}")):
        if not server.answers():
            raise StackError("Kafka does not answer: start it with `./forecourt up`")
        try:
            yield config, server.admin()
        except KafkaException as error:
            raise StackError(f"Kafka refuses that ({error}): the same command goes on where this one ended") from error


def _unknown(name: str) -> StackError:
    return StackError(f"there is no analyst {name}: `./forecourt analyst list` shows who there is")


def _show_access(config: Config, name: str, password: str, as_json: bool) -> None:
    settings = analysts.client_settings(config, name, password)
    access = {
        "name": name, "username": principal_of(name), "password": password,
        "bootstrap_servers": config.kafka_bootstrap, "group_prefix": f"{principal_of(name)}.",
        "topics": analysts.readable_topics(name), "copies": {one.name: copy_of(one.name, name) for one in COPIED},
        "settings": settings,
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(access, indent=2))
        return
    lines = "\n".join(f"{key}={value}" for key, value in settings.items())
    aiokafka = (
        f'AIOKafkaConsumer(TOPIC, bootstrap_servers="{config.kafka_bootstrap}", security_protocol="SASL_PLAINTEXT",\n'
        f'    sasl_mechanism="SCRAM-SHA-256", sasl_plain_username="{principal_of(name)}",\n'
        f'    sasl_plain_password="{password}", group_id="{principal_of(name)}.notebook")'
    )
    typer.echo(
        f"The password is shown this one time. Groups must begin with {principal_of(name)}. (with the dot).\n\n"
        f"# a file for kcat (-F FILE), or as a dict for confluent_kafka.Consumer\n{lines}\n"
        f"group.id={principal_of(name)}.notebook\n\n# aiokafka\n{aiokafka}\n\n# topics\n" + "\n".join(access["topics"])
    )
