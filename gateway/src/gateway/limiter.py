"""Rate limits per caller: token buckets in a bounded table. Pure: the caller brings the time."""

from collections import OrderedDict
from collections.abc import Mapping
from ipaddress import IPv6Address, IPv6Network

from gateway.routing import RateClass
from gateway.settings import Rate, Settings

ROUNDING_SECONDS = 1e-6
"""Waits below this come from adding floats."""


class Limiter:
    """A token bucket for each (class, caller), kept as the moment when it is full again (GCRA).

    One process holds one table; `shared_limits.py` makes several agree. Beyond `capacity` callers the longest idle is
    forgotten, which refills its bucket.
    """

    def __init__(self, rates: Mapping[RateClass, Rate], capacity: int) -> None:
        self._rates = rates
        self._capacity = capacity
        self._full_at: OrderedDict[tuple[RateClass, str], float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def rate(self, rate_class: RateClass) -> Rate:
        """The limit of a class."""
        return self._rates[rate_class]

    def wait_seconds(self, rate_class: RateClass, caller: str, now: float) -> float:
        """How long until the caller's next token; 0 if there is one. Takes nothing."""
        rate = self._rates[rate_class]
        full_at = self._full_at.get((rate_class, caller), now)
        wait = full_at - (rate.burst - 1) / rate.per_second - now
        return wait if wait > ROUNDING_SECONDS else 0.0

    def take(self, rate_class: RateClass, caller: str, now: float, cost: float = 1.0) -> float:
        """Takes `cost` tokens and returns 0, or takes none and returns how many seconds to wait for one."""
        rate, full_at = self._rates[rate_class], self._full_at.get((rate_class, caller), now)
        wait = full_at - (rate.burst - 1) / rate.per_second - now
        if wait > ROUNDING_SECONDS:
            return wait
        self._remember(rate_class, caller, max(now, full_at) + cost / rate.per_second)
        return 0.0

    def learn(self, rate_class: RateClass, caller: str, full_at: float) -> None:
        """Others took tokens of this bucket, too: it is not full before `full_at`."""
        if full_at > self._full_at.get((rate_class, caller), 0.0):
            self._remember(rate_class, caller, full_at)

    def _remember(self, rate_class: RateClass, caller: str, full_at: float) -> None:
        key = (rate_class, caller)
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._capacity:
            self._full_at.popitem(last=False)


def make_limiter(settings: Settings) -> Limiter:
    """A limiter with the limits of the settings."""
    rates = {
        RateClass.TOKENS: settings.rate_tokens,
        RateClass.REFUSED: settings.rate_refused,
        RateClass.READS: settings.rate_reads,
        RateClass.WRITES: settings.rate_writes,
        RateClass.REPORTS: settings.rate_reports,
        RateClass.WEBHOOKS: settings.rate_webhooks,
    }
    return Limiter(rates, settings.rate_table_size)


def caller_of_address(address: str) -> str:
    """The caller that a peer address stands for: IPv6 hosts own a whole /64, so that is what is counted."""
    if ":" not in address:
        return address
    host = IPv6Address(address.partition("%")[0])
    return str(host.ipv4_mapped or IPv6Network((host, 64), strict=False))
