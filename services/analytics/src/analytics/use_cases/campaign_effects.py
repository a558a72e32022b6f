"""What a campaign changed at a station, or at several taken as one: which others correct it is chosen alike."""

import asyncio
from collections.abc import Collection, Iterable, Sequence

from analytics.domain.campaign_findings import Compared
from analytics.domain.campaign_windows import Window
from analytics.domain.campaigns import Campaign
from analytics.domain.uplift import FIGURES
from analytics.domain.views import Document
from analytics.repository.campaigns import Campaigns
from analytics.repository.stations import Station, Stations, distance_m
from analytics.use_cases.context import Analytics

NEARBY_M = 50_000
"""Stations within have the same weather, traffic and holidays."""
MOST_CANDIDATES = 10
"""For each campaign, the nearest ones: the hours of each are read, and the most alike are taken."""


async def nearby(analytics: Analytics, own: Sequence[Station], windows: Collection[Window]) -> list[Station]:
    """The stations of the same operators around, for `compared`; none where there is no window."""
    if not windows:
        return []
    operators = {one.operator for one in own}
    return await Stations(analytics.views).around(own, NEARBY_M, min(one.grid.begins_at for one in windows), operators)


async def compared(
    analytics: Analytics, window: Window, own: Sequence[Station], sold: Sequence[Document],
    near: Sequence[Station], campaigns: Collection[Campaign], seed: int,
) -> Compared:  # fmt: skip
    """The effect at stations of one currency and time zone, of which `sold` are the hours, added up; `campaigns` are
    those of their operators."""
    like = await asyncio.to_thread(candidates, window, own, near, campaigns)
    books, fields = Campaigns(analytics.views), fields_of(window)
    others = await asyncio.gather(
        *(books.sold(one.station_id, one.currency, window.grid.begins_at, window.grid.ends_at, fields) for one in like)
    )
    found = await asyncio.to_thread(window.effect, sold, others, seed)
    disturbed = any(window.is_disturbed(campaigns, one.station_id, one.operator) for one in own)
    return Compared(found, window.campaign.fuels is not None, disturbed)


def fields_of(window: Window) -> tuple[str, ...]:
    """Of documents of `station-hours`, what the effect needs of a station without the campaign."""
    return ("begins_at", *FIGURES, *(("fuels",) if window.campaign.fuels else ()))


def candidates(
    window: Window, own: Sequence[Station], near: Iterable[Station], campaigns: Collection[Campaign]
) -> list[Station]:
    """Which may be comparable, the nearest first: of the operator, currency and time zone of one of its own within
    NEARBY_M, where the campaign did not hold, and no other began or ended."""
    measured: list[tuple[float, str, Station]] = []
    for other in near:
        distance = min((distance_m(one, other) for one in own if _kind(one) == _kind(other)), default=NEARBY_M + 1)
        if distance <= NEARBY_M and _is_like(other, window, campaigns):
            measured.append((distance, str(other.station_id), other))
    return [other for *_, other in sorted(measured, key=lambda one: one[:2])][:MOST_CANDIDATES]


def _kind(station: Station) -> tuple[str, str, str]:
    return station.operator, station.currency, station.time_zone


def _is_like(station: Station, window: Window, campaigns: Collection[Campaign]) -> bool:
    gone = station.closed_at is not None and station.closed_at <= window.grid.begins_at
    return not (
        gone
        or window.campaign.is_at(station.station_id, station.operator)
        or window.is_disturbed(campaigns, station.station_id, station.operator)
    )
