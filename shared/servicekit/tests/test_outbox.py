"""The outbox and its relay on real stores and a real broker: in order, at least once, by one relay at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import OutOfOrderSequenceNumber
from opentelemetry import propagate
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from local_stack.config import Config
from servicekit import mongo as mongo_module
from servicekit.envelope import source_of
from servicekit.ids import new_id
from servicekit.mongo import MongoOutboxQueue
from servicekit.outbox import BATCH_SIZE, Relay
from servicekit.postgres import PostgresOutboxQueue
from servicekit.settings import ServiceSettings
from servicekit.store import Store, StoreUnavailable
from servicekit.telemetry import PRODUCER_REBUILDS
from servicekit.testkit import KafkaProbe, eventually

from .conftest import Backend, MongoBackend, PostgresBackend, administrator, end, of_station, pump_event, versions
from .servers import bring_back, kill


@asynccontextmanager
async def relaying(settings: ServiceSettings, store: Store[Any]) -> AsyncIterator["asyncio.Task[None]"]:
    """A relay at work."""
    task = asyncio.create_task(Relay(settings, store).run())
    try:
        yield task
    finally:
        await end(task)


async def published(backend: Backend, store: Any, timeout_seconds: float = 15.0) -> None:
    """Waits until nothing is left in the outbox."""

    async def is_empty() -> bool:
        return await backend.outbox_size(store) == 0

    await eventually(is_empty, timeout_seconds)


async def test_order_per_key_holds_across_many_batches(backend: Backend, kafka: KafkaProbe):
    stations = [new_id() for _ in range(3)]
    per_station = BATCH_SIZE // 2 + 200
    async with backend.connect() as store, relaying(backend.settings, store):
        for first in range(1, per_station, 200):
            numbers = range(first, first + 200)
            await backend.append(store, *(pump_event(one, version) for version in numbers for one in stations))
        await published(backend, store)
    messages = await of_station(kafka, *stations)
    last = (per_station - 1) // 200 * 200 + 200
    assert 3 * last > BATCH_SIZE
    for station_id in stations:
        assert versions(messages, station_id) == list(range(1, last + 1))


async def test_what_was_committed_leaves_after_a_crash(backend: Backend, kafka: KafkaProbe):
    station_id = new_id()
    async with backend.connect() as store:
        await backend.append(store, pump_event(station_id, 1), pump_event(station_id, 2))
        assert await backend.outbox_size(store) == 2
    async with backend.connect() as store, relaying(backend.settings, store):
        await published(backend, store)
    assert versions(await of_station(kafka, station_id), station_id) == [1, 2]


async def test_what_was_rolled_back_never_leaves(backend: Backend):
    async with backend.connect() as store:

        async def fail(tx: Any) -> None:
            await backend.note(store, tx, "never")
            raise RuntimeError("after the writes")

        with pytest.raises(RuntimeError):
            await store.transact(fail)
        assert await backend.notes(store) == []
        assert await backend.outbox_size(store) == 0


async def test_a_crash_between_sending_and_marking_sends_again_with_the_same_id(
    backend: Backend, kafka: KafkaProbe, monkeypatch: pytest.MonkeyPatch
):
    queue = PostgresOutboxQueue if isinstance(backend, PostgresBackend) else MongoOutboxQueue
    mark, failures = queue.mark_published, [StoreUnavailable("gone after sending")]

    async def fail_once(self: Any, done: Any, published_at: datetime) -> None:
        if failures:
            raise failures.pop()
        await mark(self, done, published_at)

    monkeypatch.setattr(queue, "mark_published", fail_once)
    station_id = new_id()
    async with backend.connect() as store:
        await backend.append(store, pump_event(station_id, 1), pump_event(station_id, 2))
        async with relaying(backend.settings, store):
            await published(backend, store)
    messages = await of_station(kafka, station_id)
    assert versions(messages, station_id) == [1, 2, 1, 2]
    ids = [message.identity for message in messages]
    assert ids[:2] == ids[2:]


async def test_a_second_relay_waits_and_takes_over_in_order(backend: Backend, kafka: KafkaProbe):
    """Each relay names its service as the source, so the records tell who sent them."""
    station_id, names = new_id(), [f"kit-{new_id()}", f"kit-{new_id()}"]
    first, second = (backend.settings.model_copy(update={"service": name}) for name in names)
    async with backend.connect() as store, backend.connect() as other:
        async with relaying(first, store):
            await backend.append(store, pump_event(station_id, 1))
            await published(backend, store)
            task = asyncio.create_task(Relay(second, other).run())
            for version in range(2, 40):
                await backend.append(store, pump_event(station_id, version))
            await published(backend, store)
        await backend.append(store, pump_event(station_id, 40))
        await published(backend, store)
        await end(task)
    messages = await of_station(kafka, station_id)
    assert versions(messages, station_id) == list(range(1, 41))
    sources = [message.identity[0] for message in messages]
    assert sources == [source_of(names[0])] * 39 + [source_of(names[1])]


async def test_a_relay_whose_connection_dies_gives_way(
    postgres: PostgresBackend, kafka: KafkaProbe, infrastructure: Config
):
    station_id = new_id()
    async with (
        postgres.connect() as store, relaying(postgres.settings, store), relaying(postgres.settings, store)
    ):  # fmt: skip
        await postgres.append(store, pump_event(station_id, 1))
        await published(postgres, store)
        async with store.connection() as connection:
            lock = await connection.fetchval("SELECT hashtextextended(current_schema() || '.outbox', 0)")
        async with administrator(infrastructure) as admin:  # services of other tests may hold locks of their own
            ended = await admin.fetch(
                """SELECT pg_terminate_backend(pid, 5000) AS ended FROM pg_locks
                   WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) | objid::bigint = $1""",
                lock,
            )
        assert [row["ended"] for row in ended] == [True]
        await postgres.append(store, pump_event(station_id, 2))
        await published(postgres, store)
    assert versions(await of_station(kafka, station_id), station_id) == [1, 2]


async def test_a_lease_is_for_one_and_runs_out_when_its_holder_dies(
    mongo: MongoBackend, kafka: KafkaProbe, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mongo_module, "LEASE_SECONDS", 1.0)
    station_id = new_id()
    async with mongo.connect() as store:
        holder = MongoOutboxQueue(store.database, asyncio.Event())
        assert await holder.renew_lease()
        assert await holder.renew_lease()
        assert not await MongoOutboxQueue(store.database, asyncio.Event()).renew_lease()
        await mongo.append(store, pump_event(station_id))
        async with relaying(mongo.settings, store):  # the holder has died: it renews no more
            await published(mongo, store)
            with pytest.raises(StoreUnavailable, match="lease went to another"):
                await holder.pending(1)
        lease = await store.database.leases.find_one({})
        assert lease is None, "a relay that ends in peace leaves the lease to the next"
    assert versions(await of_station(kafka, station_id), station_id) == [1]


async def test_a_holder_that_ends_does_not_take_the_lease_of_its_successor_with_it(mongo: MongoBackend):
    async with mongo.connect() as store:
        former, present = (MongoOutboxQueue(store.database, asyncio.Event()) for _ in range(2))
        assert await former.renew_lease()
        await store.database.leases.update_one({}, {"$set": {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}})
        assert await present.renew_lease()
        await former.release_lease()
        assert await present.renew_lease()
        assert not await former.renew_lease()


async def test_the_trace_is_the_writers(backend: Backend, kafka: KafkaProbe):
    """The relay runs in no trace, or in another one."""
    station_id, other = new_id(), new_id()
    span = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1)))
    async with backend.connect() as store:
        with use_span(span):
            carrier: dict[str, str] = {}
            propagate.inject(carrier)
            await backend.append(store, pump_event(station_id))
        await backend.append(store, pump_event(other))
        with use_span(NonRecordingSpan(SpanContext(0x123, 0x456, is_remote=False, trace_flags=TraceFlags(1)))):
            async with relaying(backend.settings, store):
                await published(backend, store)
    [traced], [untraced] = await of_station(kafka, station_id), await of_station(kafka, other)
    assert traced.traceparent == carrier["traceparent"]
    assert untraced.traceparent is None


async def test_a_producer_that_can_no_longer_send_is_replaced(
    postgres: PostgresBackend, kafka: KafkaProbe, monkeypatch: pytest.MonkeyPatch
):
    """aiokafka #1017: after this error the producer never sends again."""
    send, producers = AIOKafkaProducer.send_batch, []

    async def fail_for_the_first(self: AIOKafkaProducer, *args: Any, **fields: Any) -> Any:
        producers.append(self)
        if self is producers[0]:
            raise OutOfOrderSequenceNumber
        return await send(self, *args, **fields)

    monkeypatch.setattr(AIOKafkaProducer, "send_batch", fail_for_the_first)
    station_id = new_id()
    async with postgres.connect() as store, relaying(postgres.settings, store):
        await postgres.append(store, pump_event(station_id))
        await published(postgres, store)
    assert len(set(map(id, producers))) == 2
    assert PRODUCER_REBUILDS.labels(postgres.settings.service)._value.get() == 1
    assert versions(await of_station(kafka, station_id), station_id) == [1]


async def test_a_killed_broker_loses_nothing(postgres: PostgresBackend, kafka: KafkaProbe, infrastructure: Config):
    """Kill -9 while the relay works; what was not acknowledged is sent again by a new producer, in order."""
    station_id = new_id()
    async with postgres.connect() as store, relaying(postgres.settings, store):
        await postgres.append(store, *(pump_event(station_id, version) for version in range(1, 1001)))
        await kill(infrastructure, "kafka")
        try:
            await postgres.append(store, *(pump_event(station_id, version) for version in range(1001, 2001)))
        finally:
            await bring_back(infrastructure)
        await postgres.append(store, pump_event(station_id, 2001))
        await published(postgres, store, timeout_seconds=60)
    seen: dict[tuple[str, str], int] = {}
    for message, version in zip(
        messages := await of_station(kafka, station_id), versions(messages, station_id), strict=True
    ):
        seen.setdefault(message.identity, version)
    assert list(seen.values()) == list(range(1, 2002))
