"""What the servers of a stack let whom do: each its own, nobody another's."""

from collections.abc import AsyncIterator

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)
from confluent_kafka.admin import AclOperation  # pyright: ignore[reportPrivateImportUsage] -- it has no __all__
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import OperationFailure

from local_stack import kafka_provision, secrets
from local_stack.config import Config
from local_stack.environment import kafka_credentials, service_environment
from local_stack.kafka import Kafka
from local_stack.processes import Process
from local_stack.stack import SERVERS
from schemas.catalogue import OBSERVER, STATION_SYSTEMS


async def produce(config: Config, principal: str, topic: str) -> None:
    credentials = kafka_credentials(config, principal)
    producer = AIOKafkaProducer(**credentials, acks="all", enable_idempotence=True)
    try:
        await producer.start()
        await producer.send_and_wait(topic, b"{}", key=b"key")
    finally:
        await producer.stop()


async def consume(config: Config, principal: str, topic: str, group: str | None) -> bytes | None:
    """The value `{}` once it comes; other tests of the session may have written before."""
    credentials = kafka_credentials(config, principal)
    consumer = AIOKafkaConsumer(topic, **credentials, group_id=group, auto_offset_reset="earliest")
    try:
        await consumer.start()
        while (value := (await consumer.getone()).value) != b"{}":
            pass
        return value
    finally:
        await consumer.stop()


async def test_owner_writes_and_consumer_reads(infrastructure: Config) -> None:
    await produce(infrastructure, "pricing", "pricing.prices")
    assert await consume(infrastructure, "stations", "pricing.prices", "stations.prices") == b"{}"


async def test_service_cannot_write_anothers_topic(infrastructure: Config) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await produce(infrastructure, "stations", "pricing.prices")


async def test_service_cannot_join_anothers_group(infrastructure: Config) -> None:
    await produce(infrastructure, "pricing", "pricing.prices")
    with pytest.raises(GroupAuthorizationFailedError):
        await consume(infrastructure, "stations", "pricing.prices", "pricing.prices")


async def test_observer_reads_but_does_not_write(infrastructure: Config) -> None:
    await produce(infrastructure, "pricing", "pricing.prices")
    assert await consume(infrastructure, OBSERVER, "pricing.prices", "observer.look") == b"{}"
    with pytest.raises(ClusterAuthorizationFailedError):
        await produce(infrastructure, OBSERVER, "pricing.prices")


async def test_raw_reports_are_for_pricing_only(infrastructure: Config) -> None:
    await produce(infrastructure, STATION_SYSTEMS, "pricing.reports")
    assert await consume(infrastructure, "pricing", "pricing.reports", "pricing.reports") == b"{}"
    with pytest.raises(TopicAuthorizationFailedError):
        await consume(infrastructure, OBSERVER, "pricing.reports", None)


def test_rule_that_is_no_longer_wanted_goes(infrastructure: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    known = secrets.load(infrastructure)
    admin = Kafka(infrastructure, known).admin()
    wanted = kafka_provision.rules()
    intruder = ("gateway", *next(rule for rule in wanted if rule[-1] is AclOperation.WRITE)[1:])
    assert intruder not in wanted
    with monkeypatch.context() as patched:
        patched.setattr(kafka_provision, "rules", lambda _: wanted | {intruder})
        kafka_provision.apply(admin, known)
    assert kafka_provision.current_rules(admin) == wanted | {intruder}
    kafka_provision.apply(admin, known)
    assert kafka_provision.current_rules(admin) == wanted


@pytest.fixture
async def identity(infrastructure: Config) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(service_environment(infrastructure, "identity")["IDENTITY_POSTGRES_DSN"])
    await connection.execute("CREATE TABLE private_to_identity (id int)")
    yield connection
    await connection.execute("DROP TABLE private_to_identity")
    await connection.close()


@pytest.fixture
async def pricing(infrastructure: Config) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(service_environment(infrastructure, "pricing")["PRICING_POSTGRES_DSN"])
    yield connection
    await connection.close()


async def test_role_sees_its_own_schema_only(identity: asyncpg.Connection, pricing: asyncpg.Connection) -> None:
    assert await identity.fetch("SELECT * FROM private_to_identity") == []
    for statement in (
        "SELECT * FROM identity.private_to_identity",
        "CREATE TABLE identity.intruder (id int)",
        "CREATE TABLE public.intruder (id int)",
        "CREATE SCHEMA intruder",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pricing.execute(statement)


async def test_role_connects_to_its_database_only(infrastructure: Config) -> None:
    dsn = service_environment(infrastructure, "pricing")["PRICING_POSTGRES_DSN"]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(dsn, database="postgres")


async def test_durability_is_on(pricing: asyncpg.Connection) -> None:
    assert await pricing.fetchval("SHOW fsync") == "on"
    assert await pricing.fetchval("SHOW synchronous_commit") == "on"
    assert await pricing.fetchval("SHOW idle_in_transaction_session_timeout") == "30s"


async def test_mongo_user_sees_its_own_database_only(infrastructure: Config) -> None:
    environment = service_environment(infrastructure, "stations")
    client = AsyncIOMotorClient(environment["STATIONS_MONGO_URL"])
    try:
        await client[environment["STATIONS_MONGO_DATABASE"]]["probe"].insert_one({"text": "own"})
        for database in ("another", "admin"):
            with pytest.raises(OperationFailure, match="not authorized"):
                await client[database]["probe"].find_one()
    finally:
        await client[environment["STATIONS_MONGO_DATABASE"]].drop_collection("probe")
        client.close()


def processes_of(config: Config) -> list[psutil.Process]:
    running = [Process(config.data, name).running() for name in SERVERS]
    return [psutil.Process(found.pid) for found in running if found is not None]


def test_no_secret_is_on_a_command_line_or_in_a_log(infrastructure: Config) -> None:
    known = secrets.load(infrastructure).values()
    texts = [file.read_text(errors="replace") for file in (infrastructure.data / "logs").iterdir()]
    texts += [" ".join(process.cmdline()) for process in processes_of(infrastructure)]
    assert len(texts) >= 2 * len(SERVERS)
    assert [secret for secret in known for text in texts if secret in text] == []
