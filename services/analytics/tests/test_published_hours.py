"""Hours of stations are published as they change: the last state of each in the end, and none that is older later."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.domain.catalogue import VIEW_BY_NAME
from analytics.domain.folds.station_hours import key_of
from analytics.domain.published_hours import Told, event_of, nothing_of
from analytics.repository.published_hours import PublishedHours
from analytics.use_cases.publishing import Publisher
from schemas.events import StationHourUpdatedV1
from servicekit.ids import new_id
from servicekit.store import StoreUnavailable
from servicekit.testkit import eventually

from .conftest import Analytics
from .sales_kit import paid, refunded
from .view_kit import folded, message, take

AT = datetime(2026, 4, 30, 10, 20, tzinfo=UTC)
STATION = UUID("0199a000-0000-7000-8000-000000000001")
BUCKET = key_of(STATION, AT, "CNY")


def hour(*events: Any) -> dict[str, Any]:
    """The document of the events' hour, with their number."""
    document = folded(VIEW_BY_NAME["station-hours"], *events)[BUCKET]
    return document | {"n": len(events)}


def test_event_says_what_the_hour_is():
    events = [paid(STATION, AT, f"driver-{number}", method=("wechat", "alipay")[number > 4]) for number in range(11)]
    made = event_of(BUCKET, hour(*events, refunded(STATION, AT, 700, volume_ml=100)), None)
    assert made is not None
    event, told = made
    assert (event.key(), event.version, event.station_id) == (BUCKET, 12, STATION)
    assert event.begins_at == AT.replace(minute=0)
    assert (event.orders, event.paid_minor, event.refunds, event.refunded_minor) == (11, 308_000, 1, 700)
    assert event.volume_ml == event.fuels[0].volume_ml == 11 * 40_000 - 100
    assert [(one.method, one.orders) for one in event.methods] == [("alipay", 6), ("wechat", 5)]
    assert (event.drivers, told.version) == (11, 12)


def test_event_tells_of_no_way_that_few_paid_in():
    events = [
        paid(STATION, AT, f"driver-{number}", method="fuel_card" if number > 4 else "wechat") for number in range(6)
    ]
    made = event_of(BUCKET, hour(*events), None)
    assert made is not None
    assert [(one.method, one.orders, one.paid_minor) for one in made[0].methods] == [("other", 6, 168_000)]


@given(drivers=st.integers(1, 8))
def test_of_few_drivers_nothing_is_said_but_the_books(drivers: int):
    made = event_of(BUCKET, hour(*(paid(STATION, AT, f"d{number % drivers}") for number in range(9))), None)
    assert made is not None
    assert made[0].orders == 9
    assert (made[0].drivers is None) == (made[0].methods == []) == (drivers < 5)


def test_what_says_the_same_is_not_published_again():
    events = [paid(STATION, AT)]
    made = event_of(BUCKET, hour(*events), None)
    assert made is not None
    assert event_of(BUCKET, hour(*events) | {"n": 8}, made[1]) is None


def test_an_hour_that_is_no_more_is_published_once_as_one_in_which_nothing_was_sold():
    was = event_of(BUCKET, hour(paid(STATION, AT)), None)
    assert was is not None
    made = event_of(BUCKET, nothing_of(BUCKET, was[1]), was[1])
    assert made is not None
    event, told = made
    assert (event.bucket, event.station_id, event.operator) == (BUCKET, STATION, was[0].operator)
    assert (event.begins_at, event.currency, event.version) == (was[0].begins_at, "CNY", 2)
    assert (event.orders, event.volume_ml, event.paid_minor, event.fuels, event.drivers) == (0, 0, 0, [], None)
    assert event_of(BUCKET, nothing_of(BUCKET, told), told) is None


@pytest.mark.parametrize(("told", "version"), [(1, 2), (2, 3), (9, 10)])
def test_version_grows_also_where_fewer_facts_are_known(told: int, version: int):
    made = event_of(BUCKET, hour(paid(STATION, AT), paid(STATION, AT)), Told(told, b"other", "an operator"))
    assert made is not None
    assert made[0].version == made[1].version == version


async def published(analytics: Analytics, station_id: UUID) -> dict[str, list[StationHourUpdatedV1]]:
    """What is on the topic about a station, in order, once the relay has sent all."""

    async def all_is_sent() -> bool:
        return await analytics.store.database.outbox.count_documents({}) == 0

    await eventually(all_is_sent)
    found: dict[str, list[StationHourUpdatedV1]] = defaultdict(list)
    for one in await analytics.kafka.read("analytics.station-hours"):
        event = one.event()
        if isinstance(event, StationHourUpdatedV1) and event.station_id == station_id:
            found[event.bucket].append(event)
    return found


async def test_each_change_is_published_in_the_end_and_versions_only_grow(analytics: Analytics):
    station_id, publishers = new_id(), [Publisher(analytics.process) for _ in range(3)]
    for publisher in publishers:  # as if each had the lease
        publisher._is_mine = always
    for _ in range(5):
        await asyncio.gather(
            take(analytics, *(paid(station_id, AT + timedelta(hours=number % 2)) for number in range(3))),
            *(publisher.publish() for publisher in publishers),
        )
    await publishers[0].publish()
    found = await published(analytics, station_id)
    assert {bucket: events[-1].orders for bucket, events in found.items()} == {
        key_of(station_id, AT, "CNY"): 10, key_of(station_id, AT + timedelta(hours=1), "CNY"): 5
    }  # fmt: skip
    for events in found.values():
        versions = [event.version for event in events]
        assert versions == sorted(set(versions))
        assert [event.orders for event in events] == versions


async def always() -> bool:
    return True


async def die(*_: object) -> None:
    raise StoreUnavailable("killed")


async def test_who_dies_between_publishing_and_the_mark_publishes_nothing_twice(
    analytics: Analytics, monkeypatch: pytest.MonkeyPatch
):
    station_id, publisher = new_id(), Publisher(analytics.process)
    publisher._is_mine = always
    await take(analytics, paid(station_id, AT))
    with monkeypatch.context() as killed:
        killed.setattr(PublishedHours, "remove", die)
        with pytest.raises(StoreUnavailable):
            await publisher.publish()
    await publisher.publish()
    found = await published(analytics, station_id)
    assert [len(events) for events in found.values()] == [1]


async def test_who_dies_between_a_document_and_its_mark_marks_it_when_the_event_comes_again(
    analytics: Analytics, monkeypatch: pytest.MonkeyPatch
):
    station_id, publisher = new_id(), Publisher(analytics.process)
    publisher._is_mine = always
    one = message(paid(station_id, AT))
    with monkeypatch.context() as killed:
        killed.setattr(PublishedHours, "mark", die)
        with pytest.raises(StoreUnavailable):
            await take(analytics, one)
    await take(analytics, one)
    await publisher.publish()
    assert [one.orders for one in (await published(analytics, station_id))[key_of(station_id, AT, "CNY")]] == [1]


async def test_an_hour_that_a_rebuild_does_not_find_is_published_as_nothing_sold(analytics: Analytics):
    station_id, publisher = new_id(), Publisher(analytics.process)
    publisher._is_mine = always
    await take(analytics, paid(station_id, AT))
    await publisher.publish()
    bucket = key_of(station_id, AT, "CNY")
    await (await analytics.process.views.collection("station-hours")).delete_one({"_id": bucket})
    for _ in range(2):
        await analytics.process.published_hours.mark([bucket])
        await publisher.publish()
    await take(analytics, paid(station_id, AT))
    await publisher.publish()
    found = (await published(analytics, station_id))[bucket]
    assert [(one.version, one.orders) for one in found] == [(1, 1), (2, 0), (3, 1)]


async def test_one_publisher_at_a_time(analytics: Analytics):
    async def somebody_publishes() -> bool:
        return await analytics.store.database.leases.count_documents({"_id": "publisher"}) == 1

    await eventually(somebody_publishes)
    await analytics.process.published_hours.mark(["nothing"])
    assert not await Publisher(analytics.process)._is_mine()
    assert await Publisher(analytics.process).publish() == 0


async def test_marks_of_a_rebuild_wait_until_its_generation_serves(analytics: Analytics):
    hours = analytics.process.published_hours
    serving = await hours.serving()
    await hours.mark(["a", "b"], serving + 1)
    assert not [one for one in await hours.marks(serving, 1_000) if one.keys == ["a", "b"]]
    assert [one for one in await hours.marks(serving + 1, 1_000) if one.keys == ["a", "b"]]
    await hours.remove_waiting(serving)
    assert not [one for one in await hours.marks(serving + 1, 1_000) if one.keys == ["a", "b"]]
