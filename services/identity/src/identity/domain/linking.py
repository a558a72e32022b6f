"""Which ways to sign in may be added to an account and taken from it; no I/O."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from identity.domain.people import Login, LoginKind

MAX_LOGINS = 10
SETTLED_AFTER = timedelta(days=7)
"""How long a login must be there before it vouches for taking another one away: whoever broke in and added their own
cannot lock the owner out at once, and the owner is told by a message when something is added."""
LINKABLE = frozenset({LoginKind.PHONE, LoginKind.WECHAT, LoginKind.ALIPAY})
KIND_OF_METHOD = {"sms": LoginKind.PHONE, "wechat": LoginKind.WECHAT, "alipay": LoginKind.ALIPAY}


class LastLogin(Exception):
    """Without it nobody could sign in any more."""


class NotVouchedFor(Exception):
    """What was proved does not allow to take this login away."""


def require_removable(
    logins: Sequence[Login], removed: UUID, proved: UUID | None, methods: Collection[str], now: datetime
) -> None:
    """Whether a person may take a login away, who has just signed in by `methods` and proved the login `proved`.

    The proof is of that login itself. Where it is lost, a phone in a river, two others agree: the one that was signed
    in with, and another of another kind that was proved, both here for a week already.
    Raises LastLogin, NotVouchedFor.
    """
    if not any(one.id != removed for one in logins):
        raise LastLogin
    if proved == removed:
        return
    settled = {one.id for one in logins if now - one.verified_at >= SETTLED_AFTER}
    kinds = {KIND_OF_METHOD[method] for method in methods if method in KIND_OF_METHOD}
    signed_in_with = {one.id for one in logins if one.kind in kinds and one.id != removed}
    witness = next((one for one in logins if one.id == proved), None)
    if witness is None or witness.kind in kinds or not signed_in_with or not {proved, *signed_in_with} <= settled:
        raise NotVouchedFor
