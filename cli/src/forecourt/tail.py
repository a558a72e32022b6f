"""`tail`: the events of a topic as they happen, readable or as JSON lines."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import typer
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from rich.text import Text

from forecourt.console import out
from local_stack.config import Config, StackError
from local_stack.environment import kafka_credentials
from local_stack.secrets import KAFKA_ADMIN
from schemas.base import rfc3339
from schemas.catalogue import OBSERVER, STATION_SYSTEMS, TOPIC_BY_NAME
from servicekit.envelope import Message

POLL_MS = 500
SHOWN_FIELDS = 8
_PRIVATE_HEADER = "authorization"


def tail(
    topic: Annotated[str, typer.Argument(help="A topic of `forecourt topics`, e.g. pricing.prices.")],
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="Stop after so many events.")] = None,
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Start at the oldest event.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, for other programs.")] = False,
) -> None:
    """Show events of a topic as they come, until Ctrl-C.

    Example: `./forecourt tail pricing.prices --from-beginning -n 10`
    """
    if topic not in TOPIC_BY_NAME:
        raise StackError(f"there is no topic {topic!r}: choose one of {', '.join(TOPIC_BY_NAME)}")
    try:
        asyncio.run(_tail(Config.from_environment(), topic, count, from_beginning, as_json))
    except KafkaError as error:
        raise StackError(f"Kafka does not answer ({error}): start it with `./forecourt up`") from error


async def _tail(config: Config, topic: str, count: int | None, from_beginning: bool, as_json: bool) -> None:
    shown = 0
    async for record in _records(config, topic, from_beginning):
        message = Message.of(record)
        out.print(_json_line(message) if as_json else _line(message), soft_wrap=True, markup=False)
        shown += 1
        if shown == count:
            return


async def _records(config: Config, topic: str, from_beginning: bool) -> AsyncIterator[ConsumerRecord]:
    """Every record of the topic, without a consumer group: looking leaves no trace in the broker."""
    # Observers may not read raw reports, which carry access tokens; the header is hidden before anything is shown.
    principal = KAFKA_ADMIN if TOPIC_BY_NAME[topic].producer == STATION_SYSTEMS else OBSERVER
    consumer = AIOKafkaConsumer(**kafka_credentials(config, principal), enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(TOPIC_BY_NAME[topic].partitions)]
        consumer.assign(partitions)
        await (consumer.seek_to_beginning if from_beginning else consumer.seek_to_end)(*partitions)
        while True:
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    yield record
    finally:
        await consumer.stop()


def _headers(message: Message) -> dict[str, str]:
    return {name: "(hidden)" if name.lower() == _PRIVATE_HEADER else text for name, text in message.headers.items()}


def _body(message: Message) -> Any:
    """The JSON value, or as much of it as text can show: a malformed record must be seen too."""
    try:
        return json.loads(message.value) if message.value is not None else None
    except ValueError:
        return repr(message.value)


def _json_line(message: Message) -> str:
    place = {"topic": message.topic, "partition": message.partition, "offset": message.offset}
    key = message.key.decode(errors="replace") if message.key is not None else None
    when = rfc3339(message.published_at)
    line = place | {"published_at": when, "key": key, "headers": _headers(message), "value": _body(message)}
    return json.dumps(line, ensure_ascii=False)


def _line(message: Message) -> Text:
    key = message.key.decode(errors="replace") if message.key is not None else "-"
    name = message.headers.get("ce_type", "(no type)").removeprefix("forecourt.")
    line = Text.assemble((f"{message.published_at.astimezone():%H:%M:%S.%f}"[:-3], "dim"), "  ", (name, "bold green"))
    line.append(f"  {key}", style="cyan")
    body = _body(message)
    for field, value in list((body if isinstance(body, dict) else {"value": body}).items())[:SHOWN_FIELDS]:
        if str(value) != key:
            line.append(f"  {field}=", style="dim").append(_short(value), style="yellow")
    return line


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
