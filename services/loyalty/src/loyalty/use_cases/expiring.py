"""Points whose time is over, and warnings before: what is due stands in the lots, so every replica may look."""

from datetime import UTC, datetime, timedelta

from loyalty.domain.points import Counter, Entry, Kind, Part, expire
from loyalty.repository import members
from loyalty.repository import points as repository
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.points import post
from schemas.events import PointsExpiringV1
from servicekit.envelope import to_records
from servicekit.ids import new_id
from servicekit.postgres import Connection, append_to_outbox

EXPIRE_SECONDS = 60.0
WARN_SECONDS = 600.0
DRIVERS_AT_ONCE = 500


async def expire_points(loyalty: Loyalty, now: datetime | None = None) -> int:
    """Takes what was not spent in time, one entry for each driver; how many those are."""
    moment, total = now or datetime.now(UTC), 0
    while expired := await loyalty.store.transact(lambda tx: _expire_some(tx, moment)):
        total += expired
    return total


async def _expire_some(tx: Connection, now: datetime) -> int:
    """Another replica may have been here first: what there is counts once the drivers are locked."""
    drivers = await repository.drivers_with_expired(tx, now, DRIVERS_AT_ONCE)
    if not drivers:
        return 0
    await members.lock(tx, *drivers)
    lots = await repository.find_lots(tx, drivers)
    entries = [_expiry(driver_id, parts, now) for driver_id in drivers if (parts := expire(lots[driver_id], now))]
    await post(tx, entries)
    return len(entries)


def _expiry(driver_id: str, parts: tuple[Part, ...], now: datetime) -> Entry:
    entry_id = new_id()
    return Entry(
        entry_id, f"expired|{entry_id}", driver_id, Kind.EXPIRED, "expired", Counter.EXPIRED, now, parts
    )  # fmt: skip


async def warn_drivers(loyalty: Loyalty, now: datetime | None = None) -> int:
    """Tells drivers which points expire soon, once of each lot; how many events those are."""
    moment, total = now or datetime.now(UTC), 0
    until = moment + timedelta(days=loyalty.settings.points_warning_days)
    while warned := await loyalty.store.transact(lambda tx: _warn_some(tx, moment, until)):
        total += warned
    return total


async def _warn_some(tx: Connection, now: datetime, until: datetime) -> int:
    drivers = await repository.drivers_to_warn(tx, now, until, DRIVERS_AT_ONCE)
    if not drivers:
        return 0
    await members.lock(tx, *drivers)
    told = await repository.note_warned(tx, drivers, now, until)
    await append_to_outbox(tx, to_records([
        PointsExpiringV1(driver_id=driver_id, points=points, expires_at=expires_at, occurred_at=now)
        for driver_id, expires_at, points in told
    ]))  # fmt: skip
    return len(told)
