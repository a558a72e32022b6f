"""Rate limits on which all replicas agree: buckets in Valkey, with this process's own table as mirror and stand-in."""

import time

from gateway.limiter import Limiter
from gateway.routing import RateClass
from gateway.settings import Rate
from gateway.valkey_buckets import ValkeyBuckets


class SharedLimits:
    """Takes tokens for the door. Without a store the process's own table decides; with one, the store does.

    The table sees a part of what the store sees, so whom it refuses the store would refuse too: a flood costs no round
    trip. Each answer of the store is learnt, so the table goes on from there, at `alone_share` of each limit, while
    the store is away.
    """

    def __init__(self, table: Limiter, store: ValkeyBuckets | None, alone_share: float) -> None:
        self._table = table
        self._store = store
        self._cost_alone = 1.0 if store is None else 1.0 / alone_share

    def rate(self, rate_class: RateClass) -> Rate:
        """The limit of a class."""
        return self._table.rate(rate_class)

    def wait_seconds(self, rate_class: RateClass, caller: str) -> float:
        """How long until the caller's next token, as far as this replica knows; 0 if there is one. Takes nothing."""
        return self._table.wait_seconds(rate_class, caller, time.monotonic())

    @property
    def are_shared(self) -> bool:
        """Whether the store is there to be asked."""
        return self._store is not None and self._store.available

    def take_alone(self, rate_class: RateClass, caller: str) -> float:
        """Takes a token of this replica's own table and returns 0, or returns how many seconds to wait."""
        return self._table.take(rate_class, caller, time.monotonic(), self._cost_alone)

    async def take(self, rate_class: RateClass, caller: str) -> float:
        """Takes a token and returns 0, or takes none and returns how many seconds to wait."""
        table, now = self._table, time.monotonic()
        if self._store is None or not self._store.available:
            return self.take_alone(rate_class, caller)
        if wait := table.wait_seconds(rate_class, caller, now):
            return wait
        answer = await self._store.take(f"{rate_class}:{caller}", table.rate(rate_class))
        if answer is None:
            return self.take_alone(rate_class, caller)
        table.learn(rate_class, caller, now + answer.full_in_seconds)  # `now` is before the call: never too strict
        return answer.wait_seconds
