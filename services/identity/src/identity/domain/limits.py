"""How often something may happen: at most `most` times in any stretch of the window."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

SLOTS = 10
"""A window is counted in slots of a tenth: what happened is forgotten after a window and at most a tenth more."""
MINUTE, HOUR, DAY = 60, 60 * 60, 24 * 60 * 60
LONGEST_WAIT_SECONDS = HOUR


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit on what `of` stands for; `name` says which limit it is, to operators only."""

    name: str
    of: str
    most: int
    window_seconds: int

    @property
    def key(self) -> str:
        """What is counted."""
        return f"{self.name} {self.of}"


@dataclass(frozen=True, slots=True)
class Usage:
    """How often it had happened before this time, and when the oldest of that, or else this time, is forgotten."""

    limit: Limit
    used: int
    frees_at: datetime

    @property
    def is_full(self) -> bool:
        """Whether this time is one too many."""
        return self.used >= self.limit.most

    @property
    def is_last(self) -> bool:
        """Whether the next time would be one too many."""
        return self.used + 1 >= self.limit.most


def refusal(usages: Sequence[Usage]) -> Usage | None:
    """The full limit that stays full the longest; None where there is none, and all have been counted."""
    return max((usage for usage in usages if usage.is_full), key=lambda usage: usage.frees_at, default=None)


def wait_seconds(until: datetime, now: datetime) -> int:
    """A wait for Retry-After: whole minutes, an hour at most, so that it tells nobody which limit it was."""
    minutes = -(-max(1, int((until - now).total_seconds())) // MINUTE)
    return min(minutes * MINUTE, LONGEST_WAIT_SECONDS)
