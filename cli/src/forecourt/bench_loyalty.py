"""`bench loyalty`: paid orders turned into points, balances made anew, and quotes (see bench_quotes).

Orders are taken in as loyalty's consumer takes them, from the record's bytes to the commit, by one process with one
connection, so that Python and Postgres take turns: the work of one core. How much that is says their processor time,
whatever else the machine does. The floor is the same rows copied into tables with the same indexes, batch by batch in
turn with the orders. Both in a database that exists only for the benchmark.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import psutil
from pydantic import SecretStr

from forecourt.bench_quotes import measure_quotes
from forecourt.bench_reserved import SetAside, make_template, require_all_spent, set_aside
from local_stack.config import Config, StackError
from local_stack.environment import service_environment
from local_stack.postgres import SUPERUSER, dsn
from local_stack.secrets import load
from loyalty.consumer import subscriptions
from loyalty.domain.terms import PointsMultiplier, Scope, Stacking, stored
from loyalty.repository import points as ledger
from loyalty.settings import Settings
from loyalty.use_cases.batches import lock_all
from loyalty.use_cases.context import Loyalty
from schemas.events import OrderPaidV1
from servicekit.consumer import Received
from servicekit.envelope import Message, to_record
from servicekit.ids import new_id
from servicekit.migrations import folder_of, migrate_postgres
from servicekit.postgres import Connection, PostgresStore
from servicekit.testkit import settings_from

BATCH = 2_000
BATCHES, WARM_UP, RESERVED_BATCHES = 12, 2, 4
DRIVERS, STATIONS, OPERATORS, CAMPAIGNS = 20_000, 400, 20, 10
"""Campaigns of each operator that multiply points."""
WANTED_RATE = 2_000.0
ENTRIES, ENTRY_DRIVERS, ENTRY_CHUNKS = 1_000_000, 50_000, 10
TABLES = ("inbox", "purchases", "transfers", "lots", "postings", "outbox")
"""What an order adds rows to; of `members` and `member_months` it changes one each."""

Figures = list[dict[str, Any]]


class Seconds(NamedTuple):
    """By the clock, and of a processor: the process's own, and that of its connection's server process."""

    clock: float
    processor: float

    def __add__(self, other: "Seconds") -> "Seconds":  # pyright: ignore[reportIncompatibleMethodOverride] - not as tuples do
        return Seconds(self.clock + other.clock, self.processor + other.processor)


class Watch:
    """Measures what is spent from one look to the next."""

    def __init__(self, server_process: int) -> None:
        self._processes = (psutil.Process(), psutil.Process(server_process))
        self._seen = self._now()

    def _now(self) -> Seconds:
        times = [one.cpu_times() for one in self._processes]
        return Seconds(perf_counter(), sum(one.user + one.system for one in times))

    def look(self) -> Seconds:
        """What was spent since the last time."""
        before, self._seen = self._seen, self._now()
        return Seconds(self._seen.clock - before.clock, self._seen.processor - before.processor)


async def measure_loyalty(config: Config) -> Figures:
    """All figures about loyalty."""
    async with _database(config) as url:
        accrual = await _accrual_figures(config, url)
    async with _database(config) as url:
        rebuilding = await _rebuild_figures(url)
    reserved: Figures = []
    for what in SetAside:
        async with _database(config) as url:
            reserved += await _reserved_figures(config, url, what)
    return accrual + rebuilding + reserved + await measure_quotes(config)


@asynccontextmanager
async def _database(config: Config) -> AsyncIterator[str]:
    """An empty database with the schema of loyalty; it is gone afterwards."""
    url, name = dsn(config, load(config), SUPERUSER), f"bench_{new_id().hex}"
    administrator = await asyncpg.connect(url)
    try:
        await administrator.execute(f"CREATE DATABASE {name}")
        try:
            own = f"{url.rpartition('/')[0]}/{name}"
            await migrate_postgres(own, folder_of("loyalty"))
            yield own
        finally:
            await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await administrator.close()


async def _accrual_figures(config: Config, url: str) -> Figures:
    settings = settings_from(
        Settings, service_environment(config, "loyalty"), postgres_dsn=SecretStr(url), postgres_pool_size=1
    )
    async with PostgresStore.connect(settings) as store:
        loyalty = Loyalty(settings, store)
        world = await store.transact(_make_world)
        async with store.connection() as connection:
            watch = Watch(connection.get_server_pid())
        taken, copied, rows = Seconds(0, 0), Seconds(0, 0), 0
        for number in range(BATCHES):
            seconds, transaction = await _take_batch(loyalty, world.messages(number), watch)
            again, count = await _copy_batch(store, transaction, watch)
            if number >= WARM_UP:
                taken, copied, rows = taken + seconds, copied + again, rows + count
        await store.transact(_require_all_posted)
    return _accrued(taken, copied, rows)


async def _reserved_figures(config: Config, url: str, what: SetAside) -> Figures:
    """The same orders, for each of which something was set aside."""
    settings = settings_from(
        Settings, service_environment(config, "loyalty"), postgres_dsn=SecretStr(url), postgres_pool_size=1
    )
    taken = Seconds(0, 0)
    async with PostgresStore.connect(settings) as store:
        loyalty = Loyalty(settings, store)
        world, template_id = await store.transact(_make_world), await store.transact(make_template)
        async with store.connection() as connection:
            watch = Watch(connection.get_server_pid())
        for number in range(RESERVED_BATCHES):
            plain = world.messages(number)
            messages = await store.transact(lambda tx, plain=plain: set_aside(tx, template_id, plain, what))
            seconds, _ = await _take_batch(loyalty, messages, watch)
            taken += seconds if number else Seconds(0, 0)  # the first one warms up
        await store.transact(lambda tx: require_all_spent(tx, RESERVED_BATCHES * BATCH))
    rate = (RESERVED_BATCHES - 1) * BATCH / taken.processor
    figure = f"paid orders turned into points, each with {what}; by one core's time"
    return [{"figure": figure, "value": rate, "unit": "/s", "floor": None, "ratio": None, "wanted": "", "kept": None}]


def _accrued(taken: Seconds, copied: Seconds, rows: int) -> Figures:
    orders = (BATCHES - WARM_UP) * BATCH
    what = f"paid orders turned into points, floor: their rows ({rows / orders:.1f} each) copied"
    rate, floor = orders / taken.processor, orders / copied.processor
    clock, clock_floor = orders / taken.clock, orders / copied.clock
    return [
        {"figure": f"{what}; by one core's time", "value": rate, "unit": "/s", "floor": floor, "ratio": rate / floor,
         "wanted": f">= {WANTED_RATE:,.0f}/s", "kept": rate >= WANTED_RATE},
        {"figure": f"{what}; by the clock, one batch after the other", "value": clock, "unit": "/s",
         "floor": clock_floor, "ratio": clock / clock_floor, "wanted": "", "kept": None},
    ]  # fmt: skip


@dataclass(frozen=True)
class World:
    """Whom and where the orders are of."""

    drivers: Sequence[str]
    stations: Sequence[UUID]

    def messages(self, number: int) -> list[Message]:
        """A batch of paid orders, as records of the topic; a driver comes again after some batches."""
        now = datetime.now(UTC)
        return [self._message(number * BATCH + place, now) for place in range(BATCH)]

    def _message(self, number: int, now: datetime) -> Message:
        place = number * 7 % STATIONS
        event = OrderPaidV1.model_validate({
            "order_id": new_id(), "version": 4, "driver_id": self.drivers[number * 13 % DRIVERS],
            "station_id": self.stations[place], "operator": f"bench-{place % OPERATORS}", "pump_id": "1",
            "fuel": "petrol_95", "mode": "post_pay", "price_mills": 7_850, "currency": "CNY", "occurred_at": now,
            "volume_ml": 30_000, "gross_minor": 23_550, "paid_minor": 23_050, "method": "wechat",
            "breakdown": [{"kind": "campaign", "reason": "5 off", "amount_minor": 500, "reference": str(new_id())}],
        })  # fmt: skip
        record = to_record(event, None)
        headers = {"ce_type": record.type, "ce_source": "urn:forecourt:payments", "ce_id": str(new_id())}
        return Message(record.topic, 0, number, record.key.encode(), record.payload, headers, now)


async def _make_world(tx: Connection) -> World:
    """Drivers who fuelled before, stations, campaigns that multiply points, and empty tables to copy into."""
    world = World([str(new_id()) for _ in range(DRIVERS)], [new_id() for _ in range(STATIONS)])
    await tx.execute("INSERT INTO members (driver_id) SELECT * FROM unnest($1::text[])", world.drivers)
    await tx.execute(
        """INSERT INTO stations (station_id, operator, name, country, time_zone, currency, closed, version)
           SELECT id, 'bench-' || (place - 1) % $2, 'Bench', 'CN', 'Asia/Shanghai', 'CNY', false, 1
           FROM unnest($1::uuid[]) WITH ORDINALITY AS s (id, place)""",
        world.stations, OPERATORS,
    )  # fmt: skip
    terms = [stored(PointsMultiplier(20_000)), stored(Scope(tiers=("gold",))), stored(Stacking())]
    await tx.executemany(
        """INSERT INTO campaigns (campaign_id, status, operator, name, benefit, scope, stacking, starts_at, created_by)
           VALUES ($1, 'live', $2, 'Bench', $3, $4, $5, $6, 'bench')""",
        [
            (new_id(), f"bench-{number % OPERATORS}", *terms, datetime.now(UTC) - timedelta(days=1))
            for number in range(OPERATORS * CAMPAIGNS)
        ],
    )
    for table in TABLES:
        await tx.execute(f"CREATE TABLE copy_of_{table} (LIKE {table} INCLUDING ALL EXCLUDING IDENTITY)")
    return world


async def _take_batch(loyalty: Loyalty, messages: Sequence[Message], watch: Watch) -> tuple[Seconds, int]:
    """Takes the records in as the consumer does: what it took, and the transaction's number."""
    await loyalty.campaigns.read()
    await loyalty.earning.read()
    handler = subscriptions(loyalty)[OrderPaidV1]
    watch.look()
    received = [Received(event, message) for message in messages if (event := message.event())]

    async def handle(tx: Connection) -> int:
        await loyalty.store.first_seen(tx, "loyalty.main", messages, expect_new=True)
        await lock_all(loyalty, tx, received)
        await handler(tx, received)
        (row,) = await tx.fetch("SELECT pg_current_xact_id()::text::bigint")
        return row[0]

    transaction = await loyalty.store.transact(handle)
    return watch.look(), transaction


async def _copy_batch(store: PostgresStore, transaction: int, watch: Watch) -> tuple[Seconds, int]:
    """Copies the rows that the transaction added: what it took, and how many they are."""
    async with store.connection() as connection:
        rows = {
            table: await connection.fetch(f"SELECT * FROM {table} WHERE xmin::text::bigint = $1", transaction)  # noqa: S608 - a constant
            for table in TABLES
        }

    async def copy(tx: Connection) -> None:
        for table, found in rows.items():
            await tx.copy_records_to_table(f"copy_of_{table}", records=[tuple(row) for row in found])

    watch.look()
    await store.transact(copy)
    return watch.look(), sum(map(len, rows.values()))


async def _require_all_posted(tx: Connection) -> None:
    """StackError unless each order has its points, and the books add up."""
    posted = await tx.fetchval("SELECT count(*) FROM transfers WHERE points = 230")
    if posted != BATCHES * BATCH or await ledger.check(tx):
        raise StackError(f"the points do not add up after the benchmark: {posted:,} orders have theirs")


async def _rebuild_figures(url: str) -> Figures:
    """All lots and balances were lost, and are made anew from the postings."""
    connection = await asyncpg.connect(url)
    try:
        await _fill_ledger(connection)
        began = perf_counter()
        async with connection.transaction():
            await ledger.rebuild(connection)
        took = perf_counter() - began
        if await ledger.check(connection):
            raise StackError("the points do not add up after they were made anew")
    finally:
        await connection.close()
    return [{
        "figure": f"lots and balances of {ENTRY_DRIVERS:,} drivers made anew from {ENTRIES:,} entries", "value": took,
        "unit": "s", "floor": None, "ratio": None, "wanted": "", "kept": None,
    }]  # fmt: skip


async def _fill_ledger(connection: asyncpg.Connection) -> None:
    """Entries of drivers who are nobody, as if they had been posted; what is kept of their sums is nothing."""
    await connection.execute(
        "INSERT INTO members (driver_id) SELECT 'bench-' || d FROM generate_series(1, $1) AS d", ENTRY_DRIVERS
    )
    for chunk in range(ENTRY_CHUNKS):
        await connection.execute(
            """WITH entries AS MATERIALIZED (
                   SELECT 'bench-' || e % $2 + 1 AS driver_id, e / $2 + 1 AS version, gen_random_uuid() AS transfer_id,
                          gen_random_uuid() AS lot_id
                   FROM generate_series($1::int, $1 + $3 - 1) AS e
               ), of_lots AS (
                   INSERT INTO lots (lot_id, driver_id, remaining, expires_at)
                   SELECT lot_id, driver_id, 0, now() + interval '2 years' FROM entries
               ), posted AS (
                   INSERT INTO transfers (transfer_id, key, driver_id, version, kind, reason, points, balance, at)
                   SELECT transfer_id, transfer_id::text, driver_id, version, 'accrued', 'order', 10, 10 * version,
                          now() FROM entries
               ) INSERT INTO postings (transfer_id, account, lot_id, points)
                 SELECT transfer_id, 'driver', lot_id, 10 FROM entries
                 UNION ALL SELECT transfer_id, 'issued', NULL, -10 FROM entries""",
            chunk * (ENTRIES // ENTRY_CHUNKS), ENTRY_DRIVERS, ENTRIES // ENTRY_CHUNKS,
        )  # fmt: skip
    await connection.execute("ANALYZE")
