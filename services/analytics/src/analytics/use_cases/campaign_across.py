"""What a campaign changed at all stations of somebody's where it held, taken as one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from analytics.domain.campaign_findings import Compared
from analytics.domain.campaign_report import GIVEN, CampaignAcross, Given, Listed, campaign_figures
from analytics.domain.campaign_windows import Window, held_hours, window_of
from analytics.domain.campaigns import Campaign
from analytics.domain.periods import Period, zone_of
from analytics.domain.uplift import Effect, Verdict
from analytics.repository.campaigns import Campaigns
from analytics.repository.stations import Station
from analytics.use_cases import campaign_effects
from analytics.use_cases.context import Analytics
from analytics.use_cases.freshness import views_complete_until
from analytics.use_cases.overview import overview_stations
from analytics.use_cases.reporting import Asked, period_of
from servicekit.auth import Principal
from servicekit.problems import Problem

VIEWS = ("campaigns", "station-hours", "station-points", "stations")
MOST_STATIONS = 200
"""Their hours of months are added up for one answer."""


@dataclass(frozen=True, slots=True)
class AcrossReading:
    """A campaign at somebody's stations."""

    campaign: Campaign
    period: Period
    made_at: datetime
    complete_until: datetime | None
    rows: Sequence[CampaignAcross]
    """One for each currency and time zone; who gave most is first."""


async def read_across(analytics: Analytics, principal: Principal, campaign_id: UUID, asked: Asked) -> AcrossReading:
    """The campaign at the caller's stations. Raises Problem 404 where it is at none, 422 where it is at too many."""
    made_at = datetime.now(UTC)
    known = await Campaigns(analytics.views).named([str(campaign_id)])
    every = await overview_stations(analytics, principal, None) if known else []
    held = [one for one in every if known[0].is_at(one.station_id, one.operator)]
    if not held:
        raise Problem(
            404, "no-such-campaign", "No such campaign, or it is at none of your stations; check the campaign_id."
        )
    if len(held) > MOST_STATIONS:
        raise Problem(
            422, "too-many-stations", f"It is at {len(held)} of your stations; more than {MOST_STATIONS} are too many "
            "to be added up. Each station's report of campaigns has it."
        )  # fmt: skip
    groups = sorted({(one.currency, one.time_zone) for one in held})
    period = period_of(asked, zone_of(held[0].time_zone), made_at)
    known_until = await views_complete_until(analytics, VIEWS)
    rows = [
        await _row(
            analytics, known[0], Period(period.first_day, period.last_day, zone_of(zone)),
            [one for one in held if (one.currency, one.time_zone) == (currency, zone)],
            min(known_until or made_at, made_at),
        )
        for currency, zone in groups
    ]  # fmt: skip
    rows.sort(key=lambda row: -row.campaign_discount_minor)
    return AcrossReading(known[0], period, made_at, known_until, rows)


async def _row(
    analytics: Analytics, campaign: Campaign, period: Period, held_at: Sequence[Station], until: datetime
) -> CampaignAcross:  # fmt: skip
    books, key, one = Campaigns(analytics.views), str(campaign.campaign_id), held_at[0]
    ids = [station.station_id for station in held_at]
    held = await asyncio.to_thread(held_hours, campaign, period, until)
    window = window_of(campaign, period, held)
    sums = await books.given_together(ids, one.currency, period.starts_at, period.ends_at, campaign.campaign_id)
    given = Given({period.first_day: {name: sums[name] for name in GIVEN}}, sums["accruals"], sums["points"])
    compared = Compared(Effect(window)) if isinstance(window, Verdict) else await _compared(
        analytics, window, held_at
    )  # fmt: skip
    figures = campaign_figures(period, one.currency, Listed(key, campaign, held, window), given, compared)
    return CampaignAcross(currency=one.currency, time_zone=one.time_zone, stations=len(ids), **figures)


async def _compared(analytics: Analytics, window: Window, held_at: Sequence[Station]) -> Compared:
    """The effect at those of the stations that were open before it and all the while."""
    books, begin, end, currency = (
        Campaigns(analytics.views), window.grid.begins_at, window.grid.ends_at, held_at[0].currency,
    )  # fmt: skip
    steady = set(window.steady(await books.open_days([one.station_id for one in held_at], currency, window.grid)))
    own = [one for one in held_at if one.station_id in steady]
    if not own:
        return Compared(Effect(Verdict.TOO_FEW_WEEKS))
    campaigns = {
        one.campaign_id: one
        for operator in sorted({station.operator for station in own})
        for one in await books.of_operator(operator, begin, end)
    }.values()
    near = await campaign_effects.nearby(analytics, own, [window])
    sold = await books.sold_together(steady, currency, window)
    return await campaign_effects.compared(
        analytics, window, own, sold, near, campaigns, window.campaign.campaign_id.int
    )
