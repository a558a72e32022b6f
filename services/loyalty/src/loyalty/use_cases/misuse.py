"""Flags what looks like misuse of rewards, and takes what people decide about it.

A reward that something was seen about waits as long as nobody has decided; its driver sees that, and why. Whoever gives
rewards asks for the verdict each time anew: what was seen is flagged once, so it may be asked as often as one likes.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from loyalty.domain.misuse import Finding, FlagStatus, Limits, Verdict, findings_of_fill, verdict_of
from loyalty.repository import misuse as repository
from loyalty.repository.misuse import Flag
from loyalty.use_cases.context import Loyalty
from servicekit.postgres import Connection
from servicekit.problems import Problem
from servicekit.telemetry import MISUSE_FLAGS

DEVICE = "devices.device_hash"
"""What the keyed hash of a device is for."""


async def look_at_fill(loyalty: Loyalty, tx: Connection, order_id: UUID) -> Verdict:
    """Whether the driver of a paid order may get rewards for it; what is odd about it is flagged."""
    driver_id, around = await repository.fills_around(tx, order_id)
    fill = next((one for one in around if one.order_id == str(order_id)), None)
    if fill is None:
        return Verdict.CLEAR
    return await flag(tx, findings_of_fill(driver_id, fill, around, limits_of(loyalty)), datetime.now(UTC))


async def flag(tx: Connection, findings: Sequence[Finding], at: datetime) -> Verdict:
    """Flags what was not flagged before; what all of it means for the reward."""
    if not findings:
        return Verdict.CLEAR
    new, statuses = await repository.raise_flags(tx, findings, at)
    for kind in new:
        MISUSE_FLAGS.labels(kind).inc()
    return verdict_of(statuses)


def limits_of(loyalty: Loyalty) -> Limits:
    """From where on something is flagged."""
    settings = loyalty.settings
    return Limits(settings.flag_fills_a_day, settings.flag_speed_kmh, settings.flag_friends_a_day)


async def decide(
    loyalty: Loyalty, tx: Connection, flag_id: UUID, status: FlagStatus, *, by: str, note: str | None
) -> Flag:
    """The flag with what somebody decided; the same once more changes nothing. Raises Problem 404, 409."""
    known = await repository.lock(tx, flag_id)
    if known is None:
        raise Problem(404, "no-such-flag", "There is no such flag; GET /v1/reward-flags lists them.")
    if known.status is status:
        return known
    if known.status is not FlagStatus.OPEN:
        raise Problem(409, "flag-decided", f"Somebody decided already: it is {known.status}.")
    decided = replace(
        known, status=status, decided_at=datetime.now(UTC), decided_by=by, note=await _sealed(loyalty, tx, known, note)
    )
    await repository.decide(tx, decided)
    return decided


async def _sealed(loyalty: Loyalty, tx: Connection, flag: Flag, note: str | None) -> bytes | None:
    """What people write about a driver is the driver's: it goes when the driver is forgotten."""
    if note is None:
        return None
    return (await loyalty.vault.box(tx, flag.driver_id)).seal(note, _context(flag.flag_id))


async def notes_of(loyalty: Loyalty, tx: Connection, flags: Sequence[Flag]) -> dict[UUID, str]:
    """What was noted about flags, by their ids."""
    noted = [(one, one.note) for one in flags if one.note is not None]
    boxes = await loyalty.vault.boxes(tx, sorted({one.driver_id for one, _ in noted})) if noted else {}
    return {
        one.flag_id: boxes[one.driver_id].open(note, _context(one.flag_id))
        for one, note in noted if one.driver_id in boxes
    }  # fmt: skip


async def note_device(loyalty: Loyalty, tx: Connection, driver_id: str, device_id: str, at: datetime) -> frozenset[str]:
    """Remembers a device as a driver's, by its keyed hash; which other drivers have used it."""
    return frozenset(await repository.note_device(tx, driver_id, loyalty.ring.hashes(device_id, DEVICE), at))


async def collect(loyalty: Loyalty, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """See people.COLLECTS."""
    flags = await repository.page_of(tx, driver_id, None, 10_000)
    notes = await notes_of(loyalty, tx, flags)
    shown = ("kind", "status", "made_at", "decided_at", "details", "order_id")
    return [{name: getattr(one, name) for name in shown} | {"note": notes.get(one.flag_id)} for one in flags]


async def erase(_: Loyalty, tx: Connection, driver_id: str) -> int:
    """See people.ERASES."""
    return await repository.delete_all(tx, driver_id)


async def move(_: Loyalty, tx: Connection, driver_id: str, into: str) -> None:
    """See people.MOVES."""
    await repository.move(tx, driver_id, into)


def _context(flag_id: UUID) -> str:
    return f"misuse_flags.note|{flag_id}"
