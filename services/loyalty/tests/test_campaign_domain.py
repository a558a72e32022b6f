"""What campaigns may become, which terms make sense, and what others are told."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.domain.campaign_words import conditions, gives
from loyalty.domain.campaigns import (
    NEXT,
    Command,
    NotAllowed,
    adjustment_faults,
    advanced,
    event_of,
    faults,
    is_for_everyone,
    published,
)
from loyalty.domain.terms import (
    Campaign,
    CouponReward,
    GiftReward,
    Hours,
    Percentage,
    PerFill,
    PerLitre,
    PointsMultiplier,
    PriceLock,
    Purchase,
    Scope,
    StampCard,
    Status,
    Trigger,
)
from schemas.events import CampaignEndedV1, CampaignPublishedV1

from .campaign_kit import NOW, campaign

EURO = PerLitre(mills=50)
ID = "01900000-0000-7000-8000-0000000009a1"


@given(st.lists(st.sampled_from(Command), max_size=12))
def test_versions_grow_nothing_holds_that_was_not_simulated_and_what_ended_stays_so(commands: list[Command]):
    steps: list[tuple[Command | None, Campaign]] = [(None, campaign())]
    for command in commands:
        try:
            steps.append((command, advanced(steps[-1][1], command, NOW)))
        except NotAllowed:
            assert (steps[-1][1].status, command) not in NEXT
    for (_, before), (command, after) in pairwise(steps):
        assert after.version == before.version + (command is not Command.SIMULATE)
        assert before.status is not Status.ENDED
    words = [command for command, _ in steps]
    for place, command in enumerate(words):
        if command is Command.PUBLISH:
            edits = [at for at, one in enumerate(words[:place]) if one is Command.EDIT]
            assert Command.SIMULATE in words[max(edits, default=0) : place]


def test_what_is_published_is_live_where_its_time_has_come_and_scheduled_otherwise():
    ready = campaign(status=Status.SIMULATED)
    assert advanced(ready, Command.PUBLISH, NOW).status is Status.LIVE
    assert advanced(ready, Command.PUBLISH, ready.starts_at).status is Status.LIVE
    assert advanced(ready, Command.PUBLISH, ready.starts_at - timedelta(microseconds=1)).status is Status.SCHEDULED
    paused = campaign(status=Status.PAUSED, starts_at=NOW + timedelta(days=1))
    assert advanced(paused, Command.RESUME, NOW).status is Status.SCHEDULED


def test_a_refused_command_says_what_is_allowed():
    with pytest.raises(NotAllowed, match="is live, which does not allow publish; it allows adjust, pause, end"):
        advanced(campaign(status=Status.LIVE), Command.PUBLISH, NOW)
    with pytest.raises(NotAllowed, match="allows nothing more"):
        advanced(campaign(status=Status.ENDED), Command.RESUME, NOW)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"ends_at": NOW - timedelta(hours=1)}, "/ends_at"),
        ({"ends_at": NOW - timedelta(days=2)}, "/ends_at"),
        ({"benefit": EURO}, "/currency"),
        ({"benefit": PerFill(100)}, "/currency"),
        ({"benefit": PriceLock(1_500)}, "/currency"),
        ({"benefit": Percentage(100, most_minor=500)}, "/currency"),
        ({"budget_minor": 1_000}, "/currency"),
        ({"scope": Scope(minimum_minor=1)}, "/currency"),
        ({"currency": "EUR"}, "/currency"),
        ({"benefit": PointsMultiplier(20_000), "budget_minor": 5, "currency": "EUR"}, "/budget_minor"),
        ({"benefit": PointsMultiplier(20_000), "most_uses": 5}, "/most_uses"),
        ({"benefit": PointsMultiplier(20_000), "uses_per_driver": 5}, "/uses_per_driver"),
        ({"scope": Scope(tiers=("gold", "diamond"))}, "/scope/tiers"),
        ({"scope": Scope(hours=(Hours((1, 1)),))}, "/scope/hours"),
        ({"benefit": CouponReward(ID, Trigger.NTH_FILL)}, "/benefit/count"),
        ({"benefit": CouponReward(ID, Trigger.NTH_FILL, 1)}, "/benefit/count"),
        ({"benefit": GiftReward(ID, Trigger.COME_BACK)}, "/benefit/count"),
        ({"benefit": GiftReward(ID, Trigger.FIRST_FILL, 3)}, "/benefit/count"),
        ({"benefit": CouponReward(ID, Trigger.CLAIM), "scope": Scope(fuels=("e5",))}, "/scope/fuels"),
        ({"benefit": CouponReward(ID, Trigger.BIRTHDAY_MONTH), "scope": Scope(hours=(Hours((1,)),))}, "/scope/hours"),
    ],
)
def test_terms_that_make_no_sense_are_said_to_be_wrong_where_they_are(fields: dict[str, Any], pointer: str):
    assert [one.pointer for one in faults(campaign(**fields), NOW)] == [pointer]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"benefit": EURO, "currency": "EUR", "budget_minor": 5, "most_uses": 3, "uses_per_driver": 1},
        {"benefit": PointsMultiplier(20_000), "scope": Scope(tiers=("gold",), fuels=("e5",))},
        {"benefit": CouponReward(ID, Trigger.NTH_FILL, 5), "scope": Scope(fuels=("e5",), hours=(Hours((1, 7)),))},
        {"benefit": CouponReward(ID, Trigger.CLAIM), "scope": Scope(tiers=("gold",)), "most_uses": 10},
        {"benefit": GiftReward(ID, Trigger.COME_BACK, 60)},
        {"benefit": StampCard(5, ID), "scope": Scope(minimum_volume_ml=20_000)},
        {"ends_at": NOW + timedelta(seconds=1)},
    ],
)
def test_terms_that_make_sense_are_taken(fields: dict[str, Any]):
    assert faults(campaign(**fields), NOW) == []


def test_while_it_is_out_caps_only_grow():
    out = campaign(status=Status.LIVE, benefit=EURO, currency="EUR", budget_minor=100, uses_per_driver=2)

    def wrong(**fields: Any) -> list[str]:
        after = campaign(status=Status.LIVE, benefit=EURO, currency="EUR", **fields)
        return [one.pointer for one in adjustment_faults(out, after, NOW)]

    assert wrong(budget_minor=101, uses_per_driver=3) == []
    assert wrong(budget_minor=None, uses_per_driver=None) == []
    assert wrong(budget_minor=99, uses_per_driver=2) == ["/budget_minor"]
    assert wrong(budget_minor=100, uses_per_driver=1, most_uses=5) == ["/most_uses", "/uses_per_driver"]
    assert wrong(budget_minor=100, uses_per_driver=2, ends_at=NOW) == ["/ends_at"]


def test_others_are_told_when_it_begins_to_hold_changes_stops_and_comes_back():
    def told(before: Status | None, status: Status) -> type | None:
        event = event_of(campaign(status=status, version=7), before, NOW)
        assert event is None or event.version == 7
        return type(event) if event else None

    for status in (Status.SCHEDULED, Status.LIVE):
        for before in (Status.SIMULATED, Status.SCHEDULED, Status.LIVE, Status.PAUSED):
            assert told(before, status) is CampaignPublishedV1
        assert told(status, Status.PAUSED) is CampaignEndedV1
        assert told(status, Status.ENDED) is CampaignEndedV1
    assert told(Status.PAUSED, Status.ENDED) is CampaignEndedV1
    assert told(Status.PAUSED, Status.PAUSED) is None
    for before in (None, Status.DRAFT, Status.SIMULATED):
        for status in (Status.DRAFT, Status.SIMULATED, Status.ENDED):
            assert told(before, status) is None, "nobody heard of it"


def test_only_what_everybody_gets_is_told_to_be_for_everyone():
    scope = Scope(station_ids=(ID,), fuels=("e5",), hours=(Hours((1,)),), minimum_volume_ml=20_000)
    assert is_for_everyone(campaign(scope=scope, ends_at=NOW))
    for fields in (
        {"scope": Scope(tiers=("gold",))}, {"scope": Scope(methods=("wechat",))}, {"scope": Scope(minimum_minor=1)},
        {"budget_minor": 1}, {"most_uses": 1}, {"uses_per_driver": 1}, {"benefit": Percentage(1, most_minor=1)},
    ):  # fmt: skip
        assert published(campaign(**fields), NOW).audience == "some", fields


def test_an_event_says_what_a_search_needs():
    scope = Scope(station_ids=(ID,), fuels=("e5",), hours=(Hours((6, 7), "22:00", "06:00"),), minimum_volume_ml=20_000)
    one = campaign(benefit=EURO, currency="EUR", scope=scope, ends_at=NOW + timedelta(days=9), version=4)
    event = published(one, NOW).model_dump(mode="json")
    assert event == {
        "campaign_id": one.campaign_id, "version": 4, "name": "Ten off", "audience": "everyone",
        "discount": {"kind": "per_litre", "mills": 50}, "currency": "EUR", "minimum_volume_ml": 20_000,
        "station_ids": [ID], "operators": ["test-operator"], "fuels": ["e5"],
        "hours": [{"weekdays": [6, 7], "from_time": "22:00", "until_time": "06:00"}],
        "starts_at": "2026-11-19T12:00:00Z", "ends_at": "2026-11-29T12:00:00Z", "occurred_at": "2026-11-20T12:00:00Z",
    }  # fmt: skip
    nothing_off = (PriceLock(1_500), PointsMultiplier(20_000), StampCard(5, ID), GiftReward(ID, Trigger.CLAIM))
    assert [published(campaign(benefit=one), NOW).discount for one in nothing_off] == [None] * 4


def bought(at: datetime, time_zone: str = "Europe/Vienna") -> Purchase:
    return Purchase("d", "test-operator", ID, time_zone, "e5", 1_500, 40_000, 6_000, "EUR", "wechat", "member", at)


def test_it_holds_from_its_first_moment_on_and_at_its_end_no_more():
    one, moment = campaign(ends_at=NOW).offer, timedelta(microseconds=1)
    assert one.refusal(bought(one.starts_at - moment)) == "not_yet"
    assert one.refusal(bought(one.starts_at)) is None
    assert one.refusal(bought(NOW - moment)) is None
    assert one.refusal(bought(NOW)) == "expired"


NIGHT = Scope(hours=(Hours((6,), "22:00", "06:00"),))
"""Saturday 22:00 to Sunday 06:00, by the station's clock."""


def holds(scope: Scope, at: str, time_zone: str = "Europe/Vienna") -> bool:
    return scope.refusal(bought(datetime.fromisoformat(at).astimezone(UTC), time_zone)) is None


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin():
    assert not holds(NIGHT, "2026-11-21T21:59:59+01:00")
    assert holds(NIGHT, "2026-11-21T22:00:00+01:00")
    assert holds(NIGHT, "2026-11-22T05:59:59+01:00")
    assert not holds(NIGHT, "2026-11-22T06:00:00+01:00")
    assert not holds(NIGHT, "2026-11-22T23:00:00+01:00"), "on Sunday none begins"
    assert not holds(NIGHT, "2026-11-21T05:00:00+01:00"), "nor on Friday"


def test_hours_go_by_the_clock_on_the_days_on_which_it_changes():
    """In Vienna 02:00 to 03:00 was left out on 29 March 2026, and shown twice on 25 October; both are Sundays."""
    morning = Scope(hours=(Hours((7,), "02:30", "03:30"),))
    assert not holds(morning, "2026-03-29T01:59:00+01:00")
    assert holds(morning, "2026-03-29T03:00:00+02:00"), "one minute later: 02:30 was left out"
    assert not holds(morning, "2026-03-29T03:30:00+02:00")
    assert holds(morning, "2026-10-25T02:30:00+02:00")
    assert holds(morning, "2026-10-25T02:59:59+02:00")
    assert not holds(morning, "2026-10-25T02:00:00+01:00"), "one second later the clock shows 02:00 again"
    assert holds(morning, "2026-10-25T02:30:00+01:00")
    assert holds(NIGHT, "2026-03-29T05:59:00+02:00")
    assert holds(NIGHT, "2026-10-25T05:59:00+01:00")


def test_hours_go_by_the_clock_of_the_station():
    evening = Scope(hours=(Hours((5,), "18:00", "20:00"),))
    assert holds(evening, "2026-11-20T18:30:00+08:00", "Asia/Shanghai")
    assert not holds(evening, "2026-11-20T18:30:00+08:00", "Europe/Vienna")
    assert holds(evening, "2026-11-20T18:30:00+01:00", "Europe/Vienna")
    assert holds(evening, "2026-11-21T04:30:00Z", "America/Los_Angeles") is False
    assert holds(evening, "2026-11-21T02:30:00Z", "America/Los_Angeles"), "there it is Friday still"


@pytest.mark.parametrize(
    ("fields", "en", "zh"),
    [
        ({"benefit": Percentage(250)}, "2.5 % off", "立减 2.5%"),
        ({"benefit": Percentage(1_000, 2_000), "currency": "CNY"}, "10 % off, at most 20.00 CNY", "最多 20.00 CNY"),
        ({"benefit": PerLitre(150), "currency": "CNY"}, "0.15 CNY off each litre", "每升立减 0.15 CNY"),
        ({"benefit": PerLitre(1_005), "currency": "EUR"}, "1.005 EUR off each litre", "每升立减 1.005 EUR"),
        ({"benefit": PerFill(500), "currency": "JPY"}, "500 JPY off", "立减 500 JPY"),
        ({"benefit": PriceLock(7_990), "currency": "CNY"}, "at most 7.99 CNY for a litre", "每升最高 7.99 CNY"),
        ({"benefit": PointsMultiplier(20_000)}, "2 times the points", "2 倍积分"),
        ({"benefit": PointsMultiplier(15_000)}, "1.5 times the points", "1.5 倍积分"),
        ({"benefit": CouponReward(ID, Trigger.NTH_FILL, 5)}, "a coupon for every 5 fills", "每加油 5 次"),
        ({"benefit": GiftReward(ID, Trigger.CLAIM)}, "a gift for taking it in the app", "在应用内领取"),
        ({"benefit": StampCard(8, ID)}, "a coupon for 8 stamps, one for each fill", "集满 8 枚"),
    ],
)
def test_it_says_in_plain_words_what_it_gives(fields: dict[str, Any], en: str, zh: str):
    words = gives(campaign(**fields))
    assert words["en"] == en
    assert zh in words["zh"]


def test_it_says_in_plain_words_when_and_for_whom():
    scope = Scope(
        tiers=("gold", "platinum"), methods=("wechat", "fuel_card"), minimum_volume_ml=30_500, minimum_minor=20_000,
        hours=(Hours((6, 7)), Hours((1, 2, 3, 4, 5, 6, 7), "22:00", "00:00")),
    )  # fmt: skip
    said = conditions(campaign(scope=scope, currency="CNY", uses_per_driver=1, budget_minor=10))
    assert [one["en"] for one in said] == [
        "on Sat, Sun", "every day from 22:00 to 24:00", "for gold or platinum members",
        "when you pay by WeChat Pay or fuel card", "from 30.5 litres on", "from 200.00 CNY on",
        "once for each driver", "while stocks last",
    ]  # fmt: skip
    assert [one["zh"] for one in said[:4]] == [
        "周六、周日",
        "每天 22:00-24:00",
        "限金卡、白金",
        "使用微信支付、加油卡付款",
    ]
    assert conditions(campaign()) == []


@given(st.integers(1, 10_000), st.integers(1, 100_000))
def test_every_number_in_words_is_the_number(points: int, mills: int):
    """2.50 % are 250 basis points, whatever is left out of the text."""
    share = gives(campaign(benefit=Percentage(points)))["en"].removesuffix(" % off")
    assert round(float(share) * 100) == points
    price = gives(campaign(benefit=PerLitre(mills), currency="EUR"))["en"].removesuffix(" EUR off each litre")
    assert round(float(price) * 1_000) == mills
