"""What the service has of people."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from analytics.use_cases import habit_people, schedule_people
from analytics.use_cases.context import Analytics
from servicekit.erasures import Erasure

Collect = Callable[[Analytics, list[str]], Awaitable[list[dict[str, Any]]]]
"""What there is of a person by all of the person's accounts, each item as plain data."""
Erase = Callable[[Analytics, Any, list[str]], Awaitable[int]]
"""Deletes it, of all accounts, in the transaction; how many items that were."""

COLLECTS: Mapping[str, Collect] = {
    "driver_months": habit_people.collect_months,
    "station_visits": habit_people.collect_visits,
    "report_schedules": schedule_people.collect,
}
"""One row for each kind of data that an export holds."""
ERASES: Mapping[str, Erase] = {
    "driver_months": habit_people.erase,
    "report_schedules": schedule_people.erase,
}
KEPT = frozenset({"station_visits"})
"""Books of stations, which count who came without knowing who that is."""


class PeopleData:
    """See servicekit.personal_data.PersonalData.

    What was folded for an account stays under its name when the account is merged into another one: events of it may
    still come. Whoever asks for a person's data asks for those of all accounts that became the person's one.
    """

    kept = KEPT

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics

    async def collect(self, subject: str) -> dict[str, Any]:
        """All that is a person's; nothing of an account that was merged: it is the other one's now."""
        gone = await self._analytics.erasures.find(subject)
        if gone and gone.merged_into:
            return {kind: [] for kind in COLLECTS}
        accounts = [subject, *await self._analytics.people.aliases(subject)]
        return {kind: await collect(self._analytics, accounts) for kind, collect in COLLECTS.items()}

    async def erase(self, tx: Any, subject: str) -> dict[str, int]:
        """Deletes what is the person's own, by all accounts: those that were merged into this one are gone with it."""
        aliases = await self._analytics.people.aliases(subject, tx)
        erased = {kind: await erase(self._analytics, tx, [subject, *aliases]) for kind, erase in ERASES.items()}
        for alias in aliases:
            await self._analytics.erasures.record(tx, alias, Erasure(datetime.now(UTC)))
        shredded = await self._analytics.vault.shred(tx, subject)
        return {**erased, "data_keys": int(shredded)}

    async def merge(self, tx: Any, subject: str, into: str) -> None:
        """What was folded stays; reports that the person has sent are the other account's, and what was sealed goes."""
        await schedule_people.move(self._analytics, tx, subject, into)
        await self._analytics.vault.shred(tx, subject)
