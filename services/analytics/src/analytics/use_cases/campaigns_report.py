"""The report of a station's campaigns, read from the views of campaigns, of stations' hours and of their points."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from analytics.domain.campaign_findings import MOST_COMPARED, Compared
from analytics.domain.campaign_report import AllGiven, CampaignsReport, Listed, all_given, campaigns_report
from analytics.domain.campaign_windows import Window, held_hours, window_of
from analytics.domain.campaigns import Campaign
from analytics.domain.folds.station_hours import StationHours
from analytics.domain.grids import DAY
from analytics.domain.periods import Period
from analytics.domain.sources import topics_of
from analytics.domain.uplift import BASELINE_DAYS, FURTHEST_DAYS, Effect, Verdict
from analytics.repository.campaigns import Campaigns
from analytics.repository.stations import Station
from analytics.use_cases import campaign_effects
from analytics.use_cases.context import Analytics
from analytics.use_cases.freshness import complete_until

LONGEST_BEFORE = (FURTHEST_DAYS + BASELINE_DAYS) * DAY


async def read_campaigns(analytics: Analytics, station: Station, period: Period) -> CampaignsReport:
    """What campaigns gave at the station, and what changed by those that gave most."""
    now = datetime.now(UTC)  # hours that are not over, or not read, would look as if nothing had been sold in them
    until = min(await complete_until(analytics, topics_of(StationHours.events)) or now, now)
    campaigns = await Campaigns(analytics.views).of_operator(
        station.operator, period.starts_at - LONGEST_BEFORE, period.ends_at
    )
    every = await _given(analytics, station, period)
    known = await _known(analytics, station, period, campaigns, every)
    listed = await asyncio.to_thread(_listed, period, known, every, until)
    compared = await _compared(analytics, station, campaigns, listed)
    return await asyncio.to_thread(campaigns_report, period, station.currency, listed, every, compared)


async def _given(analytics: Analytics, station: Station, period: Period) -> AllGiven:
    known = Campaigns(analytics.views)
    hours = await known.sold(
        station.station_id, station.currency, period.starts_at, period.ends_at, ("begins_at", "campaigns")
    )
    points = await known.points(station.station_id, period.starts_at, period.ends_at)
    return await asyncio.to_thread(all_given, period, hours, points)


async def _known(
    analytics: Analytics, station: Station, period: Period, campaigns: Iterable[Campaign], every: AllGiven
) -> dict[str, Campaign]:
    """The campaigns that held at the station in the period, and of those that gave something all that are known."""
    here = [one for one in campaigns if one.is_at(station.station_id, station.operator)]
    known = {str(one.campaign_id): one for one in here if one.within(period.starts_at, period.ends_at)}
    others = await Campaigns(analytics.views).named(every.campaigns.keys() - known.keys())
    return known | {str(one.campaign_id): one for one in others}


def _listed(period: Period, known: Mapping[str, Campaign], every: AllGiven, until: datetime) -> list[Listed]:
    """All of them, who gave most first; only the first of them are compared."""
    ids = sorted({*known, *every.campaigns}, key=lambda one: (-every.discount_minor(one), one))
    listed: list[Listed] = []
    for place, campaign_id in enumerate(ids):
        campaign = known.get(campaign_id)
        held = held_hours(campaign, period, until) if campaign else []
        window = Verdict.NOT_COMPARED if place >= MOST_COMPARED else Verdict.NOT_HELD
        if campaign and place < MOST_COMPARED:
            window = window_of(campaign, period, held)
        listed.append(Listed(campaign_id, campaign, held, window))
    return listed


async def _compared(
    analytics: Analytics, station: Station, campaigns: Sequence[Campaign], listed: Sequence[Listed]
) -> dict[str, Compared]:
    """The effects, by campaign: one after the other, so that no more than the hours of one are in memory."""
    windows = {one.campaign_id: one.window for one in listed}
    near = await campaign_effects.nearby(
        analytics, [station], [one for one in windows.values() if isinstance(one, Window)]
    )
    return {
        campaign_id: Compared(Effect(window)) if isinstance(window, Verdict) else await _effect(
            analytics, station, window, near, campaigns
        )
        for campaign_id, window in windows.items()
    }  # fmt: skip


async def _effect(
    analytics: Analytics, station: Station, window: Window, near: Sequence[Station], campaigns: Sequence[Campaign]
) -> Compared:
    fields = (*campaign_effects.fields_of(window), "campaigns")
    sold = await Campaigns(analytics.views).sold(
        station.station_id, station.currency, window.grid.begins_at, window.grid.ends_at, fields
    )
    seed = window.campaign.campaign_id.int ^ station.station_id.int
    return await campaign_effects.compared(analytics, window, [station], sold, near, campaigns, seed)
