"""What coupons need done by themselves, again and again, wherever it was stopped before."""

from datetime import UTC, datetime, timedelta

from loyalty.domain.codes import FORGET_WRONG_AFTER
from loyalty.repository import codes
from loyalty.repository import coupons as repository
from loyalty.use_cases.context import Loyalty

EXPIRE_SECONDS = 2.0
FORGET_SECONDS = 600.0
AT_ONCE = 500
FORGET_CODES_AFTER = timedelta(days=30)


async def expire(loyalty: Loyalty) -> int:
    """Coupons whose time is over have expired, some at a time; how many. Several replicas do each once."""
    total = 0
    while count := await loyalty.store.transact(lambda tx: repository.expire(tx, datetime.now(UTC), AT_ONCE)):
        total += count
    return total


async def forget(loyalty: Loyalty) -> None:
    """Removes codes that ended long ago, and wrong tries that count no more."""
    now = datetime.now(UTC)
    await loyalty.store.transact(lambda tx: codes.forget(tx, now - FORGET_CODES_AFTER, now - FORGET_WRONG_AFTER))
