"""Price alerts: once for each crossing, whatever comes twice, late or in between, on the real stores."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest
from asyncpg import LockNotAvailableError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricing.consumer import TAKE_STATIONS
from pricing.domain.alerts import Alert, News, Wish
from pricing.settings import Settings
from pricing.use_cases.alerts import set_alert, take_price_changes
from pricing.use_cases.reports import submit_reports, to_reports
from pricing.use_cases.rules import seed_rules
from pricing.use_cases.stations import record_stations
from schemas.events import PriceAlertFiredV1, PriceChangedV1, PriceReport, StationClosedV1, StationUpdatedV1
from servicekit.auth import Principal
from servicekit.consumer import Received
from servicekit.ids import new_id
from servicekit.postgres import PostgresStore
from servicekit.testkit import eventually

from .conftest import OPERATOR, Pricing, any_message, item, station_event, verdicts

LATITUDES = (-40.0 + number / 10 for number in count())
"""Each test has a place of its own in the ocean."""

NEAR, FAR = 0.001, 0.05
"""Degrees from the middle of a circle of 2 km: within it, and not."""

NOW = datetime.now(UTC) - timedelta(minutes=30)


def wish_at(lat: float, **fields: Any) -> dict[str, Any]:
    standard = {"fuel": "e5", "lat": lat, "lon": -30.0, "radius_m": 2_000, "threshold_mills": 1_700, "currency": "EUR"}
    return standard | fields


class Driver:
    """A driver with a token."""

    def __init__(self, pricing: Pricing) -> None:
        self.id = str(new_id())
        self._pricing = pricing
        self._headers = pricing.issuer.bearer("driver", sub=self.id)

    async def ask(self, method: str, path: str = "", **options: Any) -> httpx.Response:
        return await self._pricing.client.request(
            method, f"/v1/me/price-alerts{path}", headers=self._headers, **options
        )

    async def set(self, lat: float, **fields: Any) -> dict[str, Any]:
        reply = await self.ask("POST", json=wish_at(lat, **fields))
        assert reply.status_code == 201, reply.text
        return reply.json()

    async def alert(self) -> dict[str, Any]:
        [alert] = (await self.ask("GET")).json()["price_alerts"]
        return alert

    async def fired(self, alert_id: str, times: int) -> list[PriceAlertFiredV1]:
        """What the alert has published, once its state says that it fired so often."""

        async def has_fired() -> bool:
            return (await self.alert())["fired"] == times

        await eventually(has_fired)
        events = [m.event() for m in await self._pricing.published("pricing.alerts", UUID(alert_id), times)]
        return [event for event in events if isinstance(event, PriceAlertFiredV1)]


async def say(pricing: Pricing, station_id: UUID, mills: int | None, minute: int) -> None:
    at = (NOW + timedelta(minutes=minute)).isoformat()
    assert verdicts(await pricing.report(item(station_id, mills, effective_at=at))) == ["accepted"]


async def is_known(driver: Driver, stations_met: int) -> None:
    async def known() -> bool:
        return (await driver.alert())["stations_met"] == stations_met

    await eventually(known)


async def test_an_alert_fires_once_when_the_first_station_crosses_and_again_after_none_did(pricing: Pricing):
    lat, driver = next(LATITUDES), Driver(pricing)
    a, b, far = [await pricing.register(lat=lat + off, lon=-30.0) for off in (NEAR, -NEAR, FAR)]
    for station_id in (a, b, far):
        await say(pricing, station_id, 1_800, 0)
    alert = await driver.set(lat)
    assert (alert["met_now"], alert["fired"], alert["fired_at"]) == ([], 0, None)
    await say(pricing, far, 1_500, 1)
    await say(pricing, a, 1_700, 2)
    [first] = await driver.fired(alert["alert_id"], 1)
    assert (first.driver_id, first.station_id, first.price_mills, first.version) == (driver.id, a, 1_700, 1)
    await say(pricing, b, 1_600, 3)
    await is_known(driver, 2)
    assert [offer["price_mills"] for offer in (await driver.alert())["met_now"]] == [1_600, 1_700]
    await say(pricing, a, 1_701, 4)
    await say(pricing, b, None, 5)
    await is_known(driver, 0)
    await say(pricing, a, 1_650, 6)
    events = await driver.fired(alert["alert_id"], 2)
    assert [(event.version, event.station_id) for event in events] == [(1, a), (2, a)]


async def test_an_alert_that_is_met_already_says_so_and_does_not_fire(pricing: Pricing):
    lat, driver = next(LATITUDES), Driver(pricing)
    a, b = [await pricing.register(lat=lat, lon=-30.0) for _ in range(2)]
    await say(pricing, a, 1_600, 0)
    alert = await driver.set(lat)
    assert alert["met_now"] == [{"station_id": str(a), "price_mills": 1_600}]
    await say(pricing, b, 1_500, 1)
    await is_known(driver, 2)
    assert (await driver.alert())["fired"] == 0


@pytest.mark.parametrize("how", ["closed", "moved"])
async def test_a_station_that_is_gone_meets_no_alert(pricing: Pricing, how: str):
    lat, driver = next(LATITUDES), Driver(pricing)
    gone, other = [await pricing.register(lat=lat, lon=-30.0) for _ in range(2)]
    await say(pricing, gone, 1_600, 0)
    await driver.set(lat)
    there = {"lat": lat, "lon": -30.0} if how == "closed" else {"lat": lat + FAR, "lon": -30.0}
    kind = StationClosedV1 if how == "closed" else StationUpdatedV1
    event = kind(**station_event(gone, version=2, **there).model_dump())
    await pricing.store.transact(lambda tx: TAKE_STATIONS(tx, [Received(event, any_message())]))
    assert (await driver.alert())["stations_met"] == 0
    await say(pricing, other, 1_650, 1)
    [fired] = await driver.fired((await driver.alert())["alert_id"], 1)
    assert fired.station_id == other


async def test_a_crossing_while_the_alert_is_set_is_told_in_the_reply_or_fires_never_both_never_neither(
    pricing: Pricing,
):
    lats = [next(LATITUDES) for _ in range(12)]
    stations = [await pricing.register(lat=lat, lon=-30.0) for lat in lats]
    drivers = [Driver(pricing) for _ in lats]
    for station_id in stations:
        await say(pricing, station_id, 1_800, 0)

    async def set_and_cross(driver: Driver, lat: float, station_id: UUID) -> dict[str, Any]:
        alert, _ = await asyncio.gather(driver.set(lat), say(pricing, station_id, 1_600, 1))
        return alert

    replies = await asyncio.gather(*map(set_and_cross, drivers, lats, stations))
    for driver, alert in zip(drivers, replies, strict=True):
        await is_known(driver, 1)
        assert (await driver.alert())["fired"] == (0 if alert["met_now"] else 1)


async def test_no_price_of_its_circle_changes_until_an_alert_is_stored(pricing: Pricing):
    """What reports lock before they change a price is taken, for the stations of the circle and for no others."""
    lat = next(LATITUDES)
    near, far = [await pricing.register(lat=lat + off, lon=-30.0) for off in (NEAR, FAR)]

    async def lock_as_reports_do(station_id: UUID) -> None:
        query = "SELECT FROM stations WHERE station_id = $1 FOR NO KEY UPDATE NOWAIT"
        await pricing.store.transact(lambda tx: tx.execute(query, station_id))

    async with pricing.store.connection() as connection:
        async with connection.transaction():
            await set_alert(connection, str(new_id()), Wish("e5", lat, -30.0, 2_000, 1_700, "EUR"))
            await lock_as_reports_do(far)
            with pytest.raises(LockNotAvailableError):
                await lock_as_reports_do(near)
        await lock_as_reports_do(near)


async def test_an_alert_is_its_drivers_own(pricing: Pricing):
    lat, driver, other = next(LATITUDES), Driver(pricing), Driver(pricing)
    alert = await driver.set(lat)
    assert (await other.ask("GET")).json() == {"price_alerts": []}
    assert (await other.ask("DELETE", f"/{alert['alert_id']}")).status_code == 404
    again = await driver.ask("POST", json=wish_at(lat))
    assert (again.status_code, again.json()["alert_id"]) == (200, alert["alert_id"])
    assert (await driver.ask("DELETE", f"/{alert['alert_id']}")).status_code == 204
    assert (await driver.ask("DELETE", f"/{alert['alert_id']}")).status_code == 404
    for token in (pricing.issuer.bearer("prices:write"), {}):
        reply = await pricing.client.get("/v1/me/price-alerts", headers=token)
        assert reply.status_code == (403 if token else 401)


async def test_twenty_alerts_are_enough_also_at_once_and_all_can_be_deleted(pricing: Pricing):
    lat, driver = next(LATITUDES), Driver(pricing)
    bodies = [wish_at(lat, threshold_mills=1_600 + n) for n in range(22)]
    replies = await asyncio.gather(*(driver.ask("POST", json=body) for body in bodies))
    assert sorted(reply.status_code for reply in replies) == [201] * 20 + [409] * 2
    assert (await driver.ask("DELETE")).status_code == 204
    assert (await driver.ask("GET")).json() == {"price_alerts": []}
    async with pricing.store.connection() as connection:
        left = "SELECT count(*) FROM price_alert_stations WHERE alert_id NOT IN (SELECT alert_id FROM price_alerts)"
        assert await connection.fetchval(left) == 0


WRONG_WISHES: list[dict[str, Any]] = [
    {"radius_m": 50_001}, {"radius_m": 0}, {"lat": 91}, {"lon": -181}, {"lat": "NaN"}, {"threshold_mills": 0},
    {"threshold_mills": 1_700.5}, {"currency": "euro"}, {"fuel": "kerosene"}, {"driver_id": "me"},
]  # fmt: skip


async def test_a_wish_that_makes_no_sense_is_refused(pricing: Pricing):
    for wrong in WRONG_WISHES:
        reply = await Driver(pricing).ask("POST", json=wish_at(1.0) | wrong)
        assert reply.status_code == 422, (wrong, reply.text)


@asynccontextmanager
async def quiet_store(settings: Settings) -> AsyncIterator[PostgresStore]:
    """The store without a service: no event is published or consumed but by the test itself."""
    async with PostgresStore.connect(settings) as store:
        await store.transact(seed_rules)
        yield store


SENDER = Principal("test", frozenset(), frozenset(), frozenset({OPERATOR}), frozenset())
PRICES = st.sampled_from([1_600, 1_700, 1_701, None])
CHANGES = st.lists(st.tuples(st.integers(0, 2), PRICES), min_size=1, max_size=12)


async def change(store: PostgresStore, station_id: UUID, mills: int | None, minute: int) -> PriceChangedV1 | None:
    """Reports a price; the event of the change, which the test delivers as it likes."""
    said = item(station_id, mills, effective_at=(NOW + timedelta(minutes=minute)).isoformat())
    reports = to_reports([PriceReport(**said)], SENDER, NOW, datetime.now(UTC))
    [verdict] = await store.transact(lambda tx: submit_reports(tx, reports))
    if verdict.version is None:
        return None
    return PriceChangedV1(
        station_id=station_id, fuel=reports[0].fuel, version=verdict.version, price_mills=mills,
        previous_price_mills=None, currency="EUR", report_id=reports[0].report_id, effective_at=NOW, submitted_at=NOW,
        received_at=NOW,
    )  # fmt: skip


class Model:
    """An alert as one would explain it: the newest known price of each station, and how many are at 1,700 or less."""

    def __init__(self, known: dict[UUID, tuple[int, int | None]]) -> None:
        self.known = dict(known)
        self.fired: list[UUID] = []

    def met(self) -> set[UUID]:
        return {station for station, (_, mills) in self.known.items() if mills is not None and mills <= 1_700}

    def take(self, event: PriceChangedV1) -> None:
        if event.version > self.known.get(event.station_id, (0, None))[0]:
            before = self.met()
            self.known[event.station_id] = event.version, event.price_mills
            if self.met() and not before:
                self.fired.append(event.station_id)


async def fired_stations(store: PostgresStore, alert_id: UUID) -> list[UUID]:
    async with store.connection() as connection:
        rows = await connection.fetch("SELECT payload FROM outbox WHERE key = $1 ORDER BY position", str(alert_id))
    events = [PriceAlertFiredV1.model_validate_json(row["payload"]) for row in rows]
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    return [event.station_id for event in events]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, later=CHANGES, data=st.data())
async def test_it_fires_as_a_brute_force_model_does_in_whatever_order_news_come(
    settings: Settings, changes: Sequence[tuple[int, int | None]], later: Sequence[tuple[int, int | None]], data: Any
):
    """Changes before and after the alert is set; their news come in any order, several times, batch by batch."""
    lat = next(LATITUDES)
    wish = Wish("e5", lat, -30.0, 2_000, 1_700, "EUR")
    async with quiet_store(settings) as store:
        ids = [new_id() for _ in range(3)]
        near = [station_event(i, lat=lat + off, lon=-30.0) for i, off in zip(ids, (0, NEAR, FAR), strict=True)]
        await store.transact(lambda tx: record_stations(tx, [Received(event, any_message()) for event in near]))
        happened: list[PriceChangedV1] = []
        for number, (station, mills) in enumerate(changes):
            if event := await change(store, ids[station], mills, number):
                happened.append(event)
        alert_id, _ = await store.transact(lambda tx: set_alert(tx, str(new_id()), wish))
        known = {event.station_id: (event.version, event.price_mills) for event in happened}
        model = Model({station_id: price for station_id, price in known.items() if station_id != ids[2]})
        for number, (station, mills) in enumerate(later):
            if event := await change(store, ids[station], mills, len(changes) + number):
                happened.append(event)
        while batch := data.draw(st.lists(st.sampled_from(happened), max_size=8)):
            for event in batch:
                if event.station_id != ids[2]:
                    model.take(event)
            received = [Received(event, any_message()) for event in batch]
            await store.transact(lambda tx, received=received: take_price_changes(tx, received))
        assert await fired_stations(store, alert_id) == model.fired


NEWS = st.lists(st.builds(News, st.sampled_from([UUID(int=1), UUID(int=2)]), st.integers(1, 9), PRICES, st.just("EUR")))


@given(NEWS)
def test_news_that_an_alert_knows_change_nothing(news: list[News]):
    alert = Alert(UUID(int=9), "me", Wish("e5", 0, 0, 1_000, 1_700, "EUR"))
    for one in news:
        alert.take(one)
    before = (alert.fired, set(alert.met), dict(alert.versions))
    assert not any(alert.take(one) for one in news)
    assert (alert.fired, alert.met, alert.versions) == before


def test_another_currency_meets_no_alert():
    assert not Wish("e5", 0, 0, 1_000, 1_700, "EUR").is_met_by(1_600, "GBP")
