"""Batches of two replicas, and a batch and a driver who pays: nobody waits in a circle."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from loyalty.consumer import subscriptions
from loyalty.use_cases.batches import lock_all
from loyalty.use_cases.people import PeopleData
from schemas.base import Event
from schemas.events import UserErasedV1
from servicekit.consumer import Prepare, Received, handle_runs
from servicekit.personal_data import PeopleDesk
from servicekit.testkit import eventually
from servicekit.testkit_services import any_message

from .conftest import Loyalty
from .quote_kit import campaign
from .reservation_kit import Payer, cancelled, differences, expire, off, paid, refunded, status_of, tell, used

OTHERS_WAIT = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND state = 'active'"""


def erased(driver_id: str) -> UserErasedV1:
    return UserErasedV1(user_id=UUID(driver_id), version=2, occurred_at=datetime.now(UTC))


class Replica:
    """Takes a batch as the consumer does, with one transaction that is not tried again."""

    def __init__(self, loyalty: Loyalty, prepare: Prepare | None) -> None:
        self._loyalty, self._prepare = loyalty, prepare
        people = PeopleDesk("loyalty", PeopleData(loyalty.process), loyalty.process.erasures).subscriptions
        table = {**subscriptions(loyalty.process), **people}
        self._handlers = {event.type(): handler for event, handler in table.items()}

    async def take(self, events: Sequence[Event], between: Callable[[], Awaitable[None]] | None = None) -> None:
        """Takes them; `between` is done once, after the first run of events."""
        received = [Received(event, any_message()) for event in events]
        handlers = dict(self._handlers)
        last = received[-1].event.type()

        async def after_it(tx: Any, run: Sequence[Received]) -> None:
            assert between is not None
            await between()
            await self._handlers[last](tx, run)

        if between:
            handlers[last] = after_it
        async with self._loyalty.store.connection() as connection, connection.transaction():
            await handle_runs(connection, handlers, received, self._prepare)


async def two_replicas(loyalty: Loyalty, *, is_prepared: bool) -> list[BaseException | None]:
    """What became of two batches about the same two people, the other way round."""
    await loyalty.process.earning.read()
    await loyalty.process.campaigns.read()
    station_id = await loyalty.station()
    one, other = [await Payer(loyalty, station_id).reserved(gross_minor=1_000 + n) for n in range(2)]
    replica = Replica(loyalty, lambda tx, all_: lock_all(loyalty.process, tx, all_) if is_prepared else _nothing())
    second: list[asyncio.Task[None]] = []

    async def until_the_other_waits() -> None:
        second.append(asyncio.create_task(replica.take([paid(other), erased(one["driver_id"])])))

        async def waits() -> bool:
            return bool(await loyalty.sql(OTHERS_WAIT))

        await eventually(waits)

    first = asyncio.create_task(replica.take([paid(one), erased(other["driver_id"])], until_the_other_waits))
    done, _ = await asyncio.wait([first])
    return [task.exception() for task in (*done, *((await asyncio.wait(second))[0]))]


async def _nothing() -> None:
    pass


async def test_batches_of_two_replicas_wait_in_no_circle(loyalty: Loyalty) -> None:
    await campaign(loyalty, budget_minor=10**6)
    assert await two_replicas(loyalty, is_prepared=True) == [None, None]


async def test_they_would_if_they_did_not_lock_all_first(loyalty: Loyalty) -> None:
    """That the test above can fail."""
    await campaign(loyalty, budget_minor=10**6)
    ended = await two_replicas(loyalty, is_prepared=False)
    assert [type(one) for one in ended if one] == [asyncpg.DeadlockDetectedError]


async def test_all_kinds_of_events_of_an_order_at_once_leave_what_they_leave_one_by_one(loyalty: Loyalty) -> None:
    campaign_id = await campaign(loyalty, budget_minor=10**6)
    station_id = await loyalty.station()
    reserved = [await Payer(loyalty, station_id).reserved() for _ in range(4)]
    kept, gone, back, late = reserved
    assert [off(one) for one in reserved] == [300] * 4
    for one in (back, late):  # ended before it was paid
        await expire(loyalty, one["reservation_id"])
    assert await used(loyalty, campaign_id) == (600, 2)
    for _ in range(2):
        await tell(loyalty, refunded(back), cancelled(gone), paid(late), paid(kept), paid(back))
        assert [await status_of(loyalty, one) for one in reserved] == ["spent", "released", "undone", "spent"]
        assert await used(loyalty, campaign_id) == (600, 2)
    assert await differences(loyalty) == []
