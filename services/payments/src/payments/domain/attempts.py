"""A charge at a provider: its states, and what an answer of the provider makes of it. Pure.

One number of ours for each attempt, never used twice. What a provider has not said is unknown, and an attempt stays
open until the provider has said it: an order has one open attempt at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from payments.domain.provider_words import Provider, TradeState


class AttemptStatus(StrEnum):
    """What we know of a charge."""

    CREATING = "creating"
    """The provider is being asked, or we died asking."""
    WAITING = "waiting"
    """The payer is to confirm it."""
    UNKNOWN = "unknown"
    """The provider did not answer: it is asked until it does."""
    MISMATCH = "mismatch"
    """The provider says that another amount was paid than we asked for: people decide, and it is asked again."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The provider refused it, or does not know it."""
    CLOSED = "closed"
    """Nobody paid in time, or it was given up."""


OPEN = frozenset({AttemptStatus.CREATING, AttemptStatus.WAITING, AttemptStatus.UNKNOWN, AttemptStatus.MISMATCH})
ASKED_WITHIN = timedelta(seconds=15)
"""Longer than a provider is waited for: whoever still asked it after this is gone, and so is the answer."""
LOST_AFTER = timedelta(seconds=60)
"""A provider that still does not know a number after this never will: our request had a time limit far below it."""
LOOKS_AFTERWARDS = (timedelta(seconds=30), timedelta(minutes=10), timedelta(hours=6))
"""When an attempt that ended is asked about once more: a payer may have been faster than our closing it, and the
notification lost. What is later still, the provider's daily bill shows."""
LATE_PAUSE_SECONDS = 600.0
"""The longest between two looks at what a provider does not answer."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A charge as it is stored; `client` is what the payer's phone needs, once the provider has given it."""

    attempt_id: UUID
    purpose: str
    purpose_id: UUID
    driver_id: str
    provider: Provider
    amount_minor: int
    currency: str
    status: AttemptStatus
    created_at: datetime
    expires_at: datetime
    trade_id: str | None = None
    paid_at: datetime | None = None
    closed_at: datetime | None = None
    next_look_at: datetime | None = None
    looks: int = 0
    client: Mapping[str, str] | None = None
    error: str | None = None

    @property
    def number(self) -> str:
        """The number that the provider knows it by."""
        return self.attempt_id.hex


class Verdict(StrEnum):
    """What is to be done after a look."""

    TAKE = "take"
    """It is paid, as we asked."""
    MISMATCH = "mismatch"
    CLOSE = "close"
    """Nobody may pay it any more."""
    END = "end"
    """Nobody has paid it, and nobody can."""
    WAIT = "wait"


def judge(
    attempt: Attempt, state: TradeState, paid: tuple[int | None, str | None], at: datetime, *, is_wanted: bool
) -> Verdict:
    """What the provider's answer makes of an attempt: its state, and the amount and currency that it says were paid.

    `is_wanted`: somebody still waits for the payment.
    """
    if state is TradeState.SUCCEEDED:
        return Verdict.TAKE if paid == (attempt.amount_minor, attempt.currency) else Verdict.MISMATCH
    if state in (TradeState.CLOSED, TradeState.FAILED):
        return Verdict.END
    if state is TradeState.NOT_FOUND:
        return Verdict.END if at - attempt.created_at > LOST_AFTER else Verdict.WAIT
    # Without what the phone needs nobody can pay: the answer that had it was lost, or is on its way.
    has_answer = attempt.client is not None or at - attempt.created_at < ASKED_WITHIN
    return Verdict.WAIT if is_wanted and has_answer and at < attempt.expires_at else Verdict.CLOSE


def look_afterwards(ended_at: datetime, at: datetime) -> datetime | None:
    """When to ask about an ended attempt again; None: that was the last time."""
    return next((ended_at + pause for pause in LOOKS_AFTERWARDS if ended_at + pause > at), None)


def pause_seconds(looks: int, longest: float = LATE_PAUSE_SECONDS) -> float:
    """How long to wait for the next look: twice as long each time."""
    return min(longest, 2.0 ** min(looks, 20))
