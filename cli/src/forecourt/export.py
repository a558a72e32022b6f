"""`export`: a topic as files for analysts, without its people."""

import json
import secrets as random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

import typer
from confluent_kafka import KafkaException
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from analytics.domain.analysts import Analyst, event_id_of, pseudonymous
from analytics.domain.pseudonyms import Pseudonyms
from forecourt.analyst import MODULE, SERVICE
from forecourt.console import errors, out
from forecourt.export_files import DayFiles
from forecourt.export_reading import TopicReader
from forecourt.export_types import happened_at, row_of, schema_of
from forecourt.service_commands import answer
from local_stack import secrets
from local_stack.config import Config, StackError
from local_stack.kafka_provision import client_settings
from schemas.base import rfc3339
from schemas.catalogue import NOT_FOR_ANALYSTS, OBSERVER, TOPIC_BY_NAME, analysts_read
from schemas.contracts import name_of
from servicekit.envelope import MalformedMessage, Message

REMEMBERED = 200_000
"""Ids by which a repeated event is known: a repeat comes soon after its first, when a relay had no answer."""
ONE_OFF = "a key of this export only"


class Format(StrEnum):
    """What the files are."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


def export(
    topic: Annotated[str, typer.Argument(help="A topic of `forecourt topics`, e.g. pricing.prices.")],
    target: Annotated[Path, typer.Option("--out", help="The folder; the topic's own is made in it.")],
    since: Annotated[str | None, typer.Option("--from", help="Published from then on, e.g. 2026-04-30.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="And before then; until now if not given.")] = None,
    form: Annotated[Format, typer.Option("--format", help="What the files are.")] = Format.PARQUET,
    analyst: Annotated[str | None, typer.Option(help="Whose pseudonyms; a one-off key if not given.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="In the place of an export that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> None:
    """Write a topic's events as files, each once, by event and by day of when it happened, with pseudonyms for people.

    `--from` and `--to` are moments of publication, dates in UTC or RFC 3339. Files appear whole, or not at all; with
    `--replace` those that were there are removed only once the new ones are in their place.

    Example: `./forecourt export payments.orders --from 2026-04-30 --to 2026-05-01 --out exports`
    """
    config = Config.from_environment()
    begin, end = _moment(since, "--from"), _moment(until, "--to")
    names, whose = _names(config, analyst)
    manifest = export_topic(config, topic, target, names=names, whose=whose, begin=begin, end=end, form=form,
                            replace=replace, quiet=as_json)  # fmt: skip
    _report(manifest, target / topic, as_json)


def export_topic(
    config: Config, topic: str, target: Path, *, names: Pseudonyms, whose: str, begin: datetime | None = None,
    end: datetime | None = None, form: Format = Format.PARQUET, replace: bool = False, quiet: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """Writes the files into `target/topic`, and says what is in them. StackError where that cannot be."""
    _require_exportable(topic)
    until = end or datetime.now(UTC)
    reader = TopicReader(client_settings(config, secrets.load(config), OBSERVER), topic, begin, until)
    with _folder_of_its_own(target, topic, replace=replace) as folder, _progress(topic, quiet=quiet) as tell:
        exporter = Exporter(folder, form, names, copied=analysts_read(TOPIC_BY_NAME[topic]) == "as a copy")
        try:
            for message in reader.records(tell):
                exporter.take(message)
        except KafkaException as error:
            raise StackError(f"Kafka does not give {topic} ({error}): start it with `./forecourt up`") from error
        manifest = exporter.finish() | {
            "topic": topic, "from": rfc3339(begin) if begin else None, "to": rfc3339(until),
            "exported_at": rfc3339(datetime.now(UTC)), "format": form.value, "pseudonyms": whose,
            "partitions": {span.partition: [span.begin, span.end] for span in reader.spans},
        }  # fmt: skip
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    return manifest


def one_off() -> Pseudonyms:
    """Names of one export, or of a few that belong together; nobody keeps their key."""
    return Pseudonyms(random.token_hex(32), "export")


class Exporter:
    """Turns messages into rows of files, and counts what it left out.

    `copied`: analysts know the topic as a copy. Its rows then have the copy's ids of events, and no place on the topic,
    which is the same one for everybody.
    """

    def __init__(self, folder: Path, form: Format, names: Pseudonyms, *, copied: bool) -> None:
        self._files = DayFiles(folder, form.value)
        self._names = names
        self._copied = copied
        self._seen = Seen()
        self._left_out: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._published: list[datetime] = []

    def take(self, message: Message) -> None:
        """One record."""
        try:
            event = message.event()
        except MalformedMessage:
            self._left_out["malformed"] += 1
            return
        if event is None:
            self._unknown[message.headers["ce_type"]] += 1
            return
        if not self._seen.first(message.identity):
            self._left_out["repeated"] += 1
            return
        day = happened_at(event, message.published_at).date()
        row = row_of(pseudonymous(event, self._names), self._envelope(message))
        self._files.add(name_of(type(event)), schema_of(type(event)), day, row)
        bounds = (*self._published, message.published_at)
        self._published = [min(bounds), max(bounds)]

    def _envelope(self, message: Message) -> dict[str, Any]:
        envelope: dict[str, Any] = {"event_id": message.identity[1], "published_at": message.published_at,
                                    "partition": message.partition, "offset": message.offset}  # fmt: skip
        if self._copied:
            envelope |= {"event_id": event_id_of(message.identity, self._names), "partition": None, "offset": None}
        return envelope

    def finish(self) -> dict[str, Any]:
        """Writes what waits, and says what there is."""
        self._files.close()
        events: dict[str, dict[str, Any]] = {}
        for (event, day), rows in sorted(self._files.rows.items()):
            one = events.setdefault(event, {"rows": 0, "days": {}})
            one["rows"] += rows
            one["days"][day.isoformat()] = rows
        return {
            "rows": sum(one["rows"] for one in events.values()), "events": events,
            "published": [rfc3339(moment) for moment in self._published],
            "left_out": {"repeated": self._left_out["repeated"], "malformed": self._left_out["malformed"],
                         "unknown_types": dict(self._unknown)},
        }  # fmt: skip


class Seen:
    """The newest ids that came by: at least so many, at most twice that."""

    def __init__(self, least: int = REMEMBERED) -> None:
        self._least = least
        self._newer: set[bytes] = set()
        self._older: set[bytes] = set()

    def first(self, identity: tuple[str, str]) -> bool:
        """Whether it was not seen, as far as is remembered."""
        known = blake2b("|".join(identity).encode(), digest_size=16).digest()
        if known in self._newer or known in self._older:
            return False
        if len(self._newer) >= self._least:
            self._newer, self._older = set(), self._newer
        self._newer.add(known)
        return True


def _require_exportable(topic: str) -> None:
    if topic not in TOPIC_BY_NAME:
        raise StackError(f"there is no topic {topic!r}: choose one of {', '.join(TOPIC_BY_NAME)}")
    if topic in NOT_FOR_ANALYSTS:
        raise StackError(f"{topic} is not for analysts: {NOT_FOR_ANALYSTS[topic]}")


def _names(config: Config, analyst: str | None) -> tuple[Pseudonyms, str]:
    """The pseudonyms, and in words whose they are."""
    if analyst is None:
        return one_off(), ONE_OFF
    register = {one["name"]: one for one in answer(config, SERVICE, MODULE, "analysts", "list")}
    if analyst not in register:
        raise StackError(f"there is no analyst {analyst}: `./forecourt analyst list` shows who there is")
    one = register[analyst]
    known = Analyst(one["name"], one["serial"], datetime.fromisoformat(one["created_at"]))
    return known.pseudonyms(secrets.load(config)["analytics.pseudonym_key"]), f"those of analyst {analyst}"


def _moment(text: str | None, option: str) -> datetime | None:
    """A date's beginning, or a moment; in UTC where it has no zone."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise StackError(f"{option} is {text!r}: write a date, or a moment such as 2026-04-30T10:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def _folder_of_its_own(target: Path, topic: str, *, replace: bool) -> Iterator[Path]:
    """A folder beside the topic's, which takes its place when all went well, and is gone otherwise."""
    place = target / topic
    if place.exists() and not replace:
        raise StackError(f"{place} is there already: choose another folder, or take its place with --replace")
    scratch = target / f".{topic}.{random.token_hex(4)}"
    try:
        scratch.mkdir(parents=True)
        yield scratch
        _put(scratch, place)
    except OSError as error:
        raise StackError(f"cannot write {error.filename or target}: {error.strerror}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _put(folder: Path, place: Path) -> None:
    """Puts the folder in its place. What is there steps aside until then: whoever dies in between loses neither."""
    aside = folder.with_name(f"{folder.name}.before")
    if not place.exists():
        folder.rename(place)
        return
    place.rename(aside)
    try:
        folder.rename(place)
    except BaseException:
        aside.rename(place)
        raise
    shutil.rmtree(aside)


@contextmanager
def _progress(topic: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, disable=quiet) as progress:
        task = progress.add_task(topic, total=None)
        yield lambda read, total: progress.update(task, completed=read, total=total)


def _report(manifest: dict[str, Any], place: Path, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(manifest | {"folder": str(place)}, indent=2, ensure_ascii=False))
        return
    for event, one in manifest["events"].items():
        out.print(f"{event}: {one['rows']:,} rows, {len(one['days'])} days")
    out.print(f"{manifest['rows']:,} events in {place}; pseudonyms: {manifest['pseudonyms']}", soft_wrap=True)
    left_out = manifest["left_out"]
    out.print(f"left out: {left_out['repeated']:,} repeated, {left_out['malformed']:,} malformed, "
              f"{sum(left_out['unknown_types'].values()):,} of types that this release does not know")  # fmt: skip
