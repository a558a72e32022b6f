"""The report of a station's campaigns, read from the views of campaigns, of stations' hours and of their points."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from analytics.domain.campaign_findings import MOST_COMPARED, Compared
from analytics.domain.campaign_report import AllGiven, CampaignsReport, Listed, all_given, campaigns_report
from analytics.domain.campaign_windows import Window, held_hours, window_of
from analytics.domain.campaigns import Campaign
from analytics.domain.folds.station_hours import StationHours
from analytics.domain.grids import DAY
from analytics.domain.periods import Period
from analytics.domain.sources import topics_of
from analytics.domain.uplift import BASELINE_DAYS, FIGURES, FURTHEST_DAYS, Effect, Verdict
from analytics.domain.views import Document
from analytics.repository.campaigns import Campaigns
from analytics.repository.stations import Station, Stations
from analytics.use_cases.context import Analytics
from analytics.use_cases.freshness import complete_until

NEARBY_M = 50_000
"""Stations within have the same weather, traffic and holidays."""
MOST_NEARBY = 1_000
MOST_CANDIDATES = 10
"""For each campaign, the nearest ones: the hours of each are read, and the most alike are taken."""
LONGEST_BEFORE = (FURTHEST_DAYS + BASELINE_DAYS) * DAY


@dataclass(frozen=True, slots=True)
class _Known:
    """What is read for the effects of campaigns at a station."""

    station: Station
    campaigns: Sequence[Campaign]
    """That held at stations of its operator in the time."""
    candidates: Mapping[UUID, Sequence[Station]]
    """Which stations may be comparable, by campaign."""
    hours: Mapping[UUID, Sequence[Document]]
    """What was sold, by station."""


async def read_campaigns(analytics: Analytics, station: Station, period: Period) -> CampaignsReport:
    """What campaigns gave at the station, and what changed by those that gave most."""
    now = datetime.now(UTC)  # hours that are not over, or not read, would look as if nothing had been sold in them
    until = min(await complete_until(analytics, topics_of(StationHours.events)) or now, now)
    campaigns = await Campaigns(analytics.views).of_operator(
        station.operator, period.starts_at - LONGEST_BEFORE, period.ends_at
    )
    every = await _given(analytics, station, period)
    listed = await _listed(analytics, station, period, campaigns, every, until)
    known = await _read(analytics, station, campaigns, [one.window for one in listed if isinstance(one.window, Window)])
    return await asyncio.to_thread(_report, known, period, listed, every)


async def _given(analytics: Analytics, station: Station, period: Period) -> AllGiven:
    known = Campaigns(analytics.views)
    hours = await known.sold(
        station.station_id, station.currency, period.starts_at, period.ends_at, ("begins_at", "campaigns")
    )
    points = await known.points(station.station_id, period.starts_at, period.ends_at)
    return all_given(period, hours, points)


async def _listed(
    analytics: Analytics, station: Station, period: Period, campaigns: Iterable[Campaign], every: AllGiven,
    until: datetime,
) -> list[Listed]:  # fmt: skip
    """The campaigns that held at the station in the period, and those that gave something; who gave most is first."""
    here = [one for one in campaigns if one.is_at(station.station_id, station.operator)]
    known = {str(one.campaign_id): one for one in here if one.within(period.starts_at, period.ends_at)}
    others = await Campaigns(analytics.views).named(every.campaigns.keys() - known.keys())
    known |= {str(one.campaign_id): one for one in others}
    ids = sorted({*known, *every.campaigns}, key=lambda one: (-every.discount_minor(one), one))
    listed: list[Listed] = []
    for place, campaign_id in enumerate(ids):
        campaign = known.get(campaign_id)
        held = held_hours(campaign, period, until) if campaign else []
        window = window_of(campaign, period, held) if campaign else Verdict.NOT_HELD
        listed.append(Listed(campaign_id, campaign, held, window if place < MOST_COMPARED else Verdict.NOT_COMPARED))
    return listed


async def _read(
    analytics: Analytics, station: Station, campaigns: Sequence[Campaign], windows: Sequence[Window]
) -> _Known:
    """What the station and those that may be comparable sold, over all windows; nothing where there are none."""
    if not windows:
        return _Known(station, campaigns, {}, {})
    begin, end = min(one.grid.begins_at for one in windows), max(one.grid.ends_at for one in windows)
    nearby = await Stations(analytics.views).neighbours(station, NEARBY_M, MOST_NEARBY, open_after=begin)
    like = [one for one in nearby if (one.operator, one.currency, one.time_zone) == (
        station.operator, station.currency, station.time_zone)]  # fmt: skip
    candidates = {
        window.campaign.campaign_id: [one for one in like if is_like(one, window, campaigns)][:MOST_CANDIDATES]
        for window in windows
    }
    fields = ("begins_at", *FIGURES, "campaigns", *(("fuels",) if any(one.campaign.fuels for one in windows) else ()))
    asked = {one.station_id: one for one in (station, *(one for some in candidates.values() for one in some))}
    books = Campaigns(analytics.views)
    hours = await asyncio.gather(*(books.sold(one, station.currency, begin, end, fields) for one in asked))
    return _Known(station, campaigns, candidates, dict(zip(asked, hours, strict=True)))


def is_like(station: Station, window: Window, campaigns: Iterable[Campaign]) -> bool:
    """Whether a station may be comparable: the campaign did not hold there, and no other began or ended."""
    return not window.campaign.is_at(station.station_id, station.operator) and not window.is_disturbed(
        campaigns, station.station_id, station.operator
    )


def _report(known: _Known, period: Period, listed: Sequence[Listed], every: AllGiven) -> CampaignsReport:
    compared = {one.campaign_id: _compared(known, one.window) for one in listed}
    return campaigns_report(period, known.station.currency, listed, every, compared)


def _compared(known: _Known, window: Window | Verdict) -> Compared:
    if isinstance(window, Verdict):
        return Compared(Effect(window))
    campaign, station = window.campaign, known.station
    others = [known.hours[one.station_id] for one in known.candidates[campaign.campaign_id]]
    found = window.effect(known.hours[station.station_id], others, campaign.campaign_id.int ^ station.station_id.int)
    disturbed = window.is_disturbed(known.campaigns, station.station_id, station.operator)
    return Compared(found, campaign.fuels is not None, disturbed)
