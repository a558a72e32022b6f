"""Keeps the months of the history: made ahead of time, dropped when they are old enough."""

import logging
from datetime import UTC, datetime, timedelta

from pricing.repository import history as repository
from servicekit.postgres import PostgresStore

log = logging.getLogger(__name__)

LOOK_SECONDS = 3_600.0
AHEAD = timedelta(days=31)
"""Reports of an earlier time than any month make theirs by themselves, so this only spares the first of a month it."""


async def keep_months(store: PostgresStore, kept_months: int | None) -> None:
    """Makes the next month and drops those that ended more than `kept_months` ago (None: none); any replica may."""
    now = datetime.now(UTC)
    await store.transact(lambda tx: repository.make_months(tx, [now, now + AHEAD]))
    if kept_months is None:
        return
    async with store.connection() as connection:
        dropped = await repository.drop_months_before(connection, months_before(now, kept_months))
    if dropped:
        log.info("dropped months of the history", extra={"months": dropped})


def months_before(moment: datetime, months: int) -> datetime:
    """The first day of the month that lies so many months before the moment's."""
    years, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=years, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
