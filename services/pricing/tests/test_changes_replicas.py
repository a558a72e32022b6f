"""Planned price changes with two replicas, real processes, one of them killed at the moment: each fires once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from pricing.settings import Settings
from schemas.events import PriceChangedV1
from servicekit.ids import new_id
from servicekit.postgres import PostgresStore
from servicekit.testkit import Issuer, KafkaProbe, eventually

from .conftest import OPERATOR, Pricing
from .replicas import Replica, make_replica

START_SECONDS = 60
ROUNDS_MS = (-20, 0, 10)
"""When the victim of each round dies, before or after the moment."""


@dataclass
class Pair(Pricing):
    """Two replicas, seen as one service."""

    replicas: list[Replica]
    log: Path

    async def ready(self) -> None:
        """Starts what does not run, and waits for both."""
        for replica in self.replicas:
            if replica.process is None or replica.process.returncode is not None:
                await replica.start(self.log)
        for replica in self.replicas:
            assert await eventually(replica.is_ready, START_SECONDS), self.log.read_text()

    async def plan(self, station_ids: list[UUID], price_mills: int, moment: datetime) -> set[str]:
        """Plans one price for all stations; the ids of the changes."""
        body = {
            "station_ids": [str(it) for it in station_ids], "fuel": "e5", "price_mills": price_mills, "currency": "EUR",
            "effective_at": moment.isoformat(),
        }  # fmt: skip
        headers = self.issuer.bearer("price-changes:write", operators=[OPERATOR]) | {"Idempotency-Key": str(new_id())}
        reply = await self.client.post("/v1/price-changes", json=body, headers=headers)
        assert reply.status_code == 201, reply.text
        return {it["change_id"] for it in reply.json()["price_changes"]}

    async def statuses(self, change_ids: set[str]) -> set[str]:
        """The states of the changes."""
        async with self.store.connection() as connection:
            rows = await connection.fetch(
                "SELECT DISTINCT status FROM price_changes WHERE change_id = ANY($1)", list(change_ids)
            )
        return {row["status"] for row in rows}

    async def have_fired(self, change_ids: set[str]) -> None:
        """Waits until all have fired."""

        async def fired() -> bool:
            return await self.statuses(change_ids) == {"fired"}

        assert await eventually(fired), await self.statuses(change_ids)

    async def events_of(self, change_ids: set[str]) -> list[PriceChangedV1]:
        """The events that the changes made; one that a dying relay sent twice has one id."""
        await eventually(self.outbox_is_empty)
        by_id = {m.headers["ce_id"]: m.event() for m in await self.kafka.read("pricing.prices")}
        return [e for e in by_id.values() if isinstance(e, PriceChangedV1) and e.report_id in change_ids]


@asynccontextmanager
async def connected(
    settings: Settings, issuer: Issuer, kafka: KafkaProbe, pair: list[Replica], log: Path
) -> AsyncIterator[Pair]:  # fmt: skip
    async with PostgresStore.connect(settings) as store, httpx.AsyncClient(base_url=pair[0].url) as client:
        yield Pair(client, store, issuer, settings, kafka, pair, log)


@pytest.fixture
async def pair(
    environment: dict[str, str], settings: Settings, issuer: Issuer, kafka: KafkaProbe, tmp_path: Path
) -> AsyncIterator[Pair]:
    replicas = [make_replica(f"replica-{number}", environment, issuer) for number in (1, 2)]
    try:
        async with connected(settings, issuer, kafka, replicas, tmp_path / "log") as pair:
            await pair.ready()
            yield pair
    finally:
        for replica in replicas:
            await replica.kill()


async def test_the_other_replica_fires_what_a_killed_one_held_in_its_hands(pair: Pair):
    """The test holds the station, so that the one that fires waits in the middle of its transaction, and dies there."""
    station_id = await pair.register()
    changes = await pair.plan([station_id], 1_720, datetime.now(UTC) + timedelta(hours=1))

    async def firing() -> str | None:
        async with pair.store.connection() as connection:
            return await connection.fetchval(
                """SELECT application_name FROM pg_stat_activity
                   WHERE application_name LIKE 'replica-%' AND wait_event_type = 'Lock' AND query LIKE '%stations%'"""
            )

    async with pair.store.connection() as held, held.transaction():
        await held.execute("SELECT FROM stations WHERE station_id = $1 FOR UPDATE", station_id)
        await pair.make_due(*changes)
        victim = await eventually(firing)
        await next(replica for replica in pair.replicas if replica.name == victim).kill()
        assert await pair.statuses(changes) == {"scheduled"}
    await pair.have_fired(changes)
    [event] = await pair.events_of(changes)
    assert (event.station_id, event.price_mills, event.version) == (station_id, 1_720, 1)


async def test_replicas_that_die_around_the_moment_fire_each_change_once(pair: Pair):
    station_ids = [await pair.register() for _ in range(20)]
    planned: set[str] = set()
    for number, offset_ms in enumerate(ROUNDS_MS):
        await pair.ready()
        moment = datetime.now(UTC) + timedelta(seconds=0.7)
        planned |= await pair.plan(station_ids, 1_700 + number, moment)
        death = moment + timedelta(milliseconds=offset_ms)

        async def has_come(death: datetime = death) -> bool:
            return datetime.now(UTC) >= death

        await eventually(has_come)
        await pair.replicas[number % 2].kill()
        await pair.have_fired(planned)
    events = await pair.events_of(planned)
    assert sorted((e.station_id, e.price_mills, e.version) for e in events) == sorted(
        (station_id, 1_700 + number, number + 1) for station_id in station_ids for number in range(len(ROUNDS_MS))
    )
    async with pair.store.connection() as connection:
        fired = await connection.fetch(
            "SELECT fired_at - due_at AS late FROM price_changes WHERE change_id = ANY($1)", list(planned)
        )
    assert all(row["late"] >= timedelta(0) for row in fired)
