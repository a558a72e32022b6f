"""How fast a file is replayed: as fast as it goes, or at a multiple of its own pace."""

import time
from datetime import datetime

from feeds.watching import moment


class Pace:
    """The file's own pace, times `speed`; None is as fast as it goes."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._began: tuple[datetime, float] | None = None

    def delay_seconds(self, effective_at: str) -> float:
        """How long to wait before a change of this time is sent; 0 or less when it is due."""
        if self._speed is None:
            return 0.0
        at, now = moment(effective_at), time.monotonic()
        first, began = self._began = self._began or (at, now)
        return (at - first).total_seconds() / self._speed - (now - began)
