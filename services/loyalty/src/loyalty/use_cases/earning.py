"""What fuel earns: the operators' rules, in each process's memory, so that an order's points need no query for them.

A list of rules is never changed: another version takes its place, from a moment a little ahead. By then every replica
has read it. So an order earns by the rules of the moment at which it was paid, whichever replica counts it, and when.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from loyalty.domain.earning import NOTHING, EarningRule, ScopedRule, best_rule
from loyalty.repository import earning as repository
from loyalty.repository.earning import RuleSet
from loyalty.use_cases.reading import keep_reading
from servicekit.postgres import PostgresStore
from servicekit.store import StoreUnavailable

CHANNEL = "earning_rules"
AHEAD = timedelta(seconds=5)
"""How long after it was set a list begins to hold."""
GOOD_FOR = timedelta(seconds=4)
"""So long after it was read what is known is all that holds: less than AHEAD, since a list is set before it commits."""
DEFAULT_PER_MINOR = 100


class EarningRules:
    """All rules there are, as of a moment ago."""

    def __init__(self, store: PostgresStore, points_per_hundred: Mapping[str, int]) -> None:
        self._store = store
        self.defaults = {
            currency: EarningRule("amount", points, DEFAULT_PER_MINOR)
            for currency, points in points_per_hundred.items()
        }
        self._sets: dict[str, list[RuleSet]] = {}
        self._mark: tuple[Any, ...] | None = None
        self._read_at = datetime.min.replace(tzinfo=UTC)

    def rule_for(
        self, operator: str, station_id: str, fuel: str, currency: str, at: datetime | None = None
    ) -> EarningRule:
        """What a fill earns that was paid at a moment (now by default): its operator's rule, or the platform's.

        Raises StoreUnavailable while what is known may be too old for that: the consumer waits, a route answers 503.
        """
        now = datetime.now(UTC)
        moment = min(at or now, now)
        if moment > self._read_at + GOOD_FOR:
            raise StoreUnavailable("the rules of earning have not been read of late")
        return best_rule(self._rules_at(operator, moment), station_id, fuel, currency) or self.default(currency)

    def default(self, currency: str) -> EarningRule:
        """The platform's rule."""
        return self.defaults.get(currency, NOTHING)

    def _rules_at(self, operator: str, moment: datetime) -> Sequence[ScopedRule]:
        sets = self._sets.get(operator, ())
        index = bisect_right(sets, moment, key=lambda one: one.valid_from)
        return sets[index - 1].rules if index else ()

    async def read(self) -> None:
        """Reads them anew, where there are others than before."""
        asked_at = datetime.now(UTC)
        async with self._store.connection() as connection:
            if (mark := await repository.mark(connection)) != self._mark:
                sets = await repository.all_sets(connection)
                self._sets = {of: list(those) for of, those in groupby(sets, key=lambda one: one.operator)}
                self._mark = mark
        self._read_at = asked_at

    async def run(self) -> None:
        """Keeps them up to date for the life of the service."""
        await keep_reading(self._store, CHANNEL, self.read)
