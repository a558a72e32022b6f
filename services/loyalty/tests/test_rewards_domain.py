"""Which rewards fills have earned: the same, whatever order they are known in."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.domain.rewards import Fill, counts, is_by_fills, keys_due, trigger_of
from loyalty.domain.terms import Benefit, CouponReward, GiftReward, Percentage, Purchase, Scope, StampCard, Trigger

from .campaign_kit import campaign

START = datetime(2026, 3, 1, tzinfo=UTC)
IDS = [UUID(int=number) for number in range(1, 40)]


def rewarding(benefit: Benefit, **fields: Any) -> Any:
    return campaign(benefit=benefit, starts_at=START, **fields)


def fill(number: int, *, is_refunded: bool = False, volume_ml: int = 30_000, operator: str | None = None) -> Fill:
    purchase = Purchase(
        "driver", operator or campaign().operator, "station", "Asia/Shanghai", "petrol_95", 7_850, volume_ml, 23_550,
        "CNY", "wechat", "member", START + timedelta(hours=number),
    )  # fmt: skip
    return Fill(IDS[number], purchase, is_refunded)


def known_in_turn(one: Any, fills: list[Fill]) -> list[str]:
    """The rewards that are given when each of the fills is looked at once, as they become known."""
    given: list[str] = []
    for count, it in enumerate(fills, start=1):
        known = fills[:count]
        is_first = not any(other.purchase.at < it.purchase.at and not other.is_refunded for other in known)
        given += [key for key in keys_due(one, it, known, is_first=is_first, decided=len(given)) if key not in given]
    return given


@given(st.permutations(range(12)), st.integers(2, 5), st.sets(st.integers(0, 11)))
def test_each_nth_fill_is_rewarded_whatever_order_the_fills_come_in(
    order: list[int], count: int, refunded: set[int]
) -> None:
    one = rewarding(CouponReward("t", Trigger.NTH_FILL, count))
    given = known_in_turn(one, [fill(number, is_refunded=number in refunded) for number in order])
    assert len(given) == (12 - len(refunded)) // count
    assert len(set(given)) == len(given)


@given(st.permutations(range(6)), st.sets(st.integers(0, 5)))
def test_every_fill_and_the_first_one_are_rewarded_once(order: list[int], refunded: set[int]) -> None:
    fills = [fill(number, is_refunded=number in refunded) for number in order]
    every = known_in_turn(rewarding(CouponReward("t", Trigger.EVERY_FILL)), fills)
    assert len(set(every)) == 6 - len(refunded)
    first = known_in_turn(rewarding(GiftReward("g", Trigger.FIRST_FILL)), fills)
    assert len(first) == min(1, 6 - len(refunded))


def test_a_fill_replayed_earns_the_same_key() -> None:
    one = rewarding(CouponReward("t", Trigger.EVERY_FILL))
    again = [keys_due(one, fill(1), [fill(1)], is_first=True, decided=decided) for decided in (0, 1)]
    assert again[0] == again[1] != []


@pytest.mark.parametrize(
    "other",
    [fill(1, is_refunded=True), fill(1, volume_ml=5_000), fill(1, operator="another")],
    ids=["refunded", "too little", "elsewhere"],
)
def test_what_is_out_of_scope_or_refunded_earns_nothing(other: Fill) -> None:
    one = rewarding(CouponReward("t", Trigger.EVERY_FILL), scope=Scope(minimum_volume_ml=10_000))
    assert counts(one, fill(1))
    assert not counts(one, other)
    assert keys_due(one, other, [other], is_first=True, decided=0) == []


def test_edges_are_exact() -> None:
    one = rewarding(CouponReward("t", Trigger.EVERY_FILL), ends_at=START + timedelta(hours=2))
    assert [counts(one, fill(number)) for number in (0, 1, 2)] == [True, True, False]


@pytest.mark.parametrize(
    ("benefit", "trigger", "by_fills"),
    [
        (Percentage(100), None, False),
        (CouponReward("t", Trigger.CLAIM), "claim", False),
        (CouponReward("t", Trigger.BIRTHDAY_MONTH), "birthday_month", False),
        (GiftReward("g", Trigger.COME_BACK, 60), "come_back", False),
        (CouponReward("t", Trigger.INVITE_FRIEND), "invite_friend", True),
        (StampCard(5, "t"), "stamp_card", True),
    ],
)
def test_what_a_campaign_waits_for(benefit: Benefit, trigger: str | None, by_fills: bool) -> None:
    one = rewarding(benefit)
    assert (trigger_of(one), is_by_fills(one)) == (trigger, by_fills)


def test_an_nth_fill_without_its_number_is_an_error_that_is_seen() -> None:
    with pytest.raises(ValueError, match="each how many-th"):
        keys_due(rewarding(CouponReward("t", Trigger.NTH_FILL)), fill(1), [fill(1)], is_first=True, decided=0)
