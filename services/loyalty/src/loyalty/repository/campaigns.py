"""Queries about campaigns."""

from collections.abc import Mapping
from typing import Any

import msgspec

from loyalty.domain.terms import Campaign, Scope, Stacking, Status, benefit_of
from servicekit.postgres import Connection


async def at_work(tx: Connection) -> list[Campaign]:
    """Campaigns that hold now, by their status and times; a scheduled one holds as soon as its time has come."""
    rows = await tx.fetch(
        """SELECT * FROM campaigns
           WHERE status IN ('scheduled', 'live') AND starts_at <= now() AND (ends_at IS NULL OR ends_at > now())
           ORDER BY campaign_id"""
    )
    return [campaign_of(row) for row in rows]


def campaign_of(row: Mapping[str, Any]) -> Campaign:
    """The campaign of a row."""
    return Campaign(
        str(row["campaign_id"]), row["version"], Status(row["status"]), row["operator"], row["name"],
        benefit_of(row["benefit"]), msgspec.json.decode(row["scope"], type=Scope),
        msgspec.json.decode(row["stacking"], type=Stacking), row["currency"], row["starts_at"], row["ends_at"],
        row["budget_minor"], row["most_uses"], row["uses_per_driver"], row["description"],
    )  # fmt: skip
