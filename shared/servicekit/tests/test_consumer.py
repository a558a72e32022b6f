"""The consumer loop on real stores and a real broker: each event once, poison aside, outages waited for."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from local_stack.config import Config
from schemas.events import PriceReportsSubmittedV1, PumpStatusChangedV1
from schemas.examples import golden_records
from servicekit.auth import Verifier
from servicekit.consumer import HANDLER_ATTEMPTS, Consumer, Handler, Received
from servicekit.envelope import Headers
from servicekit.ids import new_id
from servicekit.telemetry import CONSUMER_PAUSES, DEAD_LETTERS
from servicekit.testkit import KafkaProbe, eventually, running_issuer

from .conftest import TOPIC, Backend, end, headers, pump_event
from .servers import bring_back, kill


class Recorder:
    """A handler that notes the versions of one station's events, and fails on some of them."""

    def __init__(self, backend: Backend, store: Any, station_id: UUID) -> None:
        self.tries: Counter[int] = Counter()
        self.failures: Counter[int] = Counter()
        """How often each version still fails."""
        self._backend, self._store, self._station_id = backend, store, station_id

    async def __call__(self, tx: Any, received: Sequence[Received]) -> None:
        """Notes all of a batch, or raises."""
        numbers = [one.event.version for one in received if one.event.station_id == self._station_id]
        if not numbers:
            return
        self.tries.update(numbers)
        await self._backend.note(self._store, tx, *map(str, numbers))
        for number in numbers:
            if self.failures[number] > 0:
                self.failures[number] -= 1
                raise ValueError(f"version {number} is poison")

    async def noted(self) -> list[int]:
        """The versions whose effect is there."""
        return [int(text) for text in await self._backend.notes(self._store)]


@asynccontextmanager
async def consuming(backend: Backend, store: Any, handler: Handler) -> AsyncIterator[Consumer]:
    """A consumer at work."""
    consumer = Consumer(backend.settings, store, {PumpStatusChangedV1: handler}, Verifier(backend.settings))
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        await end(task)


async def send(kafka: KafkaProbe, station_id: UUID, *versions: int) -> None:
    """Events of a station, straight onto the topic."""
    for version in versions:
        event = pump_event(station_id, version)
        await kafka.send(TOPIC, event.model_dump_json().encode(), event.key().encode(), headers(event))


async def noted(recorder: Recorder, versions: Sequence[int], timeout_seconds: float = 20.0) -> None:
    """Waits until these and no other effects are there."""

    async def complete() -> bool:
        return sorted(await recorder.noted()) == sorted(versions)

    await eventually(complete, timeout_seconds)


async def buried(store: Any, station_id: UUID) -> list[Any]:
    """The station's dead letters."""
    return [one for one in await store.dead_letters(None, 1000) if one.message.key == str(station_id).encode()]


async def test_poison_is_set_aside_and_the_rest_is_handled_once(backend: Backend, kafka: KafkaProbe):
    station_id = new_id()
    await send(kafka, station_id, 1, 2, 3, 4)
    async with backend.connect() as store:
        recorder = Recorder(backend, store, station_id)
        recorder.failures[2] = 1_000
        async with consuming(backend, store, recorder) as consumer:
            await noted(recorder, [1, 3, 4])

            async def one_letter() -> bool:
                return len(await buried(store, station_id)) == 1

            await eventually(one_letter)
        [letter] = await buried(store, station_id)
    assert recorder.tries[2] <= HANDLER_ATTEMPTS + 1
    assert (letter.consumer, letter.status, letter.attempts) == (consumer.group, "waiting", 0)
    assert "version 2 is poison" in letter.error
    assert letter.message.headers["ce_type"] == PumpStatusChangedV1.type()
    assert DEAD_LETTERS.labels(backend.settings.service, TOPIC)._value.get() >= 1


async def test_a_handler_that_recovers_within_its_retries_leaves_no_dead_letter(postgres: Backend, kafka: KafkaProbe):
    station_id = new_id()
    await send(kafka, station_id, 1, 2)
    async with postgres.connect() as store:
        recorder = Recorder(postgres, store, station_id)
        recorder.failures[2] = HANDLER_ATTEMPTS - 1
        async with consuming(postgres, store, recorder):
            await noted(recorder, [1, 2])
        assert await buried(store, station_id) == []


async def test_what_is_no_event_is_set_aside_and_what_is_unknown_is_passed_over(postgres: Backend, kafka: KafkaProbe):
    station_id = new_id()
    key = str(station_id).encode()
    good = pump_event(station_id)
    records: dict[str, tuple[bytes, Headers]] = {
        "no JSON": (b"{", headers(good)),
        "a wrong field": (good.model_dump_json().replace('"free"', '"asleep"').encode(), headers(good)),
        "no headers": (b"{}", []),
        "a newer type": (b"{}", headers(good, ce_type="forecourt.stations.PumpExploded.v9")),
    }
    for value, its_headers in records.values():
        await kafka.send(TOPIC, value, key, its_headers)
    await send(kafka, station_id, 7)
    async with postgres.connect() as store:
        recorder = Recorder(postgres, store, station_id)
        async with consuming(postgres, store, recorder):
            await noted(recorder, [7])
        letters = await buried(store, station_id)
    assert {letter.message.value for letter in letters} == {records[name][0] for name in list(records)[:3]}
    assert len(letters) == 3


async def test_the_same_event_sent_twice_is_handled_once_also_after_a_restart(backend: Backend, kafka: KafkaProbe):
    station_id, event_id = new_id(), new_id()
    event = pump_event(station_id, 1)

    async def send_again() -> None:
        await kafka.send(TOPIC, event.model_dump_json().encode(), event.key().encode(), headers(event, event_id))

    for _ in range(2):
        await send_again()
    async with backend.connect() as store:
        recorder = Recorder(backend, store, station_id)
        async with consuming(backend, store, recorder):
            await noted(recorder, [1])
    await send_again()
    await send(kafka, station_id, 2)
    async with backend.connect() as store:
        recorder = Recorder(backend, store, station_id)
        async with consuming(backend, store, recorder):
            await noted(recorder, [1, 2])


async def test_a_killed_database_pauses_the_consumer_and_is_never_poison(
    backend: Backend, kafka: KafkaProbe, infrastructure: Config, request: pytest.FixtureRequest
):
    server = request.node.callspec.params["backend"]
    station_id = new_id()
    pauses = CONSUMER_PAUSES.labels(backend.settings.service)._value
    async with backend.connect() as store:
        recorder = Recorder(backend, store, station_id)
        async with consuming(backend, store, recorder) as consumer:
            await send(kafka, station_id, 1)
            await noted(recorder, [1])
            await kill(infrastructure, server)
            try:
                await send(kafka, station_id, 2, 3)

                async def pauses_now() -> bool:
                    return pauses.get() >= 1

                await eventually(pauses_now, 30)
                assert consumer.seconds_without_progress() < 30
            finally:
                await bring_back(infrastructure)
            await noted(recorder, [1, 2, 3], 30)
        assert await buried(store, station_id) == []


async def test_a_rebalance_loses_and_doubles_nothing(backend: Backend, kafka: KafkaProbe):
    """Two members share the partitions, one leaves, the other takes over."""
    station_ids = [new_id() for _ in range(12)]
    handled: dict[str, list[UUID]] = {"first": [], "second": []}

    def handler(store: Any, member: str) -> Handler:
        async def note(tx: Any, received: Sequence[Received]) -> None:
            ours = [one.event for one in received if one.event.station_id in station_ids]
            if ours:
                await backend.note(store, tx, *(f"{event.station_id}/{event.version}" for event in ours))
                handled[member] += [event.station_id for event in ours]

        return note

    async def send_round(version: int) -> None:
        for station_id in station_ids:
            await send(kafka, station_id, version)

    async with backend.connect() as store, backend.connect() as other:

        async def all_noted(rounds: int) -> bool:
            return len(await backend.notes(store)) >= rounds * len(station_ids)

        async with consuming(backend, store, handler(store, "first")):
            async with consuming(backend, other, handler(other, "second")):
                rounds = 0
                while not (handled["first"] and handled["second"]):
                    rounds += 1
                    assert rounds < 40, "the two members never shared the work"
                    await send_round(rounds)
                    await eventually(lambda rounds=rounds: all_noted(rounds))
                await send_round(rounds + 1)
            await send_round(rounds + 2)
            await eventually(lambda: all_noted(rounds + 2), 30)
        notes = await backend.notes(store)
    expected = {f"{station_id}/{version}" for station_id in station_ids for version in range(1, rounds + 3)}
    assert sorted(notes) == sorted(expected)


async def test_a_token_check_that_is_away_pauses_the_consumer(postgres: Backend, kafka: KafkaProbe):
    """Reports from outside carry a token; while its issuer's keys cannot be had, nothing is set aside."""
    record = golden_records()[PriceReportsSubmittedV1]["full"]
    key, senders = str(new_id()).encode(), []

    async def take(_: Any, received: Sequence[Received]) -> None:
        senders.extend(one.sender.subject for one in received if one.sender and one.message.key == key)

    async with running_issuer() as issuer:
        token = issuer.token("prices:write", sub="a-station-system")
        port = int(issuer.url.rpartition(":")[2])
    event = PriceReportsSubmittedV1(**record["value"])
    sent = event.model_dump_json().encode()
    await kafka.send("pricing.reports", sent, key, headers(event, authorization=f"Bearer {token}"))
    settings = postgres.settings.model_copy(update={"issuer": issuer.url, "jwks_url": issuer.jwks_url})
    pauses = CONSUMER_PAUSES.labels(settings.service)._value
    async with postgres.connect() as store:
        consumer = Consumer(settings, store, {PriceReportsSubmittedV1: take}, Verifier(settings))
        task = asyncio.create_task(consumer.run())

        async def pauses_now() -> bool:
            return pauses.get() >= 1

        await eventually(pauses_now)
        async with running_issuer(issuer.key, port):

            async def taken() -> bool:
                return senders == ["a-station-system"]

            await eventually(taken, 30)
        await end(task)
        assert [one for one in await store.dead_letters(None, 1000) if one.message.key == key] == []
