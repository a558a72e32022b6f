"""What paid orders earn and refunds take back, on the real store, however often and in whatever order events come."""

from datetime import timedelta
from typing import Any

import pytest

from loyalty.domain.terms import Campaign, Hours, PointsMultiplier, Scope, Stacking, Status, stored
from loyalty.repository import points as ledger
from loyalty.use_cases import accrual, points
from servicekit.erasures import Erasure
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Unavailable
from servicekit.store import StoreUnavailable

from .conftest import OPERATOR, Loyalty
from .purchase_kit import NOW, balance, paid, purchase, refunded, take


@pytest.fixture
def driver() -> str:
    return str(new_id())


async def test_an_order_earns_once_however_often_it_is_told(loyalty: Loyalty, driver: str) -> None:
    order = paid(driver)
    await take(loyalty, [order, order])
    await take(loyalty, [order])
    assert await balance(loyalty, driver) == 100
    (entry,) = await loyalty.rows("SELECT * FROM transfers")
    assert (entry["points"], entry["balance"], entry["version"], entry["order_id"]) == (100, 100, 1, order.order_id)
    row = await purchase(loyalty, order.order_id)
    assert (row["points_due"], row["points_posted"], row["counted_ml"], row["tier"]) == (100, 100, 12_738, "member")
    assert row["rewarded_at"] is None


async def test_a_batch_is_posted_whole_and_told_with_versions_that_grow(loyalty: Loyalty, driver: str) -> None:
    orders = [paid(driver, minor) for minor in (1_000, 2_000, 99)] + [paid(str(new_id()), 5_000)]
    before = await loyalty.sql("SELECT count(*) FROM transfers")
    await take(loyalty, orders)
    rows = await loyalty.rows("SELECT version, points, balance FROM transfers WHERE driver_id = $1 ORDER BY 1", driver)
    assert (before, [row["version"] for row in rows], rows[-1]["balance"]) == (0, [1, 2], 30)
    assert await balance(loyalty, orders[-1].driver_id) == 50


async def test_a_refund_takes_back_its_share_and_all_takes_all(loyalty: Loyalty, driver: str) -> None:
    order, other = paid(driver, 999), paid(driver, 5_000)
    await take(loyalty, [order, other])
    await take(loyalty, [refunded(order, 500)])
    assert await balance(loyalty, driver) == 50 + 4
    await take(loyalty, [refunded(order, 500), refunded(order, 300)])
    assert await balance(loyalty, driver) == 50 + 4
    await take(loyalty, [refunded(order, 5_000)])
    assert await balance(loyalty, driver) == 50
    row = await purchase(loyalty, order.order_id)
    assert (row["points_posted"], row["counted_ml"]) == (0, 0)
    left = await loyalty.rows("SELECT remaining FROM lots WHERE remaining <> 0")
    assert left == [{"remaining": 50}]


async def test_a_refund_may_come_before_its_payment(loyalty: Loyalty, driver: str) -> None:
    order = paid(driver, 10_000)
    await take(loyalty, [refunded(order, 2_500)])
    assert (await purchase(loyalty, order.order_id))["paid_at"] is None
    assert await balance(loyalty, driver) == 0
    await take(loyalty, [order])
    assert await balance(loyalty, driver) == 75
    row = await purchase(loyalty, order.order_id)
    assert (row["points_due"], row["points_posted"], row["counted_ml"]) == (100, 75, 9_553)


async def test_what_was_spent_already_is_owed_and_paid_by_what_comes_next(loyalty: Loyalty, driver: str) -> None:
    order = paid(driver, 10_000)
    await take(loyalty, [order])

    async def spend(tx: Connection) -> None:
        await points.spend(loyalty.process, tx, driver, 80, key="gift", gift_order_id=new_id(), at=NOW)

    await loyalty.store.transact(spend)
    await take(loyalty, [refunded(order, 10_000)])
    assert await balance(loyalty, driver) == -80
    async with loyalty.store.connection() as connection:
        assert await points.spendable(connection, driver) == 0
    await take(loyalty, [paid(driver, 5_000), paid(driver, 5_000)])
    assert await balance(loyalty, driver) == 20
    lots = await loyalty.rows("SELECT remaining FROM lots WHERE driver_id = $1 AND remaining <> 0", driver)
    assert lots == [{"remaining": 20}]


async def test_points_and_discounts_earn_nothing(loyalty: Loyalty, driver: str) -> None:
    parts = [{"kind": "points", "reason": "9,000 points", "amount_minor": 9_000, "points": 9_000}]
    await take(loyalty, [paid(driver, 1_000, gross_minor=10_000, breakdown=parts)])
    await take(loyalty, [paid(driver, 0, gross_minor=10_000, breakdown=parts, method="none")])
    assert await balance(loyalty, driver) == 10


async def test_an_erased_driver_leaves_a_row_and_gets_nothing(loyalty: Loyalty, driver: str) -> None:
    async def erase(tx: Connection) -> None:
        await loyalty.process.erasures.record(tx, driver, Erasure(NOW))

    order = paid(driver)
    await loyalty.store.transact(erase)
    await take(loyalty, [order])
    await take(loyalty, [refunded(order, 5_000)])
    assert await balance(loyalty, driver) == 0
    row = await purchase(loyalty, order.order_id)
    assert (row["points_due"], row["counted_ml"], row["rewarded_at"] is None) == (0, 0, False)


async def test_the_account_that_is_left_gets_what_came_for_a_merged_one(loyalty: Loyalty, driver: str) -> None:
    between, survivor = str(new_id()), str(new_id())

    async def merge(tx: Connection) -> None:
        await loyalty.process.erasures.record(tx, driver, Erasure(NOW, merged_into=between))
        await loyalty.process.erasures.record(tx, between, Erasure(NOW, merged_into=survivor))

    await loyalty.store.transact(merge)
    order = paid(driver)
    await take(loyalty, [order])
    assert [await balance(loyalty, one) for one in (driver, between, survivor)] == [0, 0, 100]
    await take(loyalty, [refunded(order, 10_000)])
    assert [await balance(loyalty, one) for one in (driver, survivor)] == [0, 0]


class Campaigns:
    """What holds now."""

    def __init__(self, *campaigns: Campaign) -> None:
        self._campaigns = campaigns

    async def read(self) -> None:
        """They do not change."""

    def of_late(self, operator: str) -> Any:
        return [one for one in self._campaigns if one.operator == operator]


class BrokeOff(Exception):
    """The process dies."""


class Unknown(Campaigns):
    """They have not been read of late."""

    def of_late(self, operator: str) -> Any:
        raise Unavailable("The list of campaigns")


def multiplier(basis_points: int, scope: Scope, **fields: Any) -> Campaign:
    starts_at = fields.pop("starts_at", NOW - timedelta(days=1))
    return Campaign(
        str(new_id()), 1, Status.LIVE, OPERATOR, "canary-more points", PointsMultiplier(basis_points), scope,
        Stacking(), None, starts_at, None, **fields,
    )  # fmt: skip


async def test_the_best_campaign_in_scope_multiplies(loyalty: Loyalty, driver: str) -> None:
    station = await loyalty.station()
    best = multiplier(30_000, Scope(fuels=("petrol_95",)))
    elsewhere = multiplier(90_000, Scope(fuels=("diesel_0",)))
    later = multiplier(80_000, Scope(), starts_at=NOW)
    hours = multiplier(50_000, Scope(hours=(Hours((1, 2, 3, 4, 5, 6, 7)),)))
    loyalty.process.campaigns = Campaigns(multiplier(20_000, Scope()), best, elsewhere, later)  # pyright: ignore[reportAttributeAccessIssue]
    order = paid(driver, station_id=station)
    await take(loyalty, [order])
    assert await balance(loyalty, driver) == 300
    assert [str(one) for one in (await purchase(loyalty, order.order_id))["multiplier_campaigns"]] == [best.campaign_id]
    loyalty.process.campaigns = Campaigns(hours)  # pyright: ignore[reportAttributeAccessIssue]
    await take(loyalty, [paid(driver), paid(driver, station_id=station)])
    assert await balance(loyalty, driver) == 300 + 100 + 500


async def test_what_was_paid_while_a_campaign_held_is_multiplied_also_after_its_end(
    loyalty: Loyalty, driver: str
) -> None:  # fmt: skip
    ended = multiplier(20_000, Scope())
    await loyalty.sql(
        """INSERT INTO campaigns (campaign_id, status, operator, name, benefit, scope, stacking, starts_at, ends_at,
                                  changed_at, created_by)
           VALUES ($1, 'ended', $2, 'canary-more', $3, $4, $5, $6, $7::timestamptz, $7::timestamptz, 'canary-staff')""",
        ended.campaign_id, OPERATOR, stored(ended.benefit), stored(ended.scope), stored(ended.stacking),
        NOW - timedelta(hours=1), NOW - timedelta(seconds=20),
    )  # fmt: skip
    await loyalty.process.campaigns.read()
    assert [one.campaign_id for one in loyalty.process.campaigns.of(OPERATOR)] == []
    await take(loyalty, [
        paid(driver, 1_000, occurred_at=NOW - timedelta(seconds=21)),
        paid(driver, 100, occurred_at=NOW - timedelta(seconds=20)),
    ])  # fmt: skip
    assert await balance(loyalty, driver) == 20 + 1
    await loyalty.sql("UPDATE campaigns SET changed_at = ends_at - interval '1 minute'")
    await loyalty.process.campaigns.read()
    await take(loyalty, [paid(driver, 1_000, occurred_at=NOW - timedelta(seconds=21))])
    assert await balance(loyalty, driver) == 21 + 10


async def test_the_tier_of_the_moment_counts(loyalty: Loyalty, driver: str) -> None:
    await take(loyalty, [paid(driver, 10_000, volume_ml=500_000)])
    order = paid(driver, 10_000)
    await take(loyalty, [order])
    assert await balance(loyalty, driver) == 210
    assert (await purchase(loyalty, order.order_id))["tier"] == "silver"


async def test_nothing_is_lost_while_campaigns_are_not_known(loyalty: Loyalty, driver: str) -> None:
    loyalty.process.campaigns = Unknown()  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(StoreUnavailable):
        await take(loyalty, [paid(driver)])
    assert await balance(loyalty, driver) == 0


async def test_a_batch_that_breaks_off_leaves_nothing(loyalty: Loyalty, driver: str) -> None:
    order = paid(driver)

    async def half(tx: Connection) -> None:
        await accrual.accrue(loyalty.process, tx, [order], await ledger.lock_owners(tx, [driver]))
        raise BrokeOff

    with pytest.raises(BrokeOff):
        await loyalty.store.transact(half)
    assert await loyalty.sql("SELECT count(*) FROM purchases") == 0
    assert await loyalty.outbox_is_empty()
    await take(loyalty, [order])
    assert await balance(loyalty, driver) == 100


@pytest.mark.parametrize("is_late", [False, True])
async def test_an_order_that_discounts_paid_wholly_is_undone_whole(
    loyalty: Loyalty, driver: str, is_late: bool
) -> None:  # fmt: skip
    order = paid(driver, 0, gross_minor=10_000, method="none")
    undone = refunded(order, 0)
    events = [undone, order] if is_late else [order, undone]
    for event in [*events, *events]:
        await take(loyalty, [event])
    row = await purchase(loyalty, order.order_id)
    assert (row["points_posted"], row["counted_ml"], row["refunded_minor"]) == (0, 0, 1)
    assert await loyalty.sql("SELECT coalesce(sum(volume_ml), 0)::bigint FROM member_months") == 0
