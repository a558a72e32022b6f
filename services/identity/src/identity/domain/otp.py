"""One-time codes: their life, and what tells that somebody has messages sent for money.

A code has 6 digits. Guessing is bounded three times over: 5 tries a code, 10 wrong ones an hour and 20 a day for a
phone, whatever addresses they come from. The owner's own device, which has shown this phone's code before, is counted
apart from all others: whoever wears out a phone's wrong tries or its day's messages locks out only strange devices.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

CODE_DIGITS = 6
CODE_LIFE = timedelta(minutes=5)
MAX_WRONG_TRIES = 5


def new_code() -> str:
    """Six random digits from the system's generator."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"


class DeadCode(Exception):
    """The code can no longer be used."""


@dataclass(frozen=True, slots=True)
class CodeState:
    """What decides whether a code is still good."""

    expires_at: datetime
    wrong_tries: int = 0
    used_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether a try counts."""
        return self.used_at is None and now < self.expires_at and self.wrong_tries < MAX_WRONG_TRIES

    def tried(self, *, is_right: bool, now: datetime) -> "CodeState":
        """The state after a try. Raises DeadCode, whatever the try was, where the code is no longer good."""
        if not self.is_live(now):
            raise DeadCode
        return replace(self, used_at=now) if is_right else replace(self, wrong_tries=self.wrong_tries + 1)


@dataclass(frozen=True, slots=True)
class OtpRequest:
    """A code on its way to somebody's phone, as whoever asked for it is told."""

    id: UUID
    expires_at: datetime
    resend_at: datetime
    """From when on it makes sense to ask for another one."""


@dataclass(frozen=True, slots=True)
class PumpingRule:
    """When a prefix's messages look like somebody's income: codes are sent there, and few come back."""

    judged_sends: int
    least_verified_percent: int
    block: timedelta


class UnknownPrefix(Exception):
    """There is nothing to do about this prefix; the text says why."""


@dataclass(frozen=True, slots=True)
class PrefixRate:
    """How many of the codes sent to a prefix came back, of those whose time is over."""

    prefix: str
    sent: int
    verified: int
    blocked_until: datetime | None = None

    def judged(self, rule: PumpingRule, now: datetime) -> "PrefixRate":
        """The rate from now on: blocked and counted anew, or with the older half of the sends forgotten."""
        if self.sent < rule.judged_sends:
            return self
        if self.verified * 100 < self.sent * rule.least_verified_percent:
            return PrefixRate(self.prefix, 0, 0, now + rule.block)
        if self.sent >= 2 * rule.judged_sends:
            return replace(self, sent=self.sent // 2, verified=self.verified // 2)
        return self
