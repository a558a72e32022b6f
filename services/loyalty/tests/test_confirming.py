"""What becomes of a reservation when events tell of its order, in whatever order, however often, however late."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from loyalty.commands import running
from loyalty.commands.__main__ import app
from loyalty.domain.terms import Stacking
from loyalty.repository import campaign_use
from loyalty.use_cases import points, reservation_work
from loyalty.use_cases.confirming import confirm
from loyalty.use_cases.differences import Kind, note
from loyalty.use_cases.people import PeopleData
from schemas.events import CouponIssuedV1, CouponRedeemedV1, UserErasedV1, UserMergedV1
from servicekit.consumer import Received
from servicekit.ids import new_id
from servicekit.personal_data import PeopleDesk
from servicekit.testkit import eventually
from servicekit.testkit_services import any_message

from .conftest import Loyalty
from .quote_kit import campaign, coupon_of
from .reservation_kit import (
    Payer,
    cancelled,
    coupon_is,
    differences,
    expire,
    off,
    paid,
    refunded,
    status_of,
    tell,
    used,
)

STACKS = Stacking("coupon", priority=50)


class Till:
    """A payer with a reservation of a coupon (500), a campaign (300) and 400 points of 1,000."""

    def __init__(self, payer: Payer, **ids: Any) -> None:
        self.payer, self.loyalty = payer, payer.loyalty
        self.coupon_id, self.campaign_id = ids["coupon_id"], ids["campaign_id"]
        self.reserved: dict[str, Any] = {}

    async def left(self) -> tuple[str, tuple[int, int], int]:
        """(the coupon, what the campaign gave, points)."""
        earned = await self.loyalty.sql("SELECT coalesce(sum(points_posted), 0)::bigint FROM purchases")
        points_left = await self.loyalty.sql(
            "SELECT balance - (SELECT coalesce(sum(held), 0) FROM lots l WHERE l.driver_id = m.driver_id)::bigint "
            "FROM members m WHERE driver_id = $1", self.payer.driver_id
        )  # fmt: skip
        return (
            await coupon_is(self.loyalty, self.coupon_id), await used(self.loyalty, self.campaign_id),
            points_left - earned,
        )  # fmt: skip


HELD, SPENT, FREE = ("reserved", (300, 1), 600), ("redeemed", (300, 1), 600), ("active", (0, 0), 1_000)


@pytest.fixture
async def till(loyalty: Loyalty) -> Till:
    payer = await Payer.at_a_station(loyalty)
    await payer.award(1_000)
    till = Till(
        payer, coupon_id=await coupon_of(loyalty, payer.driver_id, stacking=STACKS),
        campaign_id=await campaign(loyalty, budget_minor=300),
    )  # fmt: skip
    till.reserved = await payer.reserved(coupon_ids=[till.coupon_id], points=400)
    assert off(till.reserved) == 1_200
    assert await till.left() == HELD
    return till


async def test_what_was_reserved_is_spent_once(till: Till) -> None:
    loyalty, event = till.loyalty, paid(till.reserved)
    for events in ([event], [event, event], [event]):
        await tell(loyalty, *events)
        assert await till.left() == SPENT
    assert await status_of(loyalty, till.reserved) == "spent"
    assert await differences(loyalty) == []
    await till.payer.release(till.reserved["reservation_id"])
    await expire(loyalty)
    assert await till.left() == SPENT


async def test_others_are_told_that_the_coupon_was_used(till: Till) -> None:
    await tell(till.loyalty, paid(till.reserved))
    query = "SELECT payload FROM outbox WHERE type = $1"
    told = await till.loyalty.rows(query, CouponRedeemedV1.type())
    if not told:  # the relay was quicker
        events = [one.event() for one in await till.loyalty.kafka.read("loyalty.coupons")]
        mine = [one for one in events if isinstance(one, CouponRedeemedV1) and one.coupon_id == till.coupon_id]
    else:
        mine = [CouponRedeemedV1.model_validate_json(row["payload"]) for row in told]
    (event,) = mine
    assert (str(event.order_id), event.amount_minor) == (till.reserved["order_id"], 500)


async def test_a_cancelled_order_gives_all_back_and_a_paid_one_does_not(till: Till) -> None:
    await tell(till.loyalty, cancelled(till.reserved))
    assert (await till.left(), await status_of(till.loyalty, till.reserved)) == (FREE, "released")
    await tell(till.loyalty, paid(till.reserved))
    assert (await till.left(), await status_of(till.loyalty, till.reserved)) == (SPENT, "spent")
    await tell(till.loyalty, cancelled(till.reserved))
    assert await till.left() == SPENT


@pytest.mark.parametrize("end", ["expired", "released", "replaced"])
async def test_a_late_payment_is_honoured(till: Till, end: str) -> None:
    loyalty, first, second = till.loyalty, till.reserved, None
    if end == "expired":
        assert await expire(loyalty) == 1
    elif end == "released":
        await till.payer.release(first["reservation_id"])
    else:
        second = await till.payer.reserved(order_id=first["order_id"], coupon_ids=[till.coupon_id], points=100)
    assert await status_of(loyalty, first) == end
    for _ in range(2):
        await tell(loyalty, paid(first))
        assert await till.left() == SPENT
    assert (await status_of(loyalty, first), await differences(loyalty)) == ("spent", [])
    if second:
        assert await status_of(loyalty, second) == "replaced"


async def test_a_reservation_that_cannot_be_ended_stops_no_other(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(reservation_work, "AT_ONCE", 1)
    await till.payer.reserved(points=100)
    bad = await till.loyalty.sql(
        """UPDATE reservations SET breakdown = '[{"kind": 1}]' WHERE reservation_id =
           (SELECT min(reservation_id::text)::uuid FROM reservations) RETURNING reservation_id"""
    )

    async def only_that_is_held() -> bool:
        await expire(till.loyalty)
        held = await till.loyalty.rows("SELECT reservation_id FROM reservations WHERE status = 'held'")
        return [row["reservation_id"] for row in held] == [bad]

    await eventually(only_that_is_held)


async def test_what_went_elsewhere_meanwhile_is_a_difference_and_a_debt(till: Till) -> None:
    loyalty = till.loyalty
    await expire(loyalty)
    other = await till.payer.reserved(coupon_ids=[till.coupon_id], points=900)
    await tell(loyalty, paid(other))
    for _ in range(2):
        await tell(loyalty, paid(till.reserved))
    assert await till.left() == ("redeemed", (600, 2), 1_000 - 900 - 400)
    assert await differences(loyalty) == ["coupon_gone", "over_budget"]
    assert await loyalty.sql("SELECT order_id FROM coupons WHERE coupon_id = $1", till.coupon_id) == (
        await loyalty.sql("SELECT order_id FROM reservations WHERE reservation_id = $1::uuid", other["reservation_id"])
    )


async def test_a_reservation_that_is_not_known_is_taken_as_it_was_paid(till: Till) -> None:
    loyalty = till.loyalty
    await till.payer.release(till.reserved["reservation_id"])
    strange = till.reserved | {"reservation_id": str(new_id()), "order_id": str(new_id())}
    strange["breakdown"] = [
        *till.reserved["breakdown"],
        {"kind": "campaign", "reference": str(new_id()), "reason": "Gone", "amount_minor": 1},
        {"kind": "campaign", "reference": "happy-hour", "reason": "Not of here", "amount_minor": 2},
    ]
    for _ in range(2):
        await tell(loyalty, paid(strange))
    assert await till.left() == ("redeemed", (300, 1), 1_000)
    assert await differences(loyalty) == ["points_not_taken", "unknown_campaign"]


async def test_a_whole_refund_gives_all_back_and_a_part_of_it_nothing(till: Till) -> None:
    loyalty, event = till.loyalty, paid(till.reserved)
    await tell(loyalty, event)
    await tell(loyalty, refunded(till.reserved, event.paid_minor - 1))
    assert await till.left() == SPENT
    soon = "UPDATE coupons SET expires_at = now() + interval '1 day'"
    await loyalty.sql(soon)
    for _ in range(2):
        await tell(loyalty, refunded(till.reserved))
        assert await till.left() == FREE
    assert await status_of(loyalty, till.reserved) == "undone"
    days = await loyalty.sql("SELECT extract(day FROM expires_at - now()) FROM coupons")
    assert days == 13
    await tell(loyalty, event, cancelled(till.reserved))
    assert await till.left() == FREE
    issued = "SELECT payload FROM outbox WHERE type = $1"
    for row in await loyalty.rows(issued, CouponIssuedV1.type()):
        assert CouponIssuedV1.model_validate_json(row["payload"]).reason == "given_back"
    again = await till.payer.reserved(coupon_ids=[till.coupon_id], points=400)
    assert off(again) == 1_200


@pytest.mark.parametrize("before", [HELD, FREE], ids=["held", "expired"])
async def test_a_refund_that_is_told_before_the_payment_leaves_nothing_spent(till: Till, before: Any) -> None:
    if before == FREE:
        await expire(till.loyalty)
    await tell(till.loyalty, refunded(till.reserved))
    assert await till.left() == before
    for _ in range(2):
        await tell(till.loyalty, paid(till.reserved))
        assert (await till.left(), await status_of(till.loyalty, till.reserved)) == (FREE, "undone")


@pytest.mark.parametrize("is_late", [False, True])
async def test_what_discounts_paid_wholly_is_undone_though_no_money_goes_back(till: Till, is_late: bool) -> None:
    nothing = {"paid_minor": 0, "gross_minor": off(till.reserved), "method": "none"}
    events = [paid(till.reserved, **nothing), refunded(till.reserved, 0, paid_minor=0)]
    for event in [*reversed(events), *events] if is_late else [*events, *events]:
        await tell(till.loyalty, event)
    assert (await till.left(), await status_of(till.loyalty, till.reserved)) == (FREE, "undone")


async def test_nothing_is_spent_for_somebody_who_was_erased(till: Till) -> None:
    loyalty, process = till.loyalty, till.loyalty.process
    desk = PeopleDesk("loyalty", PeopleData(process), process.erasures)
    erased = UserErasedV1(user_id=UUID(till.payer.driver_id), version=2, occurred_at=datetime.now(UTC))
    await loyalty.store.transact(lambda tx: desk.take_erasures(tx, [Received(erased, any_message())]))
    assert await used(loyalty, till.campaign_id) == (0, 0)
    assert await status_of(loyalty, till.reserved) is None
    await tell(loyalty, cancelled(till.reserved))
    for _ in range(2):  # what the campaign gave, it gave, though nobody knows any more to whom
        await tell(loyalty, paid(till.reserved))
        total = await loyalty.rows("SELECT used_minor, uses FROM campaign_use")
        assert [(row["used_minor"], row["uses"]) for row in total] == [(300, 1)]
        assert await loyalty.sql("SELECT count(*) FROM campaign_drivers WHERE uses > 0") == 0
    assert await differences(loyalty) == []
    await tell(loyalty, refunded(till.reserved))
    assert await loyalty.sql("SELECT count(*) FROM reservations") == 0
    assert (await till.payer.ask()).status_code == 401


async def test_what_is_set_aside_is_spent_by_the_account_that_is_left(till: Till) -> None:
    loyalty, process, other = till.loyalty, till.loyalty.process, Payer(till.loyalty, till.payer.station_id)
    desk = PeopleDesk("loyalty", PeopleData(process), process.erasures)
    merged = UserMergedV1(
        user_id=UUID(till.payer.driver_id), into_user_id=UUID(other.driver_id), version=2, occurred_at=datetime.now(UTC)
    )  # fmt: skip
    await loyalty.store.transact(lambda tx: desk.take_merges(tx, [Received(merged, any_message())]))
    before, till.payer = till.reserved, other
    for _ in range(2):
        await tell(loyalty, paid(before))
        assert await till.left() == SPENT
    assert await loyalty.sql("SELECT driver_id FROM campaign_drivers") == other.driver_id
    assert await differences(loyalty) == []
    await tell(loyalty, refunded(before))
    assert await till.left() == FREE


@pytest.mark.parametrize("step", [(points, "spend_holds"), (campaign_use, "take_anyway")], ids=["points", "campaign"])
async def test_whoever_dies_while_confirming_has_done_nothing(
    till: Till, step: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, name = step
    await expire(till.loyalty)
    original = getattr(module, name)

    async def fails(*arguments: Any, **options: Any) -> Any:
        await original(*arguments, **options)
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(module, name, fails)
        with pytest.raises(RuntimeError, match="killed"):
            await tell(till.loyalty, paid(till.reserved))
    assert await till.left() == FREE
    await tell(till.loyalty, paid(till.reserved))
    assert await till.left() == SPENT


@pytest.mark.parametrize("paid_with", ["none", "another"])
async def test_what_is_held_for_an_order_that_was_paid_without_it_is_free(till: Till, paid_with: str) -> None:
    """Loyalty answered when payments had given up asking."""
    order = till.reserved | {"breakdown": []}
    reservation_id = None if paid_with == "none" else new_id()
    for _ in range(2):
        await tell(till.loyalty, paid(order, reservation_id=reservation_id))
        assert (await till.left(), await status_of(till.loyalty, till.reserved)) == (FREE, "replaced")


async def test_many_orders_cost_as_many_statements_as_one(loyalty: Loyalty) -> None:
    """The same, whether each has a campaign, a coupon and points, or there is one of them."""
    await campaign(loyalty, budget_minor=10**6)
    station_id = await loyalty.station()
    reserved = []
    for _ in range(6):
        payer = Payer(loyalty, station_id)
        await payer.award(1_000)
        coupon_id = await coupon_of(loyalty, payer.driver_id, stacking=STACKS)
        reserved.append(await payer.reserved(coupon_ids=[coupon_id], points=400))
    first, *others = [paid(one) for one in reserved]
    counts = []
    for events in ([first], others):
        seen: list[str] = []

        async def work(tx: Any, events: Any = events, seen: list[str] = seen) -> None:
            with tx.query_logger(lambda record: seen.append(record.query)):
                await confirm(loyalty.process, tx, events)

        await loyalty.store.transact(work)
        counts.append(len(seen))
    assert counts[0] == counts[1] < 25, counts
    assert [await status_of(loyalty, one) for one in reserved] == ["spent"] * 6
    assert await loyalty.sql("SELECT count(*) FROM coupons WHERE status = 'redeemed'") == 6
    assert await loyalty.sql("SELECT count(*) FROM transfers WHERE kind = 'redeemed'") == 6
    assert await differences(loyalty) == []


async def test_people_settle_differences(loyalty: Loyalty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "Settings", lambda: loyalty.settings)
    at, order_id = datetime.now(UTC), new_id()

    async def work(tx: Any) -> None:
        for _ in range(2):  # noted once
            await note(tx, Kind.COUPON_GONE, order_id, "coupon", at, {"amount_minor": 500})

    async def command(*arguments: str) -> tuple[int, str]:
        asked = ["differences", *arguments]
        result = await asyncio.to_thread(CliRunner().invoke, app, asked, env={"COLUMNS": "300"})
        return result.exit_code, result.output

    await loyalty.store.transact(work)
    (difference,) = json.loads((await command("list", "--json"))[1])
    assert (difference["kind"], difference["order_id"]) == ("coupon_gone", str(order_id))
    assert "amount_minor 500" in (await command("list"))[1]
    settling = ("settle", difference["difference_id"], "--by=Ada", "--note=Once is fine")
    assert await command(*settling) == (0, "the difference is settled\n")
    code, text = await command(*settling)
    assert (code, "no such difference" in text) == (1, True)
    assert "nothing waits" in (await command("list"))[1]
