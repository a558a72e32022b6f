"""Nothing of a person comes back: not from events that were late, from a rebuild, or from a worker that was slow.

Who is gone is noted first, then documents are deleted. Who folds writes first, and then looks who is gone, and deletes
what it wrote of them. Whichever of the two comes first, one of them sees the other.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from analytics.domain.facts import Fact
from analytics.domain.folds.driver_months import KEPT_MONTHS
from analytics.domain.months import month_of, shifted
from analytics.repository.views import Collection as Documents
from analytics.use_cases.context import Analytics

SWEEP_SECONDS = 1.0
OLD_MONTHS_SECONDS = 60 * 60.0


async def take_back(analytics: Analytics, documents: Documents, facts: Mapping[str, Sequence[Fact]]) -> None:
    """Deletes what was folded of drivers who are gone; `facts` by the ids of the documents that they are in.

    For views of persons, after each write. A worker that dies between the two has not committed: who reads the
    messages again comes here again.
    """
    drivers = {key: _drivers(some) for key, some in facts.items()}
    gone = await analytics.people.gone_among(set().union(*drivers.values()))
    if keys := [key for key, theirs in drivers.items() if not gone.isdisjoint(theirs)]:
        await analytics.people.delete_documents(documents, keys)


def _drivers(facts: Collection[Fact]) -> set[bytes]:
    return {fact.driver for fact in facts if fact.driver is not None}


async def sweep(analytics: Analytics) -> int:
    """Deletes what was written of people while their erasure was on its way; how many documents that were."""
    drivers = await analytics.people.unswept()
    deleted = await analytics.people.delete_profiles(drivers) if drivers else 0
    if drivers:
        await analytics.people.note_swept(drivers)
    return deleted


async def remove_old_months(analytics: Analytics, now: datetime | None = None) -> int:
    """Deletes what nobody may ask for any more of what people bought; how many documents that were.

    Again and again: a rebuild takes old documents over, and events may be late.
    """
    this_month = month_of((now or datetime.now(UTC)).astimezone(UTC))
    return await analytics.people.delete_months_before(shifted(this_month, 1 - KEPT_MONTHS))
