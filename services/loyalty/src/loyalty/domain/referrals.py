"""Who may come by an invitation, and how far it is. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from loyalty.domain.misuse import Verdict

LONGEST_CODE = 40
"""Characters of what is taken for a code, gaps included."""


class Stage(StrEnum):
    """How far a friend's coming is, as the inviter sees it."""

    REGISTERED = "registered"
    """The friend gave the code; the reward comes with the first paid order."""
    UNDER_REVIEW = "under_review"
    REFUSED = "refused"
    REWARDED = "rewarded"


def stage_of(rewarded_at: datetime | None, verdict: Verdict) -> Stage:
    """What was given stays given, whatever is found later."""
    if rewarded_at is not None:
        return Stage.REWARDED
    return {
        Verdict.CLEAR: Stage.REGISTERED, Verdict.UNDER_REVIEW: Stage.UNDER_REVIEW, Verdict.REFUSED: Stage.REFUSED,
    }[verdict]  # fmt: skip


class Newcomer(Struct, frozen=True):
    """What is known of somebody who gives a friend's code."""

    driver_id: str
    joined_at: datetime
    has_paid: bool
    """Whether there is a paid order already."""
    invited: frozenset[str]
    """Whom the newcomer invited."""


class Refused(Exception):
    """Somebody cannot come by this invitation; `reason` is a stable word, the text says why."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(why)
        self.reason = reason


def require_new(newcomer: Newcomer, inviter_id: str, friends: int, *, most_friends: int, new_days: int, now: datetime
) -> None:  # fmt: skip
    """Raises Refused. `friends` is how many came by the invitation before."""
    if newcomer.driver_id == inviter_id or inviter_id in newcomer.invited:
        raise Refused("own_invitation", "An invitation is for somebody else: not for yourself, or who came by yours.")
    if newcomer.has_paid:
        raise Refused("not_new", "An invitation is for new drivers: you have paid an order already.")
    if newcomer.joined_at < now - timedelta(days=new_days):
        raise Refused("not_new", f"An invitation is for new drivers: your account is older than {new_days} days.")
    if friends >= most_friends:
        raise Refused("used_up", f"{most_friends} friends came by this invitation: that is the most.")
