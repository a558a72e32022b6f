"""The newest price changes, kept so that readers who come back miss none. No I/O."""

from collections import deque
from collections.abc import Sequence

from gateway.sse import Position, Push


class History:
    """A ring of the last pushes in the order in which this replica read them.

    A push carries the position after it. Whoever holds that position has seen every push before it in this order, so
    going on from any replica's position may repeat a push, but never leaves one out.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.restart(())

    def restart(self, position: Sequence[int]) -> None:
        """Forgets everything; reading begins at `position`."""
        self._pushes: deque[Push] = deque()
        self._next = list(position)
        self._kept_from = list(position)

    @property
    def position(self) -> Position:
        """The next offset of each partition."""
        return tuple(self._next)

    def advance(self, partition: int, offset: int) -> None:
        """The record at this offset was read."""
        self._next[partition] = offset + 1

    def add(self, push: Push) -> None:
        """Keeps a push, and lets the oldest go when the ring is full."""
        self._pushes.append(push)
        if len(self._pushes) > self._capacity:
            oldest = self._pushes.popleft()
            self._kept_from[oldest.partition] = oldest.offset + 1

    def since(self, position: Position) -> list[Push] | None:
        """What came after a position, oldest first; None where that is not all kept, or was never here."""
        if len(position) != len(self._next) or not all(
            kept <= at <= end for kept, at, end in zip(self._kept_from, position, self._next, strict=True)
        ):
            return None
        missing = sum(self._next) - sum(position)
        found: list[Push] = []
        for push in reversed(self._pushes):
            if len(found) == missing:
                break
            if push.offset >= position[push.partition]:
                found.append(push)
        return found[::-1]
