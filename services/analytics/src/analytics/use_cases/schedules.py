"""What staff do about the reports that they have sent: set up, confirm, change, stop. Each sees only their own."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from analytics.domain.schedules import MOST_CODES_A_DAY, MOST_SCHEDULES, Schedule, Status, Terms, code_of
from analytics.repository.schedules import Session, stored
from analytics.use_cases import overview
from analytics.use_cases.context import Analytics
from analytics.use_cases.report_kinds import REPORT_BY_NAME
from analytics.use_cases.reporting import station_of
from servicekit.auth import Principal
from servicekit.erasures import require_present
from servicekit.idempotency import IdempotentRequest, Reply
from servicekit.ids import new_id
from servicekit.keyring import KeyRingError
from servicekit.mongo_idempotency import once
from servicekit.problems import Problem

CODE = "report_schedules.code"
"""What the keyed hash of a code is for."""
Result = TypeVar("Result")


async def make_schedule(
    analytics: Analytics, staff: Principal, wanted: Mapping[str, Any], asked: IdempotentRequest
) -> Schedule:
    """A new schedule, unconfirmed; a code is on its way to the recipient. The same request again makes no other one.

    `wanted`: as the request's body. Raises Problem 401, 404, 409, 422, 429.
    """
    terms, now = await _terms(analytics, staff, wanted), stored(datetime.now(UTC))
    blank = Schedule(new_id(), staff.subject, terms, wanted["recipient"], Status.UNCONFIRMED, now)

    async def effect(tx: Session) -> Reply:
        if await analytics.schedules.count(tx, staff.subject) >= MOST_SCHEDULES:
            detail = f"You have {MOST_SCHEDULES} schedules; delete one first."
            raise Problem(409, "too-many-schedules", detail)
        await _count_code(analytics, tx, staff.subject, now)
        await analytics.schedules.insert(tx, blank.asking(now))
        return Reply(201, str(blank.schedule_id).encode())  # not the schedule: replies are not sealed, addresses are

    async def work(tx: Session) -> Reply:
        await require_present(analytics.erasures, tx, staff.subject)
        return await once(analytics.store.database, tx, asked, lambda: effect(tx))

    reply = await analytics.store.transact(work)
    return await find_schedule(analytics, staff.subject, UUID(reply.body.decode()))


async def find_schedule(analytics: Analytics, owner: str, schedule_id: UUID, tx: Session | None = None) -> Schedule:
    """The owner's schedule. Raises Problem 404."""
    if (found := await analytics.schedules.find(owner, schedule_id, tx)) is None:
        raise _no_such_schedule()
    return found


async def change_schedule(
    analytics: Analytics, staff: Principal, schedule_id: UUID, patch: Mapping[str, Any]
) -> Schedule:  # fmt: skip
    """Changes what the patch names, from the next report on. Raises Problem 401, 404, 409, 429.

    A new recipient has to confirm it. One that is suspended goes on by `status: active`, if its owner may read the
    report again.
    """
    now = stored(datetime.now(UTC))

    async def change(tx: Session, known: Schedule) -> Schedule:
        terms = replace(known.terms, **{name: patch[name] for name in _CHANGEABLE if name in patch})
        recipient = patch.get("recipient", known.recipient)
        changed = replace(known, terms=terms, recipient=recipient, version=known.version + 1)
        if recipient != known.recipient:
            await _count_code(analytics, tx, staff.subject, now)
            return changed.asking(now)
        if patch.get("status", known.status) == known.status:
            is_due_otherwise = known.status is Status.ACTIVE and terms.timing != known.terms.timing
            return replace(changed.active(now), failures=known.failures) if is_due_otherwise else changed
        if known.status is Status.UNCONFIRMED:
            detail = "Nobody has confirmed its recipient yet: POST the code of the mail to its `confirm` first."
            raise Problem(409, "schedule-unconfirmed", detail)
        if patch["status"] == Status.PAUSED:
            return changed.resting(Status.PAUSED)
        await _require_right(analytics, staff, terms)
        return changed.active(now)

    return await _changed(analytics, staff.subject, schedule_id, change)


_CHANGEABLE = ("cadence", "hour", "format", "language")


async def send_code(analytics: Analytics, owner: str, schedule_id: UUID) -> Schedule:
    """Sends the recipient a new code; the one before is no longer good. Raises Problem 401, 404, 409, 429."""
    now = stored(datetime.now(UTC))

    async def ask(tx: Session, known: Schedule) -> Schedule:
        if known.status is not Status.UNCONFIRMED:
            raise Problem(409, "schedule-confirmed", "Its recipient is confirmed already; there is nothing to do.")
        await _count_code(analytics, tx, owner, now)
        return known.asking(now)

    return await _changed(analytics, owner, schedule_id, ask)


async def confirm_schedule(analytics: Analytics, owner: str, schedule_id: UUID, code: str) -> Schedule:
    """The recipient wants it: reports are sent from the next time on. Once it is confirmed, again changes nothing.

    Raises Problem 401, 404; 409 where a new code is needed; 422 for a wrong one, which is counted.
    """
    now = stored(datetime.now(UTC))

    async def confirm(_: Session, known: Schedule) -> Schedule:
        if known.status is not Status.UNCONFIRMED:
            return known
        if known.code is None or not known.code.is_good(now):
            detail = "No code is good now: it is on its way, has expired, or too many wrong ones came. POST to `code` "
            raise Problem(409, "code-expired", f"{detail}sends a new one.")
        if is_code(analytics, known, code):
            return known.active(now)
        return known.refusing()

    done = await _changed(analytics, owner, schedule_id, confirm)
    if done.status is Status.UNCONFIRMED:
        raise Problem(422, "code-refused", "This is not the code of the latest mail; look at it again.")
    return done


async def delete_schedule(analytics: Analytics, owner: str, schedule_id: UUID) -> None:
    """Nothing is sent any more. Raises Problem 404."""
    if not await analytics.store.transact(lambda tx: analytics.schedules.delete(tx, owner, schedule_id)):
        raise _no_such_schedule()


def is_code(analytics: Analytics, schedule: Schedule, code: str) -> bool:
    """Whether this is the code that the recipient got last."""
    try:
        return schedule.code is not None and analytics.ring.made(schedule.code.digest, code_of(code), CODE)
    except KeyRingError:  # the key that it was hashed with is gone: a new code has to be sent
        return False


async def _changed(
    analytics: Analytics, owner: str, schedule_id: UUID, change: Callable[[Session, Schedule], Awaitable[Schedule]]
) -> Schedule:
    """The schedule after a change, in one transaction."""

    async def work(tx: Session) -> Schedule:
        await require_present(analytics.erasures, tx, owner)
        known = await find_schedule(analytics, owner, schedule_id, tx)
        changed = await change(tx, known)
        if changed is not known and not await analytics.schedules.save(known, changed, tx):
            raise Problem(409, "schedule-changed", "It was changed right now by somebody else; look at it again.")
        return changed

    return await analytics.store.transact(work)


async def _count_code(analytics: Analytics, tx: Session, owner: str, now: datetime) -> None:
    if not await analytics.readers.count_code(tx, owner, now, MOST_CODES_A_DAY):
        detail = f"You had {MOST_CODES_A_DAY} codes sent within 24 hours; try again tomorrow."
        raise Problem(429, "too-many-codes", detail, headers={"Retry-After": "3600"})


async def _terms(analytics: Analytics, staff: Principal, wanted: Mapping[str, Any]) -> Terms:
    """What is wanted, of a station or an operator that the person may read of. Raises Problem 404, 422."""
    named = {name: wanted[name] for name in ("report", "station_id", "operator", *_CHANGEABLE)}
    if wanted["report"] != overview.NAME:
        if wanted["report"] not in REPORT_BY_NAME:
            raise _unknown_report()
        station = await station_of(analytics, staff, wanted["station_id"])
        return Terms(**named, time_zone=_zone(station.time_zone))
    terms = Terms(**named, time_zone=_zone(wanted["time_zone"]))
    await _require_right(analytics, staff, terms)
    return terms


async def _require_right(analytics: Analytics, staff: Principal, terms: Terms) -> None:
    """Raises Problem 404 where the person may not read the report."""
    if terms.station_id is not None:
        await station_of(analytics, staff, terms.station_id)
    else:
        await overview.overview_stations(analytics, staff, terms.operator)


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        detail = "This time zone is not known; send an IANA name such as Europe/Berlin."
        raise Problem(422, "unknown-time-zone", detail) from error


def _no_such_schedule() -> Problem:
    return Problem(404, "no-such-schedule", "You have no such schedule; GET /v1/report-schedules lists yours.")


def _unknown_report() -> Problem:
    names = ", ".join([*REPORT_BY_NAME, overview.NAME])
    return Problem(422, "no-such-report", f"There is no such report; there are {names}.")
