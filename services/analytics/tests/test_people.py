"""A person has what views know of them, takes it along, and leaves nothing that could come back."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from analytics import main, worker
from analytics.commands.__main__ import app
from analytics.domain.catalogue import VIEW_BY_NAME
from analytics.domain.months import month_of, shifted, starts_at
from analytics.repository.pseudonym_key import OtherKey, require_same_key
from analytics.use_cases.folding import Folding
from analytics.use_cases.forgetting import remove_old_months, sweep
from analytics.use_cases.habits import MOST_MONTHS
from analytics.use_cases.people import PeopleData
from schemas.base import Event
from schemas.events import UserErasedV1, UserMergedV1
from servicekit.consumer import Received
from servicekit.ids import new_id
from servicekit.personal_data import PeopleDesk
from servicekit.store import StoreUnavailable
from servicekit.testkit import eventually, running

from . import sales_kit
from .conftest import Analytics
from .view_kit import message, take

MORNING = datetime(2026, 4, 30, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def paid(driver: UUID, at: datetime = MORNING, **fields: Any) -> Event:
    """The driver paid for 40 l somewhere."""
    return sales_kit.paid(fields.pop("station_id", new_id()), at, driver, **fields)


def desk_of(analytics: Analytics) -> PeopleDesk:
    process = analytics.process
    return PeopleDesk("analytics", PeopleData(process), process.erasures)


async def tell(analytics: Analytics, event: Event) -> None:
    """The service hears of a person."""
    desk = desk_of(analytics)
    handler = desk.subscriptions[type(event)]
    await analytics.store.transact(lambda tx: handler(tx, [Received(event, message(event))]))


def erased(user_id: UUID) -> UserErasedV1:
    return UserErasedV1(user_id=user_id, version=2, occurred_at=MORNING)


def merged(user_id: UUID, into: UUID) -> UserMergedV1:
    return UserMergedV1(user_id=user_id, version=2, into_user_id=into, occurred_at=MORNING)


async def account_of(analytics: Analytics, user_id: UUID) -> dict[str, Any]:
    """What identity is told when it asks."""
    path = f"/internal/personal-data/{user_id}"
    reply = await analytics.client.get(path, headers=analytics.issuer.bearer("personal-data:read"))
    assert reply.status_code == 200, reply.text
    return reply.json()


async def fills_of(analytics: Analytics, user_id: UUID) -> set[str]:
    months = (await account_of(analytics, user_id))["data"]["driver_months"]
    return {fill["order_id"] for month in months for fill in month["fills"]}


async def documents_of(analytics: Analytics, *users: UUID) -> int:
    """How many documents of months there are, whoever is gone."""
    return len(await analytics.process.people.all_months(analytics.process.pseudonyms.of(str(one)) for one in users))


async def test_a_person_takes_along_what_was_bought_and_where(analytics: Analytics):
    driver, vehicle, station, order = new_id(), new_id(), new_id(), new_id()
    first = paid(driver, station_id=station, order_id=order, vehicle_id=vehicle, odometer_km=52_000)
    again = paid(driver, MORNING + 40 * DAY, station_id=station)
    refund = sales_kit.refunded(station, MORNING + DAY, 1_000, driver=driver, order_id=order)
    await take(analytics, first, again, refund, paid(new_id()))
    data = (await account_of(analytics, driver))["data"]
    april, may, june = data["driver_months"]
    assert [april["month"], may["month"], june["month"]] == ["2026-04", "2026-05", "2026-06"]
    assert april["fills"] == [{
        "order_id": str(order), "at": "2026-04-30T08:00:00Z", "station_id": str(station),
        "fuel": "petrol_95", "currency": "CNY", "volume_ml": 40_000, "gross_minor": 28_000, "paid_minor": 28_000,
        "vehicle_id": str(vehicle), "odometer_km": 52_000,
    }]  # fmt: skip
    assert [refund["amount_minor"] for refund in may["fills"][0]["refunds"].values()] == [1_000]
    assert june["fills"][0]["paid_minor"] == 28_000
    [visits] = data["station_visits"]
    assert (visits["station_id"], visits["orders"]) == (str(station), 2)


async def test_security_42_nothing_of_somebody_who_is_gone_is_folded_again(analytics: Analytics):
    driver, other, order = new_id(), new_id(), new_id()
    before = paid(driver, order_id=order)
    await take(analytics, before, paid(driver, MORNING + 40 * DAY), paid(other))
    await tell(analytics, erased(driver))
    assert await documents_of(analytics, driver) == 0
    refund = sales_kit.refunded(new_id(), MORNING + 80 * DAY, 500, driver=driver, order_id=order)
    await take(analytics, before, refund, paid(driver, MORNING + 80 * DAY), paid(other))
    assert await documents_of(analytics, driver) == 0
    account = await account_of(analytics, driver)
    assert not any(account["data"].values())
    assert account["erased"]["driver_months"] == 2
    assert account["kept"]["station_visits"] == 3  # whose they were nobody can tell any more
    assert len(await fills_of(analytics, other)) == 2


async def test_an_erasure_while_a_worker_writes_ends_erased(analytics: Analytics, monkeypatch: pytest.MonkeyPatch):
    """The erasure commits after the worker wrote, and before it looks who is gone."""
    driver = new_id()
    save = analytics.process.views.save

    async def slow_save(*arguments: Any) -> bool:
        won = await save(*arguments)
        monkeypatch.undo()
        await tell(analytics, erased(driver))
        await take(analytics, paid(driver, MORNING + 40 * DAY))
        return won

    monkeypatch.setattr(analytics.process.views, "save", slow_save)
    await take(analytics, paid(driver))
    assert await documents_of(analytics, driver) == 0


async def test_a_worker_that_writes_while_an_erasure_commits_is_swept(analytics: Analytics):
    """It has written and looked when the erasure has deleted and is not yet seen."""
    driver = new_id()
    await take(analytics, paid(driver))

    async def erase(tx: Any) -> None:
        await desk_of(analytics).take_erasures(tx, [Received(erased(driver), message(erased(driver)))])
        if not await documents_of(analytics, driver) > 1:
            await take(analytics, paid(driver, MORNING + 40 * DAY))
        assert await documents_of(analytics, driver) == 2

    await analytics.store.transact(erase)
    await sweep(analytics.process)
    assert await eventually(lambda: _none_of(analytics, driver))
    assert await sweep(analytics.process) == 0


async def test_however_workers_and_erasures_meet_nothing_is_left(analytics: Analytics):
    drivers = [new_id() for _ in range(8)]

    async def work(day: int) -> None:
        for driver in drivers:
            await take(analytics, paid(driver, MORNING + 35 * day * DAY))

    await asyncio.gather(work(0), work(1), work(0), *(tell(analytics, erased(driver)) for driver in drivers), work(2))
    await sweep(analytics.process)
    assert await documents_of(analytics, *drivers) == 0


async def _none_of(analytics: Analytics, driver: UUID) -> bool:
    return await documents_of(analytics, driver) == 0


async def test_a_worker_that_dies_before_it_looks_is_followed_by_one_that_does(
    analytics: Analytics, monkeypatch: pytest.MonkeyPatch
):
    driver = new_id()
    await tell(analytics, erased(driver))
    await sweep(analytics.process)
    record = message(paid(driver))

    async def dies(_: Any) -> set[bytes]:
        raise StoreUnavailable("the process was killed here")

    monkeypatch.setattr(analytics.process.people, "gone_among", dies)
    with pytest.raises(StoreUnavailable):
        await take(analytics, record)
    assert await documents_of(analytics, driver) == 1
    monkeypatch.undo()
    await take(analytics, record)
    assert await documents_of(analytics, driver) == 0


async def test_what_was_merged_is_read_and_erased_with_the_account_that_is_left(analytics: Analytics):
    first, second, left = new_id(), new_id(), new_id()
    ids = [new_id(), new_id(), new_id(), new_id()]
    orders = [paid(user, order_id=order) for user, order in zip((first, second, left), ids, strict=False)]
    await take(analytics, *orders)
    await tell(analytics, merged(first, second))
    await tell(analytics, merged(second, left))
    late = paid(first, MORNING + 40 * DAY, order_id=ids[-1])
    await take(analytics, late)
    assert await fills_of(analytics, left) == set(map(str, ids))
    assert await fills_of(analytics, first) == await fills_of(analytics, second) == set()
    assert (await account_of(analytics, first))["merged_into"] == str(second)
    await tell(analytics, erased(left))
    await tell(analytics, merged(first, second))
    await take(analytics, *orders, late, paid(first, MORNING + 80 * DAY))
    assert await documents_of(analytics, first, second, left) == 0
    for user in (first, second, left):
        account = await account_of(analytics, user)
        assert account["erased_at"]
        assert account["merged_into"] is None


async def test_a_merge_into_somebody_who_is_gone_erases(analytics: Analytics):
    account, into = new_id(), new_id()
    await take(analytics, paid(account))
    await tell(analytics, erased(into))
    await tell(analytics, merged(account, into))
    assert await documents_of(analytics, account) == 0


async def test_a_rebuild_folds_nothing_of_people_who_are_gone(analytics: Analytics):
    driver, view = new_id(), VIEW_BY_NAME["driver-months"]
    await tell(analytics, erased(driver))
    rebuilding = Folding(analytics.process, (view,), {view.name: 998})
    collection = analytics.process.views.of(view, 998)
    try:
        await rebuilding.take([message(paid(driver)), message(paid(new_id()))])
        assert await collection.count_documents({}) == 1
        await tell(analytics, erased(driver))
        assert await collection.count_documents({}) == 1
    finally:
        await collection.drop()


async def test_an_erasure_reaches_a_generation_that_does_not_serve_yet(analytics: Analytics):
    driver, view = new_id(), VIEW_BY_NAME["driver-months"]
    collection = analytics.process.views.of(view, 997)
    try:
        await Folding(analytics.process, (view,), {view.name: 997}).take([message(paid(driver))])
        await tell(analytics, erased(driver))
        assert await collection.count_documents({}) == 0
    finally:
        await collection.drop()


async def test_what_is_older_than_habits_reach_goes_from_every_generation(analytics: Analytics):
    driver, view, order, now = new_id(), VIEW_BY_NAME["driver-months"], new_id(), datetime.now(UTC)
    oldest = shifted(month_of(now), -MOST_MONTHS)
    old = [paid(driver, starts_at(oldest, ZoneInfo("UTC")) - timedelta(seconds=1)), paid(driver, now)]
    kept = paid(driver, starts_at(oldest, ZoneInfo("UTC")), order_id=order)
    collection = analytics.process.views.of(view, 996)
    try:
        await Folding(analytics.process, (view,), {view.name: 996}).take([message(one) for one in (*old, kept)])
        await take(analytics, *old, kept)
        assert await documents_of(analytics, driver) == 3
        assert await remove_old_months(analytics.process) >= 2
        assert await collection.count_documents({}) == await documents_of(analytics, driver) == 2
    finally:
        await collection.drop()
    first, this = (await account_of(analytics, driver))["data"]["driver_months"]
    assert (first["month"], this["month"]) == (oldest, month_of(now))
    assert first["kept_until"] == f"{shifted(month_of(now), 1)}-01T00:00:00Z"
    assert first["fills"][0]["order_id"] == str(order)


async def test_with_another_key_nothing_starts(analytics: Analytics, environment: dict[str, str]):
    other = analytics.settings.model_copy(update={"pseudonym_key": SecretStr("another key, which is long enough")})
    for make in (main.create_app, worker.create_app):
        with pytest.raises(OtherKey, match="put that one back"):
            await running(make(other)).__aenter__()
    env = environment | {"ANALYTICS_PSEUDONYM_KEY": other.pseudonym_key.get_secret_value(), "COLUMNS": "300"}
    result = await asyncio.to_thread(CliRunner().invoke, app, ["analysts", "list"], env=env)
    assert result.exit_code == 1
    assert "put that one back" in result.output
    key = analytics.settings.pseudonym_key.get_secret_value()
    await require_same_key(analytics.store, key)
    known = await analytics.store.database.pseudonym_key.find_one({"_id": "in use"})
    assert known is not None
    assert key not in str(known)


async def test_what_a_rebuild_takes_over_of_people_who_are_gone_goes_before_it_serves(analytics: Analytics):
    driver = new_id()
    await take(analytics, paid(driver))
    serving = await analytics.process.views.collection("driver-months")
    copied = await serving.find_one({"_id": {"$regex": f"^{analytics.process.pseudonyms.of(str(driver)).hex()}"}})
    await tell(analytics, erased(driver))
    await sweep(analytics.process)
    collection = analytics.store.database["driver_months.g999"]
    try:
        await collection.insert_many([copied, {"_id": "00|2026-04"}])
        assert await analytics.process.people.delete_all_gone(collection) == 1
        assert [one["_id"] async for one in collection.find()] == ["00|2026-04"]
    finally:
        await collection.drop()
