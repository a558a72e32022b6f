"""Finds personal data where none may be, by the values that tests use for it: canaries.

Phones are `+8619900` and six digits (`servicekit.testkit.canary_phone`), card numbers begin with 9900, plates hold
`CANARY`; e-mails, names, notes and openids hold `canary`. Values that are known can be looked for as well, in other
writings and as unkeyed hashes.
"""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase

from local_stack import secrets
from local_stack.config import Config
from local_stack.environment import kafka_credentials
from local_stack.mongo import ROOT
from local_stack.postgres import DATABASE, SUPERUSER

CANARY = (
    rb"(?:\+|%2[Bb]|\\u002[Bb])8619900\d{6}(?!\d)"  # a number as it is, in a URL, in a careful JSON
    rb"|(?<![0-9A-Za-z.-])(?:86)?19900\d{6}(?![0-9A-Za-z])"  # not a part of a longer number or id
    rb"|(?<![0-9A-Za-z.-])9900(?:[ -]?\d){12,15}(?![0-9A-Za-z.])"  # a card's number, as it is and in groups
    rb"|canary|CANARY"  # the time zone is Atlantic/Canary
)
PLUMBING = frozenset({"outbox", "inbox", "dead_letters", "idempotency_keys", "audit_log"})
"""Tables and collections in which a person is an id and nothing else."""
SERVER_DATABASES = {"admin", "config", "local"}
SIGNS = (b"9900", b"canary", b"CANARY")
"""One of these is in all that CANARY finds; to look for them first makes the search many times faster."""
AROUND = 40
BATCH = 1_000
MAX_LEAKS = 50


@dataclass(frozen=True, slots=True)
class Leak:
    """What was found, where, with a few characters around it."""

    place: str
    text: str


class Hunt:
    """Looks for canaries, and for values that are known in whatever writing."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        known_writings = sorted({writing for value in known for writing in disguises(value)})
        self._signs = (*SIGNS, *known_writings)
        self._pattern = re.compile(b"|".join([CANARY, *map(re.escape, known_writings)]))
        self.leaks: list[Leak] = []

    def look(self, place: str, value: Any) -> None:
        """Notes a leak where the value holds something."""
        data = value if isinstance(value, bytes) else str(value).encode()
        if not any(sign in data for sign in self._signs):
            return
        if (found := self._pattern.search(data)) and len(self.leaks) < MAX_LEAKS:
            around = data[max(0, found.start() - AROUND) : found.end() + AROUND]
            self.leaks.append(Leak(place, around.decode(errors="backslashreplace")))

    def files(self, folder: Path) -> None:
        """All files below a folder, line by line."""
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    self.look(f"{file.name}:{number}", line)

    async def topics(self, credentials: Any) -> None:
        """Keys, values and headers of every record that Kafka holds."""
        async with _all_partitions(credentials) as consumer:
            ends = await consumer.end_offsets(consumer.assignment())
            while any([await consumer.position(partition) < end for partition, end in ends.items()]):
                for partition, records in (await consumer.getmany(timeout_ms=200, max_records=BATCH)).items():
                    for record in records:
                        place = f"topic {partition.topic}/{partition.partition}/{record.offset}"
                        for part in (record.key, record.value, *(one for header in record.headers for one in header)):
                            self.look(place, part)

    async def postgres(self, connection: asyncpg.Connection, tables: Iterable[str] | None = None) -> None:
        """Every value of these tables of every schema, of all tables by default."""
        chosen = None if tables is None else list(tables)
        rows = await connection.fetch(
            """SELECT schemaname, tablename FROM pg_tables WHERE ($1::text[] IS NULL OR tablename = ANY($1))
               AND schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2""",
            chosen,
        )
        for schema, table in rows:
            async with connection.transaction():
                query = f'SELECT * FROM "{schema}"."{table}"'  # noqa: S608 - names from the catalogue
                async for row in connection.cursor(query, prefetch=BATCH):
                    for column, value in row.items():
                        self.look(f"{schema}.{table}.{column}", value)

    async def mongo(self, database: AsyncIOMotorDatabase[Any], collections: Iterable[str] | None = None) -> None:
        """Every document of these collections, of all by default."""
        for name in await database.list_collection_names():
            if collections is None or name in collections:
                async for document in database[name].find():
                    for field, value in _leaves(document, name):
                        self.look(f"{database.name}.{field}", value)


def disguises(value: str) -> set[bytes]:
    """A value as a text, in hex and base64, and its hashes without a key in all of these."""
    clear = value.encode()
    raw = [clear, *(hashlib.new(name, clear).digest() for name in ("md5", "sha1", "sha256", "sha512"))]
    encoded = [code(one) for one in raw for code in (bytes, _hex, base64.b64encode, base64.urlsafe_b64encode)]
    return {one.rstrip(b"=") for one in encoded}


async def hunt_in_stack(config: Config, known: Sequence[str] = (), *, everywhere: bool = False) -> list[Leak]:
    """What leaked into logs, traces, topics, outboxes, inboxes, dead letters and the audit log of a running stack.

    With `everywhere` also into any other table and collection: for after an erasure.
    """
    hunt, tables = Hunt(known), None if everywhere else PLUMBING
    for folder in ("logs", "traces"):
        hunt.files(config.data / folder)
    await hunt.topics(kafka_credentials(config, secrets.KAFKA_ADMIN))
    async with postgres(config) as connection:
        await hunt.postgres(connection, tables)
    with mongo(config) as client:
        for name in set(await client.list_database_names()) - SERVER_DATABASES:
            await hunt.mongo(client[name], tables)
    return hunt.leaks


def expect_none(config: Config) -> None:
    """AssertionError with all that leaked in the stack of tests that have ended; it must still run."""
    with ThreadPoolExecutor(1) as pool:  # this thread has the loop of the tests
        leaks = pool.submit(asyncio.run, hunt_in_stack(config)).result()
    if leaks:
        raise AssertionError(f"the tests left personal data in {config.data.name}:\n" + "\n".join(map(str, leaks)))


@asynccontextmanager
async def _all_partitions(credentials: Any) -> AsyncIterator[AIOKafkaConsumer]:
    admin = AIOKafkaAdminClient(**credentials)
    consumer = AIOKafkaConsumer(**credentials, auto_offset_reset="earliest", enable_auto_commit=False)
    await admin.start()
    await consumer.start()
    try:
        topics = await admin.describe_topics()
        consumer.assign(
            [TopicPartition(one["topic"], part["partition"]) for one in topics for part in one["partitions"]]
        )
        await consumer.seek_to_beginning()
        yield consumer
    finally:
        await consumer.stop()
        await admin.close()


@asynccontextmanager
async def postgres(config: Config) -> AsyncIterator[asyncpg.Connection]:
    """The stack's Postgres, with the right to read everything."""
    connection = await asyncpg.connect(
        host="127.0.0.1", port=config.postgres_port, user=SUPERUSER, database=DATABASE,
        password=secrets.load(config)[f"postgres.{SUPERUSER}"],
    )  # fmt: skip
    try:
        yield connection
    finally:
        await connection.close()


@contextmanager
def mongo(config: Config) -> Iterator[AsyncIOMotorClient[Any]]:
    """The stack's MongoDB, with the right to read everything."""
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(
        "127.0.0.1", config.mongo_port, directConnection=True, username=ROOT,
        password=secrets.load(config)[f"mongo.{ROOT}"],
    )  # fmt: skip
    try:
        yield client
    finally:
        client.close()


def _hex(data: bytes) -> bytes:
    return data.hex().encode()


def _leaves(value: Any, path: str) -> Iterable[tuple[str, Any]]:
    """(path, value) of all that a document holds; its field names count as values too."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield path, name
            yield from _leaves(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    else:
        yield path, value
