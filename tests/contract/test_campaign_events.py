"""What loyalty tells of a campaign is what the search of stations shows, and drops: the two agree on every moment."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

import loyalty.domain.campaigns as ours
from loyalty.domain.terms import Campaign, Hours, Percentage, PerFill, PerLitre, Purchase, Scope, Stacking, Status
from schemas.events import CampaignEndedV1, CampaignPublishedV1
from stations.domain.campaigns import Campaigns

STATION, ID = "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-0000000009c1"
START = datetime(2026, 3, 27, tzinfo=UTC)
"""Two days before clocks change in Europe."""
ZONES = ("Europe/Vienna", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe")

clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from((0, 15, 30, 59)))
hours = st.builds(Hours, st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days))), clocks, clocks)
moments = st.integers(-60 * 24, 60 * 24 * 10).map(lambda minutes: START + timedelta(minutes=minutes))
campaigns = st.builds(
    Campaign, campaign_id=st.just(ID), version=st.integers(1, 9), status=st.just(Status.LIVE),
    operator=st.just("test-operator"), name=st.just("Ten off"), stacking=st.just(Stacking()),
    benefit=st.sampled_from((Percentage(500), PerLitre(50), PerFill(100))), currency=st.just("EUR"),
    starts_at=moments, ends_at=st.none() | st.just(START + timedelta(days=20)),
    scope=st.builds(
        Scope, fuels=st.sampled_from((None, ("e5",), ("e10",))), hours=st.none() | st.tuples(hours),
        minimum_volume_ml=st.sampled_from((None, 40_000, 40_001)),
    ),
)  # fmt: skip


@given(campaigns, moments, st.sampled_from(ZONES))
def test_a_search_shows_a_campaign_exactly_when_a_fill_would_get_it(campaign: Campaign, at: datetime, zone: str):
    purchase = Purchase("d", "test-operator", STATION, zone, "e5", 1_500, 40_000, 6_000, "EUR", None, "member", at)
    known = Campaigns()
    known.publish(CampaignPublishedV1.model_validate_json(ours.published(campaign, at).to_json()))
    shown = [one for one in known.in_force("e5", 40_000, at) if one.holds_in(ZoneInfo(zone), at)]
    assert bool(shown) is (campaign.offer.refusal(purchase) is None)


def test_what_is_paused_or_ended_leaves_the_search_and_what_is_resumed_comes_back():
    known = Campaigns()
    campaign = Campaign(
        ID, 2, Status.LIVE, "test-operator", "Ten off", Percentage(500), Scope(), Stacking(), None, START, None
    )  # fmt: skip

    def is_shown(command: ours.Command) -> bool:
        nonlocal campaign
        before, campaign = campaign.status, ours.advanced(campaign, command, START)
        event = ours.event_of(campaign, before, START)
        match event:
            case CampaignPublishedV1():
                known.publish(event)
            case CampaignEndedV1():
                known.end(event)
            case None:
                pass
        return any(known.in_force("e5", 40_000, START))

    known.publish(ours.published(campaign, START))
    assert not is_shown(ours.Command.PAUSE)
    assert is_shown(ours.Command.RESUME)
    assert is_shown(ours.Command.ADJUST)
    assert not is_shown(ours.Command.END)
    known.publish(ours.published(campaign, START))
    assert not any(known.in_force("e5", 40_000, START)), "an old event that comes again changes nothing"
