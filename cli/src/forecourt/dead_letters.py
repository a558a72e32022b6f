"""`dead-letters`: messages that a service could not handle; look at them, and have them tried again."""

import asyncio
import getpass
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from rich.table import Table

from forecourt.console import out
from local_stack.config import Config, StackError
from local_stack.environment import service_environment
from local_stack.services import SERVICES
from schemas.base import rfc3339
from servicekit.mongo import MongoStore
from servicekit.postgres import PostgresStore
from servicekit.settings import MongoSettings, PostgresSettings
from servicekit.store import DeadLetter, DeadLetterStatus, Store, StoreUnavailable

MAX_LETTERS = 1_000
REPLAY_DEADLINE_SECONDS = 30.0
PRIVATE_HEADERS = frozenset({"authorization"})
STORES = [service.name for service in SERVICES if service.store]
Result = TypeVar("Result")

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Messages that could not be handled.")
ServiceName = Annotated[str, typer.Argument(help=f"Whose dead letters: {', '.join(STORES)}.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for other programs.")]


@app.command("list")
def list_letters(
    service: ServiceName,
    status: Annotated[str | None, typer.Option(help="Only `waiting`, `replay` or `replayed`.")] = None,
    as_json: AsJson = False,
) -> None:
    """List a service's dead letters, the newest first.

    Example: `./forecourt dead-letters list pricing --status waiting`
    """
    letters = _run(service, lambda store: store.dead_letters(_status(status), MAX_LETTERS))
    if as_json:
        out.print_json(json.dumps([_document(letter) for letter in letters]))
        return
    table = Table("id", "when", "topic", "place", "status", "tries", "error")
    for letter in letters:
        place = f"{letter.message.partition}/{letter.message.offset}"
        when = f"{letter.created_at.astimezone():%Y-%m-%d %H:%M:%S}"
        table.add_row(
            str(letter.id), when, letter.message.topic, place, letter.status, str(letter.attempts), letter.error[:80]
        )
    out.print(table if letters else f"{service} has no dead letters")


@app.command()
def show(service: ServiceName, letter_id: UUID, as_json: AsJson = False) -> None:
    """Show one dead letter whole: its headers, its body and what went wrong.

    Example: `./forecourt dead-letters show pricing 0199...`
    """
    document = _document(_find(service, letter_id))
    if as_json:
        out.print_json(json.dumps(document))
        return
    for name, value in document.items():
        out.print(f"[dim]{name:>14}[/]  ", end="")
        out.print(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), markup=False)


@app.command()
def replay(
    service: ServiceName,
    letter_ids: Annotated[list[UUID] | None, typer.Argument(help="Which ones; see `list`.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
) -> None:
    """Have the running service try dead letters again, once their cause is mended; who asked is kept.

    Example: `./forecourt dead-letters replay pricing --all`
    """
    if bool(letter_ids) == every:
        raise StackError("name the dead letters to replay, or say --all")
    ids = letter_ids or [x.id for x in _run(service, lambda store: store.dead_letters("waiting", MAX_LETTERS))]
    if not _run(service, lambda store: store.request_replay(ids, getpass.getuser())):
        raise StackError(f"none of these waits: see `./forecourt dead-letters list {service}`")
    letters = _run(service, lambda store: _settled(store, set(ids)))
    failed = [letter for letter in letters if letter.status != "replayed"]
    out.print(f"replayed {len(letters) - len(failed)}, failed again {len(failed)}")
    for letter in failed:
        out.print(f"  {letter.id}  {letter.error}", markup=False)
    if failed:
        raise typer.Exit(1)


async def _settled(store: Store[Any], ids: set[UUID]) -> list[DeadLetter]:
    """The letters, once the service has dealt with them all."""
    deadline = time.monotonic() + REPLAY_DEADLINE_SECONDS
    while any(letter.id in ids for letter in await store.dead_letters("replay", MAX_LETTERS)):
        if time.monotonic() > deadline:
            raise StackError("the service has not taken them up: is it running? `./forecourt status`")
        await asyncio.sleep(0.1)
    return [letter for letter in await store.dead_letters(None, MAX_LETTERS) if letter.id in ids]


def _find(service: str, letter_id: UUID) -> DeadLetter:
    letters = _run(service, lambda store: store.dead_letters(None, MAX_LETTERS))
    for letter in letters:
        if letter.id == letter_id:
            return letter
    raise StackError(f"{service} has no dead letter {letter_id}: see `./forecourt dead-letters list {service}`")


def _status(text: str | None) -> DeadLetterStatus | None:
    if text is None or text in ("waiting", "replay", "replayed"):
        return text
    raise StackError(f"--status is {text!r}: choose waiting, replay or replayed")


def _document(letter: DeadLetter) -> dict[str, Any]:
    """All of a letter but the sender's access token."""
    message = letter.message
    return {
        "id": str(letter.id), "consumer": letter.consumer, "status": letter.status, "attempts": letter.attempts,
        "error": letter.error, "topic": message.topic, "partition": message.partition, "offset": message.offset,
        "published_at": rfc3339(message.published_at), "created_at": rfc3339(letter.created_at),
        "requested_by": letter.requested_by, "resolved_at": letter.resolved_at and rfc3339(letter.resolved_at),
        "key": _text(message.key), "value": _text(message.value),
        "headers": {k: "(hidden)" if k in PRIVATE_HEADERS else v for k, v in message.headers.items()},
    }  # fmt: skip


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="backslashreplace")


def _run(service: str, work: Callable[[Store[Any]], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with _store(service) as store:
            return await work(store)

    try:
        return asyncio.run(run())
    except StoreUnavailable as error:
        raise StackError(f"{error}. Start it with `./forecourt up`") from error


@asynccontextmanager
async def _store(service: str) -> AsyncIterator[Store[Any]]:
    """The service's store, reached with the service's own role."""
    if service not in STORES:
        raise StackError(f"{service!r} keeps no dead letters: choose one of {', '.join(STORES)}")
    prefix, environment = f"{service.upper()}_", service_environment(Config.from_environment(), service)
    values: dict[str, Any] = {k.removeprefix(prefix).lower(): v for k, v in environment.items() if k.startswith(prefix)}
    if "postgres_dsn" in values:
        async with PostgresStore.connect(PostgresSettings(service=service, **values)) as store:
            yield store
    else:
        async with MongoStore.connect(MongoSettings(service=service, **values)) as store:
            yield store
