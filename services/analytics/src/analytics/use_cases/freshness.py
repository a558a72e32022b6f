"""Until when what reports say is complete."""

from collections.abc import Sequence
from datetime import datetime

from analytics.repository import progress
from analytics.use_cases.context import Analytics


async def complete_until(analytics: Analytics, topics: Sequence[str]) -> datetime | None:
    """Everything that was published on these topics before is in the views; None where one was not read yet."""
    moments = (await progress.complete_until(analytics.store, topics)).values()
    known = [moment for moment in moments if moment is not None]
    return min(known) if len(known) == len(moments) else None
