"""A person's rights in what views know of them: to have it, and to have it deleted."""

from collections.abc import Iterable
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from analytics.domain.folds.driver_months import KEPT_MONTHS
from analytics.domain.months import shifted, starts_at
from analytics.domain.views import Document
from analytics.use_cases.context import Analytics


async def collect_months(analytics: Analytics, accounts: Iterable[str]) -> list[dict[str, Any]]:
    """See people.COLLECTS: by month in UTC what became known of purchases."""
    months = await analytics.people.all_months(map(analytics.pseudonyms.of, accounts))
    return [_month(document) for document in sorted(months, key=itemgetter("month"))]


def _month(document: Document) -> dict[str, Any]:
    fills = [{"order_id": UUID(order), **fill} for order, fill in sorted(document["fills"].items())]
    kept_until = starts_at(shifted(document["month"], KEPT_MONTHS), ZoneInfo("UTC"))
    return {"month": document["month"], "kept_until": kept_until, "fills": fills}


async def collect_visits(analytics: Analytics, accounts: Iterable[str]) -> list[dict[str, Any]]:
    """See people.COLLECTS: when the person was at which station for the first and the last time, and how often."""
    visits = await analytics.people.stations_visited(map(analytics.pseudonyms.of, accounts))
    return sorted(visits, key=lambda visit: str(visit["station_id"]))


async def erase(analytics: Analytics, tx: Any, accounts: Iterable[str]) -> int:
    """See people.ERASES: the months, and whatever comes later."""
    drivers = [analytics.pseudonyms.of(account) for account in accounts]
    await analytics.people.note_gone(tx, drivers, datetime.now(UTC))
    return await analytics.people.delete_profiles(drivers, tx)
