"""A campaign that is stopped gives nothing more, on every replica, also on one that nobody can tell of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from loyalty.repository import campaign_use
from loyalty.repository.campaigns import at_work
from loyalty.use_cases import live_campaigns
from loyalty.use_cases.campaign_work import carry_on_due
from loyalty.use_cases.live_campaigns import GOOD_FOR, LiveCampaigns
from servicekit.ids import new_id
from servicekit.postgres import Connection, PostgresStore
from servicekit.problems import Unavailable
from servicekit.testkit import eventually

from .campaign_kit import changed, done, published
from .conftest import OPERATOR, Loyalty
from .purchase_kit import purchase
from .reservation_kit import Payer
from .reward_kit import DRIVER, coupon_campaign, fill, rewarded

WITHIN_SECONDS = 5.0


def ids(replica: LiveCampaigns) -> list[str]:
    return [one.campaign_id for one in replica.of(OPERATOR)]


async def knows(replica: LiveCampaigns, *campaigns: dict[str, Any]) -> bool:
    with suppress(Unavailable):
        return ids(replica) == sorted(one["campaign_id"] for one in campaigns)
    return False


@asynccontextmanager
async def another_replica(loyalty: Loyalty) -> AsyncIterator[LiveCampaigns]:
    """What one more process keeps in its memory, over connections of its own."""
    async with PostgresStore.connect(loyalty.settings) as store:
        replica = LiveCampaigns(store)
        run = asyncio.create_task(replica.run())
        try:
            await eventually(lambda: knows(replica))
            yield replica
        finally:
            run.cancel()
            with suppress(asyncio.CancelledError):
                await run


async def cut_listeners(loyalty: Loyalty) -> int:
    """Ends every connection on which campaigns are told; how many those were."""
    return await loyalty.sql(
        """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
           WHERE query ILIKE 'LISTEN%campaigns%' AND usename = current_user"""
    )


async def test_a_stop_holds_on_every_replica_also_where_its_notice_is_lost(loyalty: Loyalty):
    async with another_replica(loyalty) as other:
        replicas = (loyalty.process.campaigns, other)
        one, two = await published(loyalty), await published(loyalty)
        for replica in replicas:
            assert await eventually(lambda at=replica: knows(at, one, two), WITHIN_SECONDS)
        assert await cut_listeners(loyalty) >= len(replicas)
        await done(loyalty, one, "pause")
        await done(loyalty, two, "end")
        for replica in replicas:
            assert await eventually(lambda at=replica: knows(at), WITHIN_SECONDS)
        await done(loyalty, one, "resume", version=3)
        for replica in replicas:
            assert await eventually(lambda at=replica: knows(at, one), WITHIN_SECONDS)


async def test_a_replica_that_cannot_read_gives_nothing_rather_than_what_may_have_been_stopped(
    loyalty: Loyalty, monkeypatch: pytest.MonkeyPatch
):
    await published(loyalty)
    replica = LiveCampaigns(loyalty.store)
    with pytest.raises(Unavailable):
        replica.of(OPERATOR)
    await replica.read()
    assert len(ids(replica)) == 1
    assert timedelta(seconds=WITHIN_SECONDS) > GOOD_FOR

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + GOOD_FOR

    monkeypatch.setattr(live_campaigns, "datetime", Later)
    with pytest.raises(Unavailable):
        replica.of(OPERATOR)


async def test_it_begins_and_ends_exactly_at_its_times_whenever_it_was_read(
    loyalty: Loyalty, monkeypatch: pytest.MonkeyPatch
):
    now = datetime.now(UTC)
    starts_at, ends_at = now + timedelta(seconds=30), now + timedelta(seconds=40)
    await published(loyalty, starts_at=starts_at.isoformat(), ends_at=ends_at.isoformat())
    replica = LiveCampaigns(loyalty.store)
    await replica.read()
    moment = timedelta(microseconds=1)
    for at, holds in ((starts_at - moment, 0), (starts_at, 1), (ends_at - moment, 1), (ends_at, 0)):

        class Then(datetime):
            shown = at

            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return cls.shown

        monkeypatch.setattr(live_campaigns, "datetime", Then)
        monkeypatch.setattr(replica, "_read_at", at)
        assert len(replica.of(OPERATOR)) == holds, at


async def test_what_is_changed_while_it_is_out_is_known_everywhere(loyalty: Loyalty):
    one = await published(loyalty)
    assert (await changed(loyalty, one, name="The better")).status_code == 200

    async def is_known() -> bool:
        return [it.name for it in loyalty.process.campaigns.of(OPERATOR)] == ["The better"]

    assert await eventually(is_known, WITHIN_SECONDS)


async def test_a_stop_holds_in_reservations_at_once_and_in_quotes_within_a_moment(loyalty: Loyalty):
    payer = await Payer.at_a_station(loyalty)
    one = await published(loyalty)

    async def quoted() -> list[str]:
        body = {"station_id": str(payer.station_id), "fuel": "petrol_95", "volume_ml": 40_000}
        answer = await loyalty.client.post("/v1/quotes", json=body, headers=payer.headers)
        assert answer.status_code == 200, answer.text
        return [part["reference"] for part in answer.json()["breakdown"]]

    async def is_quoted() -> bool:
        return await quoted() == [one["campaign_id"]]

    async def is_not_quoted() -> bool:
        return await quoted() == []

    async def reserved() -> list[str]:
        answer = await payer.ask()
        assert answer.status_code == 200, answer.text
        return [part["reference"] for part in answer.json()["breakdown"]]

    assert await eventually(is_quoted, WITHIN_SECONDS)
    assert await reserved() == [one["campaign_id"]]
    await done(loyalty, one, "pause")
    assert await reserved() == [], "whatever a replica still has in its memory"
    assert await eventually(is_not_quoted, WITHIN_SECONDS)


async def test_a_stop_waits_for_nobody_who_uses_the_campaign_right_now(loyalty: Loyalty):
    """Reservations that go on refer to the campaign and queue for its budget; the stop overtakes all of them."""
    one = await published(loyalty, uses_per_driver=1)
    campaign_id, is_stopped = UUID(one["campaign_id"]), asyncio.Event()
    taken: list[bool] = []

    async def use(driver: str) -> None:
        async def work(tx: Connection) -> None:
            taken.append(await campaign_use.take(tx, campaign_id, driver, at=datetime.now(UTC)))
            await is_stopped.wait()

        await loyalty.store.transact(work)

    users = [asyncio.create_task(use(str(new_id()))) for _ in range(4)]

    async def is_used() -> bool:
        return bool(taken)

    try:
        await eventually(is_used)
        async with asyncio.timeout(WITHIN_SECONDS):
            assert (await done(loyalty, one, "pause"))["status"] == "paused"
    finally:
        is_stopped.set()
        await asyncio.gather(*users)
    assert sorted(taken) == [False, False, False, True], "those who come to it after the stop get nothing"


async def test_what_was_stopped_gives_nothing_also_after_the_end_that_would_have_come(loyalty: Loyalty):
    """Of a campaign that ended by its time, what was paid before is still rewarded; not so where it was paused."""
    one, other = [await coupon_campaign(loyalty, "every_fill", ends_at=tomorrow()) for _ in range(2)]
    for it in (one, other):
        await done(loyalty, it, "pause")
    await done(loyalty, other, "resume", version=3)
    await loyalty.sql("UPDATE campaigns SET ends_at = now() - interval '10 s'")
    await carry_on_due(loyalty.store)
    paid_at = datetime.now(UTC) - timedelta(seconds=20)
    await fill(loyalty, await loyalty.station(), occurred_at=paid_at)
    await rewarded(loyalty)
    assert [str(row["campaign_id"]) for row in await loyalty.rows("SELECT campaign_id FROM rewards")] == [
        other["campaign_id"]
    ]
    for it, is_taken in ((one, False), (other, True)):
        campaign_id = UUID(it["campaign_id"])
        took = await loyalty.store.transact(
            lambda tx, of=campaign_id: campaign_use.take(tx, of, DRIVER, at=paid_at)
        )  # fmt: skip
        assert took is is_taken
    found = await loyalty.store.transact(at_work)
    assert [it.campaign_id for it in found] == [other["campaign_id"]]


def tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


async def test_points_of_orders_that_are_told_of_late_are_multiplied_by_what_held_then(loyalty: Loyalty):
    double = {"benefit": {"kind": "points_multiplier", "basis_points": 20_000}, "ends_at": tomorrow()}
    ended, paused = await published(loyalty, **double), await published(loyalty, **double)
    await done(loyalty, paused, "pause")
    await loyalty.sql("UPDATE campaigns SET ends_at = now() - interval '30 min'")
    await carry_on_due(loyalty.store)
    now, station = datetime.now(UTC), await loyalty.station()
    orders = [await fill(loyalty, station, occurred_at=now - timedelta(minutes=ago)) for ago in (60, 31, 29, 1)]
    (plain,) = {one["points_due"] for one in [await purchase(loyalty, orders[n].order_id) for n in (2, 3)]}
    for order in orders[:2]:
        row = await purchase(loyalty, order.order_id)
        assert (row["points_due"], [str(it) for it in row["multiplier_campaigns"]]) == (
            2 * plain, [ended["campaign_id"]]
        )  # fmt: skip
