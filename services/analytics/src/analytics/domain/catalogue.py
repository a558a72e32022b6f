"""Every view there is: the one table that the stream processor, the commands and the reports share."""

from analytics.domain.folds.campaigns import Campaigns
from analytics.domain.folds.driver_months import DriverMonths
from analytics.domain.folds.pump_days import PumpDays
from analytics.domain.folds.station_drivers import StationDrivers
from analytics.domain.folds.station_hours import StationHours
from analytics.domain.folds.station_points import StationPoints
from analytics.domain.folds.station_prices import StationPrices
from analytics.domain.folds.stations import Stations
from analytics.domain.views import View

VIEWS: tuple[View, ...] = (
    StationHours(),
    Stations(), StationPrices(),
    StationDrivers(), DriverMonths(),
    Campaigns(), PumpDays(), StationPoints(),
)  # fmt: skip
VIEW_BY_NAME = {view.name: view for view in VIEWS}

PROFILES = frozenset({DriverMonths.name})
"""The views whose documents are each about one person: nothing is folded into them for somebody who is gone.
Their ids begin with the driver's pseudonym and a bar."""
PUBLISHED = frozenset({StationHours.name})
"""The views whose documents are published, each as its latest value: see use_cases/publishing.py."""
