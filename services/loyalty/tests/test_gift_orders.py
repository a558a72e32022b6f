"""Drivers order gifts: points and stock go and come back together, once, whoever asks how often."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from loyalty.use_cases import gift_orders as use_cases
from loyalty.use_cases import points
from loyalty.use_cases.context import Loyalty as Process
from loyalty.use_cases.people import PeopleData
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem

from .conftest import Loyalty
from .gift_kit import (
    code_of,
    crew,
    delivered,
    drive,
    gift,
    keep,
    order,
    picked_up,
    rich,
    spendable,
    stock,
)


async def test_an_order_spends_points_and_sets_a_gift_aside(loyalty: Loyalty) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty)
    placed = await order(loyalty, driver, picked_up(gift_id, station), key="k")
    assert (placed["status"], placed["points"], placed["station_id"]) == ("placed", 500, str(station))
    assert placed["next"] == ["prepare", "hand_over", "cancel", "expire"]
    again = await order(loyalty, driver, picked_up(gift_id, station), key="k")
    assert again == placed
    assert (await spendable(loyalty, driver), await stock(loyalty, gift_id)) == (500, (10, 1))
    seen = (await drive(loyalty, driver, "GET", f"/gift-orders/{placed['gift_order_id']}")).json()
    assert seen == placed
    assert (await drive(loyalty, driver, "GET", "/gift-orders")).json()["gift_orders"] == [placed]


async def test_too_few_points_say_how_many_are_missing_and_take_nothing(loyalty: Loyalty) -> None:
    station, driver = await loyalty.station(), await rich(loyalty, 120)
    gift_id = await gift(loyalty)
    answer = await drive(loyalty, driver, "POST", "/gift-orders", picked_up(gift_id, station))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:forecourt:problem:too-few-points")
    assert (answer.json()["available"], answer.json()["missing"]) == (120, 380)
    assert (await spendable(loyalty, driver), await stock(loyalty, gift_id)) == (120, (10, 0))


@pytest.mark.parametrize(
    ("fields", "slug"),
    [
        ({"stock": 0}, "gift-not-offered"),
        ({"starts_at": "2100-01-01T00:00:00Z"}, "gift-not-offered"),
        ({"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-02T00:00:00Z"}, "gift-not-offered"),
        ({"station_ids": [], "delivery": True}, "gift-not-offered-there"),
    ],
)
async def test_what_is_not_offered_cannot_be_ordered(loyalty: Loyalty, fields: dict[str, Any], slug: str) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty, **fields)
    answer = await drive(loyalty, driver, "POST", "/gift-orders", picked_up(gift_id, station))
    assert (answer.status_code, answer.json()["type"]) == (409, f"urn:forecourt:problem:{slug}")
    assert await spendable(loyalty, driver) == 1_000


async def test_a_gift_goes_only_where_it_is_offered(loyalty: Loyalty) -> None:
    driver, abroad = await rich(loyalty), await loyalty.station(operator="other-operator")
    gift_id = await gift(loyalty)
    for body in (picked_up(gift_id, abroad), picked_up(gift_id, new_id()), delivered(gift_id)):
        answer = await drive(loyalty, driver, "POST", "/gift-orders", body)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:forecourt:problem:gift-not-offered-there")
    unknown = await drive(loyalty, driver, "POST", "/gift-orders", picked_up(new_id(), abroad))
    assert unknown.status_code == 404


async def test_one_driver_gets_as_many_as_one_may(loyalty: Loyalty) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty, most_per_driver=1, points=10)
    wishes = (drive(loyalty, driver, "POST", "/gift-orders", picked_up(gift_id, station)) for _ in range(5))
    answers = await asyncio.gather(*wishes)
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409, 409]
    placed = next(one.json() for one in answers if one.status_code == 201)
    await drive(loyalty, driver, "POST", f"/gift-orders/{placed['gift_order_id']}/cancel")
    await order(loyalty, driver, picked_up(gift_id, station))


async def test_a_cancelled_order_gives_points_and_gift_back_once(loyalty: Loyalty) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty)
    path = f"/gift-orders/{(await order(loyalty, driver, picked_up(gift_id, station)))['gift_order_id']}/cancel"
    answers = [await drive(loyalty, driver, "POST", path, key=key) for key in ("k", "k", "other")]
    assert [one.status_code for one in answers] == [200, 200, 409]
    assert answers[0].json()["status"] == "cancelled"
    assert (await spendable(loyalty, driver), await stock(loyalty, gift_id)) == (1_000, (10, 0))


async def test_security_20_another_drivers_order_is_not_to_be_seen(loyalty: Loyalty) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    placed = await order(loyalty, driver, picked_up(await gift(loyalty), station))
    path, other = f"/gift-orders/{placed['gift_order_id']}", str(new_id())
    for method, step in (("GET", ""), ("POST", "/code"), ("POST", "/cancel")):
        assert (await drive(loyalty, other, method, path + step)).status_code == 404
    assert (await drive(loyalty, other, "GET", "/gift-orders")).json()["gift_orders"] == []


async def test_a_process_that_dies_while_ordering_or_cancelling_leaves_all_as_it_was(
    loyalty: Loyalty, monkeypatch: pytest.MonkeyPatch
) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty)
    placed = await order(loyalty, driver, picked_up(gift_id, station))

    async def die(*_: object) -> None:
        raise OSError("the machine went away")

    monkeypatch.setattr(use_cases.repository, "insert_step", die)
    body, path = picked_up(gift_id, station), f"/gift-orders/{placed['gift_order_id']}/cancel"
    assert (await drive(loyalty, driver, "POST", "/gift-orders", body, key="k")).status_code == 503
    assert (await drive(loyalty, driver, "POST", path)).status_code == 503
    assert (await spendable(loyalty, driver), await stock(loyalty, gift_id)) == (500, (10, 1))
    monkeypatch.undo()
    await order(loyalty, driver, body, key="k")
    assert (await spendable(loyalty, driver), await stock(loyalty, gift_id)) == (0, (10, 2))


async def test_security_27_of_a_thousand_who_order_the_last_gift_one_gets_it_and_the_others_keep_their_points(
    loyalty: Loyalty,
) -> None:
    """At the use case, so that all of them meet in the database and nowhere before."""
    station, gift_id = await loyalty.station(), await gift(loyalty, stock=1)
    drivers = [str(new_id()) for _ in range(1_000)]
    wish = use_cases.Wish(use_cases.GiftWay.PICK_UP, station)

    async def give_points(tx: Connection) -> None:
        await tx.execute("INSERT INTO members (driver_id) SELECT * FROM unnest($1::text[])", drivers)
        for driver in drivers[:30]:
            await points.award(loyalty.process, tx, driver, 500, reason="reward", key=driver, at=datetime.now(UTC))

    await loyalty.store.transact(give_points)

    slots = asyncio.Semaphore(loyalty.settings.postgres_pool_size)  # a thousand would wait for a connection too long

    async def try_it(process: Process, driver: str) -> bool:
        try:
            async with slots:
                await loyalty.store.transact(lambda tx: use_cases.place_order(process, tx, driver, gift_id, wish))
        except Problem as refusal:
            if refusal.slug not in {"gift-not-offered", "too-few-points"}:
                raise
            return False
        return True

    won = await asyncio.gather(*(try_it(loyalty.process, driver) for driver in [*drivers[:30], *drivers]))
    assert sum(won) == 1
    assert await stock(loyalty, gift_id) == (1, 1)
    assert await loyalty.sql("SELECT sum(balance)::int FROM members") == 29 * 500


async def test_an_order_that_nobody_picks_up_expires_and_the_points_come_back(loyalty: Loyalty) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty)
    placed = await order(loyalty, driver, picked_up(gift_id, station))
    assert await use_cases.expire_orders(loyalty.process) == 0
    await age(loyalty, placed, timedelta(days=29))
    ready = await crew(loyalty, f"/gift-orders/{placed['gift_order_id']}/ready")
    assert ready.json()["status"] == "ready"
    await age(loyalty, placed, timedelta(days=29))
    assert await use_cases.expire_orders(loyalty.process) == 0  # it waits from when it was ready
    await age(loyalty, placed, timedelta(days=1))
    await asyncio.gather(*(use_cases.expire_orders(loyalty.process) for _ in range(2)))
    seen = (await drive(loyalty, driver, "GET", f"/gift-orders/{placed['gift_order_id']}")).json()
    assert (seen["status"], seen["next"]) == ("expired", [])
    assert (await spendable(loyalty, driver), await stock(loyalty, gift_id)) == (1_000, (10, 0))
    steps = await loyalty.rows("SELECT step, actor FROM gift_order_steps ORDER BY version")
    assert [one["step"] for one in steps] == ["place", "prepare", "expire"]
    assert steps[-1]["actor"] == "loyalty"


async def test_one_that_cannot_expire_stops_no_other(loyalty: Loyalty, monkeypatch: pytest.MonkeyPatch) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty)
    poison, other = [await order(loyalty, driver, picked_up(gift_id, station)) for _ in range(2)]
    real = use_cases.repository.update

    async def update(tx: Connection, after: Any) -> None:
        if str(after.gift_order_id) == poison["gift_order_id"]:
            raise ValueError("poison")
        await real(tx, after)

    monkeypatch.setattr(use_cases.repository, "update", update)
    for days, placed in ((32, poison), (31, other)):
        await age(loyalty, placed, timedelta(days=days))
    assert await use_cases.expire_orders(loyalty.process) == 1
    assert await use_cases.expire_orders(loyalty.process) == 0
    assert (await spendable(loyalty, driver), await stock(loyalty, gift_id)) == (500, (10, 1))


async def age(loyalty: Loyalty, placed: dict[str, Any], by: timedelta) -> None:
    """Lets so much time pass for an order."""
    await loyalty.sql(
        "UPDATE gift_orders SET expires_at = expires_at - $2::interval WHERE gift_order_id = $1",
        UUID(placed["gift_order_id"]), by,
    )  # fmt: skip


async def test_where_a_gift_is_sent_to_is_sealed_shown_to_who_ships_and_then_forgotten(loyalty: Loyalty) -> None:
    driver, gift_id = await rich(loyalty), await gift(loyalty, delivery=True)
    placed = await order(loyalty, driver, delivered(gift_id))
    assert "canary-Mei" not in str(placed)
    row = (await loyalty.rows("SELECT * FROM gift_orders"))[0]
    assert b"canary" not in row["address"]
    replies = await loyalty.rows("SELECT reply FROM idempotency_keys")
    assert not any(b"canary-Mei" in one["reply"] or b"canary-street" in one["reply"] for one in replies)
    (waiting,) = (await keep(loyalty, "GET", "/gift-deliveries?operator=test-operator")).json()["gift_orders"]
    assert (waiting["address"]["name"], waiting["address"]["address"]) == ("canary-Mei", "1 canary-street")
    for step, status in (("ready", "ready"), ("ship", "shipped"), ("deliver", "delivered")):
        answer = await keep(loyalty, "POST", f"/gift-orders/{placed['gift_order_id']}/{step}")
        assert answer.json()["status"] == status, answer.text
    assert await loyalty.sql("SELECT address FROM gift_orders") is None
    assert (await keep(loyalty, "GET", "/gift-deliveries?operator=test-operator")).json()["gift_orders"] == []
    assert await stock(loyalty, gift_id) == (9, 0)


async def test_gifts_are_exported_taken_along_and_erased(loyalty: Loyalty) -> None:
    driver, into, station = await rich(loyalty), str(new_id()), await loyalty.station()
    gift_id = await gift(loyalty, delivery=True, points=100)
    sent = await order(loyalty, driver, delivered(gift_id))
    await keep(loyalty, "POST", f"/gift-orders/{sent['gift_order_id']}/ship")
    await order(loyalty, driver, delivered(gift_id))
    await order(loyalty, driver, picked_up(gift_id, station))
    people = PeopleData(loyalty.process)
    exported = (await people.collect(driver))["gift_orders"]
    assert sorted(str(one["address"] and one["address"]["name"]) for one in exported) == ["None", *["canary-Mei"] * 2]
    await loyalty.store.transact(lambda tx: people.merge(tx, driver, into))
    moved = (await people.collect(into))["gift_orders"]
    assert [one["address"] for one in moved] == [one["address"] for one in exported]
    erased = await loyalty.store.transact(lambda tx: people.erase(tx, into))
    assert erased["open_gift_orders"] == 3
    assert await stock(loyalty, gift_id) == (9, 0)
    rows = await loyalty.rows("SELECT status, address FROM gift_orders ORDER BY gift_order_id")
    assert [(one["status"], one["address"]) for one in rows] == [
        ("shipped", None), ("cancelled", None), ("cancelled", None),
    ]  # fmt: skip
    assert await loyalty.sql("SELECT sum(balance)::int FROM members") == 0
    assert (await loyalty.store.transact(lambda tx: people.erase(tx, into)))["open_gift_orders"] == 0


async def test_the_code_replaces_the_one_before(loyalty: Loyalty) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    placed = await order(loyalty, driver, picked_up(await gift(loyalty), station))
    old, new = await code_of(loyalty, driver, placed), await code_of(loyalty, driver, placed)
    body = {"code": old, "station_id": str(station)}
    assert (await crew(loyalty, "/gift-hand-overs", body)).status_code == 422
    assert (await crew(loyalty, "/gift-hand-overs", body | {"code": new.lower()})).status_code == 200
