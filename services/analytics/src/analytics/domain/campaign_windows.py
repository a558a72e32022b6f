"""The days and hours that a campaign's effect is told from. Arrays, no I/O."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import numpy as np

from analytics.domain.campaigns import HOUR, Campaign
from analytics.domain.grids import DAY, Flags, Floats, Grid
from analytics.domain.periods import Period
from analytics.domain.uplift import BASELINE_DAYS, FIGURES, FURTHEST_DAYS, LEAST_OPEN, Effect, Verdict, effect
from analytics.domain.views import Document

LEAST_MINUTES = 30
"""An hour counts as the campaign's where it held in half of it."""


@dataclass(frozen=True, slots=True)
class Window:
    """A campaign, the days before it and those of it that a report is about."""

    campaign: Campaign
    grid: Grid
    held: Flags
    """In which hours of its own days it held: (day, hour)."""

    def is_disturbed(self, campaigns: Iterable[Campaign], station_id: UUID, operator: str) -> bool:
        """Whether another campaign began or ended at a station between the weeks before and the last day."""
        return any(
            one.is_at(station_id, operator) and not one.is_constant(self.grid.begins_at, self.grid.ends_at)
            for one in campaigns
            if one.campaign_id != self.campaign.campaign_id
        )

    def steady(self, open_days: Mapping[UUID, Collection[date]]) -> list[UUID]:
        """Which of stations that are taken as one were open on nearly all days on which any was, before the campaign
        and during it: what one sells that opens or closes meanwhile is no change by a campaign."""
        began_on = self.grid.first_day + BASELINE_DAYS * DAY
        every = {day for days in open_days.values() for day in days}
        parts = [{day for day in every if (day < began_on) is before} for before in (True, False)]
        return [
            station_id for station_id, days in open_days.items()
            if all(len(part.intersection(days)) >= LEAST_OPEN * len(part) for part in parts)
        ]  # fmt: skip

    def effect(self, own: Sequence[Document], others: Iterable[Sequence[Document]], seed: int) -> Effect:
        """The effect at a station that sold `own`, corrected by those of the others that are comparable."""
        return effect(
            self.sold(own), [self.sold(other) for other in others], self.held, self.given_minor(own), seed
        )  # fmt: skip

    def sold(self, hours: Sequence[Document]) -> Floats:
        """What a station sold of the campaign's grades, (figure, day, hour), from documents of `station-hours`."""
        values = [[self._figure(hour, name) for hour in hours] for name in FIGURES]
        return self.grid.laid_out([hour["begins_at"] for hour in hours], values)

    def _figure(self, hour: Document, name: str) -> int:
        if self.campaign.fuels is None:
            return hour[name]
        return sum(hour["fuels"][fuel][name] for fuel in self.campaign.fuels if fuel in hour["fuels"])

    def given_minor(self, hours: Sequence[Document]) -> Floats:
        """What the campaign gave on each of its own days, from documents of `station-hours` that have `campaigns`."""
        key = str(self.campaign.campaign_id)
        given = [(hour["begins_at"], hour["campaigns"][key]["discount_minor"]) for hour in hours
                 if key in hour["campaigns"]]  # fmt: skip
        return self.grid.laid_out([at for at, _ in given], [[minor for _, minor in given]])[0].sum(axis=1)[
            BASELINE_DAYS:
        ]


def held_hours(campaign: Campaign, period: Period, until: datetime) -> list[datetime]:
    """The hours of UTC of a period in which it held, of those that were over at `until`."""
    return [
        hour for hour in period.hours
        if hour + HOUR <= until and campaign.minutes_of(hour, period.zone) >= LEAST_MINUTES
    ]  # fmt: skip


def window_of(campaign: Campaign, period: Period, held: Sequence[datetime]) -> Window | Verdict:
    """What its effect is told from, or why there is none. `held`: see `held_hours`."""
    if not held:
        return Verdict.NOT_HELD
    began_on = period.day_of(campaign.spans[0].begins)
    last_day = min(period.last_day, began_on + (FURTHEST_DAYS - 1) * DAY)
    if last_day < period.day_of(held[0]):
        return Verdict.TOO_LONG_AGO
    days = BASELINE_DAYS + (last_day - began_on).days + 1
    grid = Grid(began_on - BASELINE_DAYS * DAY, days, period.zone)
    laid = grid.laid_out(held, [np.ones(len(held)).tolist()])[0]
    return Window(campaign, grid, laid[BASELINE_DAYS:] > 0)
