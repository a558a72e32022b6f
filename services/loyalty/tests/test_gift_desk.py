"""Crews hand gifts over by code, take the money that they cost, and take them back."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.domain.gifts import GIVES_BACK, STEPS, GiftOrderStatus, GiftStep, GiftWay, stock_after
from loyalty.repository import codes, members
from loyalty.use_cases import gift_orders as use_cases
from servicekit.ids import new_id
from servicekit.problems import Problem
from servicekit.testkit import eventually

from .conftest import Loyalty
from .gift_kit import code_of, crew, delivered, drive, gift, keep, order, picked_up, rich, spendable, stock


async def test_a_gift_is_handed_over_by_code_once(loyalty: Loyalty) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty)
    placed = await order(loyalty, driver, picked_up(gift_id, station))
    waiting = await loyalty.client.get(f"/v1/stations/{station}/gift-orders", headers=loyalty.staff("rewards:redeem"))
    assert [one["gift_order_id"] for one in waiting.json()["gift_orders"]] == [placed["gift_order_id"]]
    body = {"code": await code_of(loyalty, driver, placed), "station_id": str(station)}
    given = await crew(loyalty, "/gift-hand-overs", body, key="k")
    assert (given.status_code, given.json()["status"]) == (200, "picked_up")
    assert (await crew(loyalty, "/gift-hand-overs", body)).json()["type"].endswith(":code-refused")
    assert (await stock(loyalty, gift_id), await spendable(loyalty, driver)) == ((9, 0), 500)
    cancelled = await drive(loyalty, driver, "POST", f"/gift-orders/{placed['gift_order_id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["next"]) == (409, ["return"])


async def test_security_27_of_many_who_hand_over_the_same_gift_one_does(loyalty: Loyalty) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty)
    placed = await order(loyalty, driver, picked_up(gift_id, station))
    body = {"code": await code_of(loyalty, driver, placed), "station_id": str(station)}
    answers = await asyncio.gather(*(crew(loyalty, "/gift-hand-overs", body) for _ in range(20)))
    assert sorted(one.status_code for one in answers) == [200, *[422] * 19]
    assert await stock(loyalty, gift_id) == (9, 0)


async def test_the_same_key_hands_over_once_and_answers_the_same(loyalty: Loyalty) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty)
    placed = await order(loyalty, driver, picked_up(gift_id, station))
    body = {"code": await code_of(loyalty, driver, placed), "station_id": str(station)}
    headers = loyalty.staff("rewards:redeem") | {"Idempotency-Key": "k"}
    one, same = [await loyalty.client.post("/v1/gift-hand-overs", json=body, headers=headers) for _ in range(2)]
    assert (one.status_code, same.content) == (200, one.content)


async def test_what_a_gift_costs_in_money_is_taken_at_the_counter(loyalty: Loyalty) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty, money_minor=1_500, currency="CNY")
    placed = await order(loyalty, driver, picked_up(gift_id, station))
    body: dict[str, Any] = {"code": await code_of(loyalty, driver, placed), "station_id": str(station)}
    for money in ({}, {"money_received_minor": 1_000}):
        due = await crew(loyalty, "/gift-hand-overs", body | money)
        assert (due.status_code, due.json()["money_minor"], due.json()["currency"]) == (409, 1_500, "CNY")
    assert (await crew(loyalty, "/gift-hand-overs", body | {"money_received_minor": 1_500})).status_code == 200
    assert '"money_received_minor":1500' in await loyalty.sql(
        "SELECT replace(details::text, ' ', '') FROM gift_order_steps WHERE step = 'hand_over'"
    )


async def test_a_gift_is_handed_over_at_its_own_station_only(loyalty: Loyalty) -> None:
    station, other = await loyalty.station(), await loyalty.station()
    abroad = await loyalty.station(operator="other-operator")
    driver = await rich(loyalty)
    placed = await order(loyalty, driver, picked_up(await gift(loyalty), station))
    body = {"code": await code_of(loyalty, driver, placed)}
    wrong = await crew(loyalty, "/gift-hand-overs", body | {"station_id": str(other)})
    assert (wrong.status_code, wrong.json()["station_id"]) == (409, str(station))
    assert (await crew(loyalty, "/gift-hand-overs", body | {"station_id": str(abroad)})).status_code == 404
    theirs = {"operators": ["other-operator"], "grants": []}
    foreign = await crew(loyalty, "/gift-hand-overs", body | {"station_id": str(abroad)}, **theirs)
    assert foreign.json()["type"].endswith(":code-refused")
    assert (await crew(loyalty, "/gift-hand-overs", body | {"station_id": str(station)})).status_code == 200


async def test_nobody_guesses_codes_on_and_on(loyalty: Loyalty) -> None:
    station, me = await loyalty.station(), str(new_id())
    body = {"code": "AAAA-AAAA-AAAA", "station_id": str(station)}
    answers = [await crew(loyalty, "/gift-hand-overs", body, sub=me) for _ in range(11)]
    assert [one.status_code for one in answers] == [422] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


@pytest.mark.parametrize(("damaged", "left"), [(False, 10), (True, 9)])
async def test_what_comes_back_gives_the_points_back_and_is_on_stock_unless_damaged(
    loyalty: Loyalty, damaged: bool, left: int
) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty)
    placed = await order(loyalty, driver, picked_up(gift_id, station))
    path = f"/gift-orders/{placed['gift_order_id']}/return"
    assert (await crew(loyalty, path, {"damaged": damaged})).status_code == 409
    body = {"code": await code_of(loyalty, driver, placed), "station_id": str(station)}
    await crew(loyalty, "/gift-hand-overs", body)
    answers = await asyncio.gather(*(crew(loyalty, path, {"damaged": damaged}) for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409, 409]
    assert (await stock(loyalty, gift_id), await spendable(loyalty, driver)) == ((left, 0), 1_000)


async def test_security_20_only_the_gifts_own_crew_does_something_about_an_order(loyalty: Loyalty) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty, delivery=True, points=10)
    here = await order(loyalty, driver, picked_up(gift_id, station))
    sent = await order(loyalty, driver, delivered(gift_id))
    foreign = {"operators": ["other-operator"], "grants": []}
    for placed in (here, sent):
        for step in ("ready", "return", "ship", "deliver"):
            answer = await keep(loyalty, "POST", f"/gift-orders/{placed['gift_order_id']}/{step}", {}, **foreign)
            assert answer.status_code == 404, (step, answer.text)
    assert (await keep(loyalty, "GET", "/gift-deliveries?operator=test-operator", **foreign)).status_code == 404
    assert (await keep(loyalty, "GET", f"/stations/{station}/gift-orders", **foreign)).status_code == 404
    attendant = await crew(loyalty, f"/gift-orders/{sent['gift_order_id']}/ready")  # the post is not the counter's
    assert attendant.status_code == 404
    wrong_way = await keep(loyalty, "POST", f"/gift-orders/{here['gift_order_id']}/ship")
    assert (wrong_way.status_code, wrong_way.json()["next"]) == (409, ["prepare", "hand_over", "cancel", "expire"])


steps = st.lists(st.tuples(st.sampled_from(GiftStep), st.booleans()), max_size=6)
FAST = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FAST
@given(orders=st.lists(st.tuples(st.sampled_from(GiftWay), steps), min_size=1, max_size=4), data=st.data())
async def test_whatever_is_done_stock_and_points_are_as_a_plain_model_says(
    loyalty: Loyalty, orders: list[tuple[GiftWay, list[tuple[GiftStep, bool]]]], data: st.DataObject
) -> None:
    """What lies there, what is promised and what was given out make up what there was; points come back once."""
    station, driver = await loyalty.station(), await rich(loyalty, 100)
    gift_id = await gift(loyalty, delivery=True, points=10, stock=3)
    shelf, promised, out, damage, points = 3, 0, 0, 0, 100
    for how, done in orders:
        body = picked_up(gift_id, station) if how is GiftWay.PICK_UP else delivered(gift_id)
        answer = await drive(loyalty, driver, "POST", "/gift-orders", body)
        assert (answer.status_code == 201) == (shelf > promised)
        if answer.status_code != 201:
            continue
        status, promised, points, order_id = (
            GiftOrderStatus.PLACED,
            promised + 1,
            points - 10,
            answer.json()["gift_order_id"],
        )
        for step, damaged in done:
            possible = step in STEPS[status] and step.value in await next_steps(loyalty, driver, order_id)
            assert await act(loyalty, order_id, step, damaged=damaged) == possible
            if possible:
                status = STEPS[status][step]
                change, kept = stock_after(step, damaged=damaged)
                shelf, promised, points = shelf + change, promised + kept, points + 10 * (step in GIVES_BACK)
                out += (step in {GiftStep.HAND_OVER, GiftStep.SHIP}) - (step is GiftStep.RETURN)
                damage += step is GiftStep.RETURN and damaged
            assert (await stock(loyalty, gift_id), await spendable(loyalty, driver)) == ((shelf, promised), points)
            assert shelf + out + damage == 3


async def next_steps(loyalty: Loyalty, driver: str, order_id: str) -> list[str]:
    return (await drive(loyalty, driver, "GET", f"/gift-orders/{order_id}")).json()["next"]


async def act(loyalty: Loyalty, order_id: str, step: GiftStep, *, damaged: bool) -> bool:
    """Takes the step; whether it was possible."""
    try:
        await loyalty.store.transact(
            lambda tx: use_cases.take_step(loyalty.process, tx, UUID(order_id), step, "me", damaged=damaged)
        )
    except Problem as problem:
        if problem.slug != "wrong-state":
            raise
        return False
    return True


async def test_a_hand_over_waits_for_the_driver_before_it_takes_the_code(loyalty: Loyalty) -> None:
    """As whoever cancels or forgets does: otherwise the two would wait for each other."""
    station, driver = await loyalty.station(), await rich(loyalty)
    placed = await order(loyalty, driver, picked_up(await gift(loyalty), station))
    body = {"code": await code_of(loyalty, driver, placed), "station_id": str(station)}

    async def waits() -> bool:
        return await loyalty.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") > 0

    async with loyalty.store.connection() as tx, tx.transaction():
        await members.lock(tx, driver)
        handing = asyncio.create_task(crew(loyalty, "/gift-hand-overs", body))
        await eventually(waits)
        await tx.fetch("SELECT FROM codes FOR UPDATE NOWAIT")
        assert await codes.withdraw(tx, use_cases.PURPOSE, [placed["gift_order_id"]]) == 1
    assert (await handing).json()["type"].endswith(":code-refused")
