"""Which campaigns meet, how they combine, and what they take off together."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from loyalty.domain.conflicts import (
    Combines,
    Concern,
    Example,
    Overlap,
    Place,
    combines,
    example_fill,
    most_off,
    overlap,
)
from loyalty.domain.terms import (
    Hours,
    Offer,
    Percentage,
    PerFill,
    PerLitre,
    PointsMultiplier,
    Purchase,
    Scope,
    Stacking,
    StampCard,
)
from loyalty.use_cases import conflicts
from servicekit.testkit import eventually

from .campaign_kit import NOW, ask, campaign, done, made, published
from .conftest import OPERATOR, Loyalty

VIENNA = Place("01900000-0000-7000-8000-000000000001", "Europe/Vienna", "EUR", ("e5", "e10"))
SHANGHAI = Place("01900000-0000-7000-8000-000000000002", "Asia/Shanghai", "CNY", None)
LORD_HOWE = Place("01900000-0000-7000-8000-000000000003", "Australia/Lord_Howe", "EUR", ("e5",))
PLACES = (VIENNA, SHANGHAI, LORD_HOWE)
PRICES = {(place.station_id, fuel): 1_500 for place in PLACES for fuel in ("e5", "e10")}
SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)
"""Half a day before clocks jump ahead in Vienna; a week before they jump back by half an hour on Lord Howe Island."""
HALF_HOUR = timedelta(minutes=30)


def offer(**fields: Any) -> Offer:
    return campaign(**fields).offer


def subsets(*words: str) -> st.SearchStrategy[tuple[str, ...] | None]:
    return st.none() | st.sets(st.sampled_from(words), min_size=1).map(lambda some: tuple(sorted(some)))


clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from((0, 30)))
windows = st.builds(
    Hours, st.sets(st.integers(1, 7), min_size=1, max_size=2).map(lambda days: tuple(days)), clocks, clocks
)
scopes = st.builds(
    Scope, station_ids=subsets(*(place.station_id for place in PLACES)), fuels=subsets("e5", "e10"),
    tiers=subsets("member", "gold"), methods=subsets("wechat", "fuel_card"),
    hours=st.none() | st.lists(windows, min_size=1, max_size=2).map(tuple),
    minimum_volume_ml=st.sampled_from((None, 90_000)), minimum_minor=st.sampled_from((None, 7_777)),
)  # fmt: skip
spans = st.tuples(st.integers(0, 400), st.none() | st.integers(1, 300))
offers = st.builds(
    lambda scope, span, currency: offer(
        scope=scope, benefit=Percentage(1_000), currency=currency, starts_at=SPRING + span[0] * HALF_HOUR,
        ends_at=None if span[1] is None else SPRING + (span[0] + span[1]) * HALF_HOUR,
    ),
    scopes, spans, st.sampled_from((None, "EUR", "CNY")),
)  # fmt: skip


def in_both(one: Offer, other: Offer) -> Iterator[Purchase]:
    """Every kind of fill at each half hour of two weeks from when both may hold that is in scope of both, in order."""
    begin = max(one.starts_at, other.starts_at)
    fills = [
        Purchase(
            "", OPERATOR, it.station_id, it.time_zone, fuel, 1_500, 100_000, 15_000, it.currency, method, tier, begin
        )
        for it, fuel, tier, method in product(PLACES, ("e5", "e10"), ("member", "gold"), ("wechat", "fuel_card", None))
        if it.fuels is None or fuel in it.fuels
    ]
    fills = [it for it in fills if {one.refusal(it), other.refusal(it)} <= {None, "hours", "expired"}]  # time may help
    for step, fill in product(range(2 * 24 * 15), fills):
        later = replace(fill, at=begin + step * HALF_HOUR)
        if one.refusal(later) is None and other.refusal(later) is None:
            yield later


@settings(max_examples=60, deadline=None)
@given(offers, offers)
def test_two_meet_exactly_where_some_fill_is_in_scope_of_both(one: Offer, other: Offer):
    found = overlap(one, other, PLACES, SPRING)
    both = in_both(one, other)
    if found is None:
        assert next(both, None) is None
        return
    fill = example_fill(found, [one, other], PRICES)
    assert fill is not None
    assert (one.refusal(fill), other.refusal(fill)) == (None, None)
    first = found.places[0].station_id
    assert next(it.at for it in both if it.station_id == first) == found.at


def test_hours_meet_where_the_clock_shows_an_hour_twice_or_jumps_into_one():
    """On 25 October 2026 Vienna's clock shows 02:00 to 03:00 twice; on 29 March it leaves that hour out."""
    end = datetime(2026, 10, 25, 3, tzinfo=UTC)
    night = Scope(hours=(Hours((7,), "02:45", "03:00"),))
    start = datetime(2026, 10, 25, 1, tzinfo=UTC)
    found = overlap(
        offer(scope=night, starts_at=start, ends_at=end), offer(scope=night, starts_at=start), [VIENNA], start
    )
    assert found is not None, "the second time"
    assert found.at == datetime(2026, 10, 25, 1, 45, tzinfo=UTC)
    start, end = datetime(2026, 3, 29, 0, 50, tzinfo=UTC), datetime(2026, 3, 29, 1, 10, tzinfo=UTC)
    morning = Scope(hours=(Hours((7,), "02:30", "03:05"),))
    found = overlap(offer(scope=morning, starts_at=start, ends_at=end), offer(starts_at=start), [VIENNA], start)
    assert found is not None
    assert found.at == datetime(2026, 3, 29, 1, tzinfo=UTC), "when it jumps from 02:00 to 03:00"
    left_out = Scope(hours=(Hours((7,), "02:30", "03:00"),))
    assert overlap(offer(scope=left_out, starts_at=start, ends_at=end), offer(starts_at=start), [VIENNA], start) is None


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        ({}, {}, Combines.BETTER_ONE),
        ({}, {"stacking": Stacking("weekend")}, Combines.TOGETHER),
        ({}, {"stacking": Stacking(None)}, Combines.ALONE),
        ({"stacking": Stacking(None)}, {"stacking": Stacking(None)}, Combines.ALONE),
        ({"benefit": PointsMultiplier(20_000)}, {"benefit": PointsMultiplier(30_000)}, Combines.BETTER_MULTIPLIER),
        ({"benefit": PointsMultiplier(20_000)}, {}, Combines.INDEPENDENT),
        ({"benefit": StampCard(5, "t")}, {"benefit": StampCard(5, "t")}, Combines.INDEPENDENT),
    ],
)
def test_how_two_combine_follows_from_their_kinds_and_groups(one: dict[str, Any], other: dict[str, Any], how: Combines):
    assert combines(offer(**one), offer(**other)) is how
    assert combines(offer(**other), offer(**one)) is how


def example(*offers: Offer) -> Any:
    found = overlap(offers[0], offers[-1], PLACES, NOW)
    assert isinstance(found, Overlap)
    fill = example_fill(found, offers, PRICES)
    assert fill is not None
    return most_off(fill, offers)


def test_an_example_shows_what_both_take_off_and_warns_of_too_much():
    tenth = offer(campaign_id="a")
    other_group = {"stacking": Stacking("weekend", 200), "currency": "EUR"}
    litre = offer(campaign_id="b", benefit=PerLitre(100), **other_group)
    together = example(tenth, litre)
    assert (together.purchase.gross_minor, together.off_minor) == (6_000, 600 + 400)
    assert (together.share_basis_points, together.warnings) == (1_666, [])
    same_group = example(tenth, offer(campaign_id="c", benefit=PerLitre(100), currency="EUR"))
    assert (same_group.off_minor, same_group.campaign_ids) == (600, ("a",))
    much = example(tenth, offer(campaign_id="d", benefit=PerLitre(350), **other_group))
    assert (much.off_minor, much.warnings) == (600 + 1_400, [Concern.MUCH])
    free = example(tenth, offer(campaign_id="e", benefit=PerFill(100_000), **other_group))
    assert (free.off_minor, free.warnings) == (6_000, [Concern.FREE])


def test_an_example_is_as_large_as_the_minimums_ask():
    fill = example(offer(scope=Scope(minimum_minor=10_001), currency="EUR"), offer()).purchase
    assert fill.gross_minor == 10_001
    assert example(offer(scope=Scope(minimum_volume_ml=77_000)), offer()).purchase.volume_ml == 77_000


def test_without_a_price_there_is_no_example():
    found = overlap(offer(), offer(), PLACES, NOW)
    assert found is not None
    assert example_fill(found, [offer()], {}) is None


async def test_staff_see_what_a_draft_would_meet(loyalty: Loyalty):
    here, there = str(await loyalty.station()), str(await loyalty.station(price_mills=None))
    money = {"benefit": {"kind": "per_fill", "amount_minor": 10_000}, "currency": "CNY"}
    meets = await published(loyalty, stacking={"group": "weekend"}, name="The meets", **money)
    paused = await published(loyalty, scope={"station_ids": [here]})
    await done(loyalty, paused, "pause")
    await published(loyalty, scope={"station_ids": [there]})
    await published(loyalty, scope={"tiers": ["gold"]})
    await done(loyalty, await published(loyalty), "end")
    await made(loyalty)
    draft = await made(loyalty, scope={"station_ids": [here], "tiers": ["member", "silver"]})
    answer = await ask(loyalty, f"/campaigns/{draft['campaign_id']}/conflicts", method="GET")
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert [(one["campaign_id"], one["status"], one["combines"]) for one in shown["conflicts"]] == [
        (meets["campaign_id"], "live", "together"), (paused["campaign_id"], "paused", "better_one"),
    ]  # fmt: skip
    first = shown["conflicts"][0]
    assert (first["stations"], first["station_ids"], first["tiers"]) == (1, [here], ["member", "silver"])
    assert first["example"]["gross_minor"] == 31_400, "40 litres at 7.85"
    assert first["example"]["off_minor"] == 13_140 - 1_000, "100.00, and a tenth of what is left"
    assert (first["warnings"], shown["warnings"]) == (["more_than_30_percent"], ["more_than_30_percent"])
    foreign = {"grants": [{"role": "manager", "operators": ["another"], "stations": []}], "operators": ["another"]}
    assert (
        await ask(loyalty, f"/campaigns/{draft['campaign_id']}/conflicts", method="GET", **foreign)
    ).status_code == 404
    await eventually(loyalty.outbox_is_empty)


async def test_of_many_those_that_begin_nearest_are_compared_and_the_rest_is_counted(
    loyalty: Loyalty, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(conflicts, "MOST_COMPARED", 2)
    await loyalty.station()
    now = datetime.now(UTC)
    near, far, nearest = [
        await published(loyalty, starts_at=(now + timedelta(days=days)).isoformat()) for days in (5, 9, 2)
    ]
    draft = await made(loyalty, starts_at=(now + timedelta(days=1)).isoformat())
    shown = (await ask(loyalty, f"/campaigns/{draft['campaign_id']}/conflicts", method="GET")).json()
    assert [one["campaign_id"] for one in shown["conflicts"]] == [near["campaign_id"], nearest["campaign_id"]]
    assert (shown["not_compared"], far["status"], shown["most"]["off_minor"]) == (1, "scheduled", 3_140)


async def test_a_few_fills_show_what_hundreds_of_campaigns_take_off_together(monkeypatch: pytest.MonkeyPatch):
    """How often all campaigns are priced together does not grow with their number."""
    together: list[int] = []

    def counted(fill: Purchase, offers: Sequence[Offer]) -> Example:
        together.append(len(offers))
        return most_off(fill, offers)

    monkeypatch.setattr(conflicts.domain, "most_off", counted)
    own = campaign(campaign_id="own", currency="EUR", ends_at=None)
    others = [
        campaign(campaign_id=f"c{day}", scope=Scope(hours=(Hours((day % 7 + 1,), f"{day % 24:02}:00", "23:59"),)))
        for day in range(60)
    ]
    met = conflicts._met(own, others, [VIENNA])
    shown = conflicts._preview(own, met, PRICES, 0)
    assert len(shown["conflicts"]) == 60
    assert sorted(together)[-conflicts.MOST_FILLS - 1 :] == [2] + [61] * conflicts.MOST_FILLS
