"""PriceChanged from Kafka to what readers see."""

import asyncio
from uuid import UUID

from schemas.events import PriceChangedV1
from servicekit.consumer import Received
from servicekit.ids import new_id
from servicekit.testkit import eventually
from stations.repository.stations import StationRepository
from stations.use_cases import stations as use_cases

from .conftest import Stations, any_message, price_changed, row


async def shown(stations: Stations, station_id: UUID) -> dict[str, int]:
    response = await stations.client.get(f"/v1/stations/{station_id}")
    return {price["fuel"]: price["price_mills"] for price in response.json()["prices"]}


async def send(stations: Stations, event: PriceChangedV1, event_id: UUID | None = None) -> None:
    """Publishes the event as pricing's relay does."""
    headers = [
        ("ce_id", str(event_id or new_id()).encode()), ("ce_type", event.type().encode()),
        ("ce_source", b"urn:forecourt:pricing"),
    ]  # fmt: skip
    await stations.kafka.send("pricing.prices", event.model_dump_json().encode(), event.key().encode(), headers)


async def record(stations: Stations, *events: PriceChangedV1) -> None:
    repository, received = StationRepository(stations.store), [Received(event, any_message()) for event in events]
    await stations.store.transact(lambda tx: use_cases.record_prices(repository, tx, received))


async def test_a_price_goes_from_kafka_to_the_search(stations: Stations) -> None:
    station_id = await stations.register()
    await send(stations, price_changed(station_id, "e5", 1_799))
    assert await eventually(lambda: shown(stations, station_id)) == {"e5": 1_799}


async def test_the_same_event_twice_and_an_older_one_later_change_nothing(stations: Stations) -> None:
    station_id, event_id = await stations.register(), new_id()
    newest = price_changed(station_id, "e5", 1_799, version=5)
    await send(stations, newest, event_id)
    await send(stations, newest, event_id)
    await send(stations, price_changed(station_id, "e5", 1_111, version=4))
    await send(stations, price_changed(station_id, "e10", 1_739))  # in order behind them: the key is the same

    async def all_came() -> bool:
        return "e10" in await shown(stations, station_id)

    await eventually(all_came)
    assert await shown(stations, station_id) == {"e5": 1_799, "e10": 1_739}
    inbox = f"stations.main|urn:forecourt:pricing|{event_id}"
    assert await stations.store.database.inbox.count_documents({"_id": inbox}) == 1


async def test_in_a_batch_the_newest_of_each_grade_wins(stations: Stations) -> None:
    first, second = await stations.register(), await stations.register()
    await record(
        stations, price_changed(first, "e5", 1, 3), price_changed(first, "e5", 2, 2), price_changed(second, "e5", 3, 1),
        price_changed(first, "e10", 4, 1), price_changed(first, "e10", 5, 2), price_changed(new_id(), "e5", 6, 1),
    )  # fmt: skip
    assert await shown(stations, first) == {"e5": 1, "e10": 5}
    assert await shown(stations, second) == {"e5": 3}


async def test_a_grade_no_longer_sold_stays_away_whatever_comes_late(stations: Stations) -> None:
    station_id = await stations.register()
    await record(stations, price_changed(station_id, "e5", 1_799, 1))
    await record(stations, price_changed(station_id, "e5", None, 3))
    await record(stations, price_changed(station_id, "e5", 1_750, 2))
    assert await shown(stations, station_id) == {}
    await record(stations, price_changed(station_id, "e5", 1_760, 4))
    assert await shown(stations, station_id) == {"e5": 1_760}


async def test_an_import_leaves_the_prices_alone(stations: Stations) -> None:
    station_id = await stations.register(external_id="a")
    await record(stations, price_changed(station_id, "e5", 1_799))
    changed = await stations.send(row(external_id="a", name="Another name"))
    assert changed.json()["counts"]["updated"] == 1
    assert await shown(stations, station_id) == {"e5": 1_799}


async def test_imports_and_price_batches_that_race_for_the_same_stations_both_come_through(stations: Stations) -> None:
    rows = [row() for _ in range(100)]
    ids = [UUID(result["station_id"]) for result in (await stations.send(*rows)).json()["results"]]

    async def import_again() -> list[str]:
        return [(await stations.send(*({**one, "name": f"name {n}"} for one in rows))).text for n in range(5)]

    async def change_prices() -> None:
        for version in range(1, 11):
            await record(stations, *(price_changed(station_id, "e5", 1_000 + version, version) for station_id in ids))

    texts, _ = await asyncio.gather(import_again(), change_prices())
    assert all('"updated":100' in text for text in texts), texts
    found = await stations.client.get("/v1/stations", params={"operator": stations.operator, "limit": 100})
    ends = {(one["name"], one["version"], one["prices"][0]["price_mills"]) for one in found.json()["stations"]}
    assert ends == {("name 4", 6, 1_010)}
