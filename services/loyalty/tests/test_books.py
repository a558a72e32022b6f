"""A whole topic once more, and the books as operators look at them."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from loyalty.consumer import subscriptions
from loyalty.use_cases import books
from servicekit.consumer import Handler, Received
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .conftest import Loyalty
from .purchase_kit import paid, refunded

TOPIC = "payments.orders"


async def replayed(loyalty: Loyalty, **others: Handler) -> books.Replayed:
    told: list[tuple[int, int]] = []
    process = loyalty.process
    handlers = {event: others.get(event.__name__, handler) for event, handler in subscriptions(process).items()}
    found = await books.replay(process, handlers, TOPIC, lambda *how_far: told.append(how_far))
    assert told[-1] == (found.read, found.read)
    return found


async def test_a_topic_played_again_changes_nothing_and_brings_back_what_is_missing(loyalty: Loyalty) -> None:
    driver, other = str(new_id()), str(new_id())
    first, second = paid(driver, 20_000), paid(other, 10_000)
    for event in (refunded(first, 5_000), first, second, second):
        await loyalty.kafka.publish(event)

    async def balances() -> dict[str, int]:
        rows = await loyalty.rows("SELECT driver_id, balance FROM members WHERE driver_id = ANY($1)", [driver, other])
        return {row["driver_id"]: row["balance"] for row in rows}

    async def is_taken() -> bool:
        return await balances() == {driver: 150, other: 100}

    await eventually(is_taken)
    once = await replayed(loyalty)  # other tests' orders are on the topic, too: those are missing here
    assert once.read >= once.handled >= 4
    twice = await replayed(loyalty)
    assert twice.handled == once.handled
    assert set(twice.changed.values()) == {0}, twice.changed
    assert await balances() == {driver: 150, other: 100}
    totals, differences = await books.check(loyalty.process)
    assert (sum(totals.values()), differences) == (0, [])

    async def refuses(tx: Any, received: Sequence[Received]) -> None:
        if any(one.event.order_id == second.order_id for one in received):
            raise ValueError("not this one")

    again = await replayed(loyalty, OrderPaidV1=refuses)
    assert (again.read, again.handled, again.refused) == (twice.read, twice.handled - 2, 2)


async def test_what_a_service_does_not_read_is_not_played_into_it(loyalty: Loyalty) -> None:
    for topic in ("pricing.reports", "no.such-topic", "payments.cards"):
        with pytest.raises(ValueError, match=topic):
            await books.replay(loyalty.process, subscriptions(loyalty.process), topic, lambda *_: None)


async def test_a_wrong_balance_is_found_and_mended(loyalty: Loyalty, environment: dict[str, str]) -> None:
    order = paid(str(new_id()), 20_000)
    await loyalty.kafka.publish(order)

    async def is_taken() -> bool:
        return await loyalty.sql("SELECT balance FROM members WHERE driver_id = $1", order.driver_id) == 200

    await eventually(is_taken)
    await loyalty.sql("UPDATE members SET balance = 900 WHERE driver_id = $1", order.driver_id)
    assert [(code, found["differences"][0]["of_postings"]) for code, found in [_run(environment, "check")]] == [
        (1, 200)
    ]
    assert [_run(environment, "rebuild"), _run(environment, "rebuild")] == [(1, {"mended": 1}), (0, {"mended": 0})]
    assert _run(environment, "check")[0] == 0


def _run(environment: dict[str, str], command: str) -> tuple[int, dict[str, Any]]:
    """An operator's command as a process of its own: its code, and what it printed."""
    argv = [sys.executable, "-m", "loyalty.commands", "points", command, "--json"]
    ended = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    return ended.returncode, json.loads(ended.stdout)
