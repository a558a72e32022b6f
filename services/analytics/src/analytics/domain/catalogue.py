"""Every view there is: the one table that the stream processor, the commands and the reports share."""

from analytics.domain.folds.campaigns import Campaigns
from analytics.domain.folds.pump_days import PumpDays
from analytics.domain.folds.station_hours import StationHours
from analytics.domain.folds.station_points import StationPoints
from analytics.domain.views import View

VIEWS: tuple[View, ...] = (
    StationHours(),
    Campaigns(), PumpDays(), StationPoints(),
)  # fmt: skip
VIEW_BY_NAME = {view.name: view for view in VIEWS}

PROFILES = frozenset[str]()
"""The views whose documents are each about one person: nothing is folded into them for somebody who is gone."""
