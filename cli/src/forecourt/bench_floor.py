"""What the same work costs with nothing of ours in between: one insert, one batch to Kafka, one update in MongoDB."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from motor.motor_asyncio import AsyncIOMotorClient

from local_stack.config import Config
from local_stack.environment import kafka_credentials, service_environment
from local_stack.kafka_provision import client_settings
from local_stack.secrets import KAFKA_ADMIN, load

TOPIC = "bench.floor"
CREATE = """CREATE TABLE bench_floor (
    report_id text, station_id text, fuel text, price_mills int, currency text, effective_at text,
    PRIMARY KEY (report_id, station_id, fuel))"""
INSERT = """INSERT INTO bench_floor
            SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[])"""
COLUMNS = ("report_id", "station_id", "fuel", "price_mills", "currency", "effective_at")


class Floor:
    """The three servers by their bare drivers, on a table, a topic and a collection that exist only for this."""

    def __init__(self, postgres: asyncpg.Connection, producer: AIOKafkaProducer, consumer: Any, prices: Any) -> None:
        self._postgres = postgres
        self._producer = producer
        self._consumer = consumer
        self._prices = prices

    async def insert(self, reports: Sequence[dict[str, Any]]) -> None:
        """The reports' rows in one committed statement."""
        await self._postgres.execute(INSERT, *([report[column] for report in reports] for column in COLUMNS))

    async def publish(self, reports: Sequence[dict[str, Any]]) -> None:
        """The reports as one acknowledged batch."""
        batch = self._producer.create_batch()
        for report in reports:
            batch.append(timestamp=None, key=report["station_id"].encode(), value=msgspec.json.encode(report))
        await (await self._producer.send_batch(batch, TOPIC, partition=0))

    async def consume_one(self) -> dict[str, Any]:
        """The next record of the topic."""
        record = await self._consumer.getone()
        return msgspec.json.decode(record.value)

    async def store(self, report: dict[str, Any]) -> None:
        """One price in MongoDB, majority-acknowledged and journaled."""
        key = {"_id": f"{report['station_id']}/{report['fuel']}"}
        await self._prices.update_one(key, {"$set": report}, upsert=True)

    async def changes_per_second(self, batches: Sequence[Sequence[dict[str, Any]]]) -> float:
        """How many rows a second go into Postgres and Kafka, batch by batch."""
        started = time.perf_counter()
        for batch in batches:
            await self.insert(batch)
            await self.publish(batch)
        return sum(map(len, batches)) / (time.perf_counter() - started)

    async def round_trips(self, reports: Sequence[dict[str, Any]]) -> list[float]:
        """Seconds from a report to its price in MongoDB, one after the other, through all three servers."""
        taken = []
        for report in reports:
            started = time.perf_counter()
            await self.insert([report])
            await self.publish([report])
            await self.store(await self.consume_one())
            taken.append(time.perf_counter() - started)
        return taken


@asynccontextmanager
async def floor(config: Config) -> AsyncIterator[Floor]:
    """The floor; all it made is gone afterwards."""
    admin = AdminClient(client_settings(config, load(config), KAFKA_ADMIN))
    credentials = kafka_credentials(config, KAFKA_ADMIN)
    mongo = AsyncIOMotorClient(
        service_environment(config, "stations")["STATIONS_MONGO_URL"], w="majority", journal=True
    )
    prices = mongo["stations"].bench_floor
    postgres = await asyncpg.connect(service_environment(config, "pricing")["PRICING_POSTGRES_DSN"])
    producer = AIOKafkaProducer(**credentials, acks="all", enable_idempotence=True, max_batch_size=1024 * 1024)
    consumer = AIOKafkaConsumer(**credentials, enable_auto_commit=False, auto_offset_reset="earliest")
    try:
        await _drop(admin, postgres, prices)
        admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(30)
        await postgres.execute(CREATE)
        await producer.start()
        await consumer.start()
        consumer.assign([TopicPartition(TOPIC, 0)])
        yield Floor(postgres, producer, consumer, prices)
    finally:
        await producer.stop()
        await consumer.stop()
        await _drop(admin, postgres, prices)
        await postgres.close()
        mongo.close()


async def _drop(admin: AdminClient, postgres: asyncpg.Connection, prices: Any) -> None:
    if TOPIC in admin.list_topics(timeout=30).topics:
        admin.delete_topics([TOPIC])[TOPIC].result(30)
    await postgres.execute("DROP TABLE IF EXISTS bench_floor")
    await prices.drop()
