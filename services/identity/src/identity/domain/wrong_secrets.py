"""How many wrong secrets a client id may be tried with.

The count lives in memory: no wrong try then costs a write, and unknown ids, which would fill a table, are counted like
known ones. It forgets at a restart and counts per process, which is enough, since nobody guesses 256 bits at any rate.
For the same reason it never refuses the right secret: a lock that strangers can close would stop a chain's prices.
"""

from collections import OrderedDict
from uuid import UUID

WINDOW_SECONDS = 60.0
MAX_REMEMBERED_IDS = 10_000


class WrongSecretLimit:
    """Counts wrong tries per client id in windows of a minute; the least recently tried id is forgotten first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tries: OrderedDict[UUID, tuple[float, int]] = OrderedDict()

    def note(self, client_id: UUID, now_seconds: float) -> int | None:
        """Counts one wrong try; the seconds to wait before another when there were too many, else None."""
        started_at, count = self._tries.pop(client_id, (now_seconds, 0))
        if now_seconds - started_at >= WINDOW_SECONDS:
            started_at, count = now_seconds, 0
        self._tries[client_id] = (started_at, count + 1)
        if len(self._tries) > MAX_REMEMBERED_IDS:
            self._tries.popitem(last=False)
        if count < self._limit:
            return None
        return max(1, int(started_at + WINDOW_SECONDS - now_seconds))
