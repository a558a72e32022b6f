"""A service on the real Postgres and Kafka as its tests talk to it, with its callers and the stations that it knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
import httpx

from schemas.events import PriceChangedV1, StationRegisteredV1
from servicekit import price_book
from servicekit.consumer import Received
from servicekit.envelope import Message
from servicekit.ids import new_id
from servicekit.postgres import Connection, PostgresStore
from servicekit.testkit import Issuer, KafkaProbe

OPERATOR = "test-operator"


@dataclass
class ServiceUnderTest:
    """The running service and what a test needs to talk to it."""

    client: httpx.AsyncClient
    process: Any
    issuer: Issuer
    settings: Any
    kafka: KafkaProbe

    driver_scopes: ClassVar[tuple[str, ...]] = ("account", "driver", "pay", "cards:secure")
    """What the app's tokens of drivers hold."""

    @property
    def store(self) -> PostgresStore:
        """The service's store."""
        return self.process.store

    def driver(self, driver_id: UUID | str | None = None, **claims: Any) -> dict[str, str]:
        """The Authorization header of a driver who signed in just now."""
        now = int(datetime.now(UTC).timestamp())
        standard = {"sub": str(driver_id or new_id()), "roles": ["driver"], "auth_time": now}
        return self.issuer.bearer(*self.driver_scopes, **standard | claims)

    def staff(self, *scopes: str, role: str = "manager", **claims: Any) -> dict[str, str]:
        """The header of a staff member of the tests' operator."""
        now = int(datetime.now(UTC).timestamp())
        grants = [{"role": role, "operators": [OPERATOR], "stations": []}]
        standard = {
            "sub": str(new_id()), "roles": [role], "operators": [OPERATOR], "grants": grants, "auth_time": now
        }  # fmt: skip
        return self.issuer.bearer(*scopes, **standard | claims)

    def machine(self, **claims: Any) -> dict[str, str]:
        """The header of the operator's station system."""
        return self.issuer.bearer("orders:write", "pumps:write", **{"operators": [OPERATOR]} | claims)

    async def station(self, price_mills: int | None = 7_850, fuel: str = "petrol_95", **fields: Any) -> UUID:
        """Makes a station in China known that sells one grade at this price, as if the events had come."""
        station_id = fields.pop("station_id", None) or new_id()
        standard = {
            "station_id": station_id, "version": 1, "operator": OPERATOR, "external_id": str(station_id),
            "name": "Test", "country": "CN", "time_zone": "Asia/Shanghai", "currency": "CNY", "lat": 39.9, "lon": 116.4,
            "occurred_at": datetime.now(UTC),
        }  # fmt: skip
        event = StationRegisteredV1(**standard | fields)
        await self.store.transact(lambda tx: price_book.record_stations(tx, [Received(event, any_message())]))
        await self.price(station_id, price_mills, fuel, currency=event.currency)
        return station_id

    async def price(
        self, station_id: UUID, price_mills: int | None, fuel: str = "petrol_95", version: int = 1,
        currency: str = "CNY",
    ) -> None:  # fmt: skip
        """Lets a price hold at a station, as if its event had come."""
        now = datetime.now(UTC)
        event = PriceChangedV1.model_validate({
            "station_id": station_id, "fuel": fuel, "version": version, "price_mills": price_mills,
            "previous_price_mills": None, "currency": currency, "report_id": "r", "effective_at": now,
            "submitted_at": now, "received_at": now,
        })  # fmt: skip
        await self.store.transact(lambda tx: price_book.record_prices(tx, [Received(event, any_message())]))

    async def sql(self, statement: str, *arguments: Any) -> Any:
        """The first value that a statement returns."""
        async with self.store.connection() as connection:
            return await connection.fetchval(statement, *arguments)

    async def rows(self, statement: str, *arguments: Any) -> list[dict[str, Any]]:
        """The rows that a statement returns."""
        async with self.store.connection() as connection:
            return [dict(row) for row in await connection.fetch(statement, *arguments)]

    async def outbox_is_empty(self) -> bool:
        """Whether the relay has published all there is."""
        return await self.sql("SELECT count(*) FROM outbox") == 0


def any_message() -> Message:
    """A message whose place does not matter."""
    return Message("stations.stations", 0, 0, None, None, {}, datetime.now(UTC))


async def tables_with_rows(connection: Connection, kept: Sequence[str]) -> list[str]:
    """What there is to empty: to look takes a millisecond, to truncate forty empty tables a tenth of a second."""
    looks = await connection.fetchval(
        """SELECT string_agg(format('SELECT %L WHERE EXISTS (SELECT FROM %I)', quote_ident(tablename), tablename),
                             ' UNION ALL ')
           FROM pg_tables WHERE schemaname = current_schema() AND NOT tablename = ANY($1)""",
        list(kept),
    )
    return [row[0] for row in await connection.fetch(looks)]


async def empty_tables(connection: Connection, kept: Sequence[str], append_only: Sequence[str]) -> None:
    """Forgets everything but what is kept.

    The running service's own tasks may hold a table for a moment, or have put rows into another one after the look:
    then it is tried again.
    """
    while tables := await tables_with_rows(connection, kept):
        try:
            async with connection.transaction():
                for table in append_only:
                    await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
                    await connection.execute(f"GRANT TRUNCATE ON {table} TO CURRENT_USER")
                await connection.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
                for table in append_only:
                    await connection.execute(f"REVOKE TRUNCATE ON {table} FROM CURRENT_USER")
                    await connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
        except asyncpg.DeadlockDetectedError:
            continue
