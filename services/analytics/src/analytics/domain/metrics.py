"""What each figure of a report means: the one table that reports, their files, the docs and the tests share.

Its parts are in `metrics_<area>.py`.
"""

from analytics.domain.metric import Metric, Unit
from analytics.domain.metrics_campaigns import CAMPAIGNS
from analytics.domain.metrics_customers import CUSTOMERS
from analytics.domain.metrics_prices import PRICES
from analytics.domain.metrics_pumps import PUMPS
from analytics.domain.metrics_sales import SALES

__all__ = ["LEAST_DRIVERS", "METRICS", "TABLE", "Metric", "Unit"]

LEAST_DRIVERS = 5
"""Groups of fewer drivers are suppressed: nobody is to be found in a report."""
TABLE: tuple[Metric, ...] = (*SALES, *CUSTOMERS, *PRICES, *CAMPAIGNS, *PUMPS)
METRICS = {metric.name: metric for metric in TABLE}
