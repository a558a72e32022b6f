"""A circuit breaker as a pure state machine: the caller brings the time."""

from enum import StrEnum


class State(StrEnum):
    """What the breaker lets through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Opens after `failures` failures in a row; after `open_seconds` one probe decides whether it closes again.

    `enter` gives a ticket for each call; the call ends with exactly one of `succeed`, `fail`, `abandon`. A ticket from
    before the last change of state decides nothing any more.
    """

    def __init__(self, failures: int, open_seconds: float) -> None:
        self.state = State.CLOSED
        self._limit = failures
        self._open_seconds = open_seconds
        self._failures = 0
        self._opened_at = 0.0
        self._probing = False
        self._era = 0

    def enter(self, now: float) -> int | None:
        """A ticket, or None while calls are refused."""
        if self.state is State.OPEN and now - self._opened_at >= self._open_seconds:
            self._become(State.HALF_OPEN)
        if self.state is State.OPEN or self._probing:
            return None
        self._probing = self.state is State.HALF_OPEN
        return self._era

    def succeed(self, ticket: int) -> None:
        """The upstream answered."""
        if ticket != self._era:
            return
        self._failures = 0
        if self.state is State.HALF_OPEN:
            self._become(State.CLOSED)

    def fail(self, ticket: int, now: float) -> None:
        """The upstream could not be reached, broke off or took too long."""
        if ticket != self._era:
            return
        self._failures += 1
        if self.state is State.HALF_OPEN or self._failures >= self._limit:
            self._become(State.OPEN)
            self._opened_at = now

    def abandon(self, ticket: int) -> None:
        """Nothing was learnt: the client left first."""
        if ticket == self._era:
            self._probing = False

    def seconds_until_probe(self, now: float) -> float:
        """How long a refused caller should wait."""
        return max(0.0, self._opened_at + self._open_seconds - now)

    def _become(self, state: State) -> None:
        self.state = state
        self._failures = 0
        self._probing = False
        self._era += 1
