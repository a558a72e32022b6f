"""Sends what is due: codes to recipients who are to confirm, and reports to those who did. Replicas may overlap.

What is due is claimed for a while, so one replica sends it. Whoever dies in the middle loses it to another one, which
sends it again, under the same name: mail programs show one. Of reports that came due while nobody could send, the last
one is sent.
"""

import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from analytics.domain.periods import Compare
from analytics.domain.schedule_mails import code_mail, report_mail
from analytics.domain.schedules import CODE_LIFE, Code, Reason, Run, Schedule, Status, code_of, new_code
from analytics.providers.mail import Attachment, Mail, MailFailed
from analytics.repository.schedules import stored
from analytics.repository.stations import Stations
from analytics.use_cases.context import Analytics
from analytics.use_cases.overview import OverviewReading, overview_stations, read_overview
from analytics.use_cases.report_files import write_now
from analytics.use_cases.report_kinds import REPORT_BY_NAME
from analytics.use_cases.reporting import Asked, Reading, read_report, station_of
from analytics.use_cases.schedules import CODE
from analytics.use_cases.together import together
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.problems import Problem
from servicekit.store import StoreUnavailable

log = logging.getLogger(__name__)

After = Callable[[Schedule], Schedule]
PAUSE_SECONDS = 1.0
AT_ONCE = 4
"""Schedules that a process works at: a mail server that hangs at one recipient keeps few of the others waiting."""
NOT_FOUND = 404


async def send_due(analytics: Analytics, now: datetime | None = None) -> int:
    """Sends all that is due, a few at once; how much was tried. Raises StoreUnavailable when each has ended."""
    tried = 0

    async def work() -> None:
        nonlocal tried
        while claimed := await analytics.schedules.claim(stored(now or datetime.now(UTC))):
            await carry_on(analytics, claimed, stored(now or datetime.now(UTC)))
            tried += 1

    await together(work() for _ in range(AT_ONCE))
    return tried


async def carry_on(analytics: Analytics, claimed: Schedule, now: datetime) -> None:
    """One try for one schedule, whose end is noted unless it was changed meanwhile."""
    if claimed.status is Status.UNCONFIRMED:
        await _try_code(analytics, claimed, now)
    else:
        await _try_report(analytics, claimed, now)


async def _try_code(analytics: Analytics, claimed: Schedule, now: datetime) -> None:
    """The code is stored before it is sent: whoever reads the mail at once may use it at once."""
    code = new_code()
    kept = Code(analytics.ring.hash(code_of(code), CODE), now + CODE_LIFE)
    asked = replace(claimed, code=kept, version=claimed.version + 1)
    if not await analytics.schedules.save(claimed, asked):
        return
    try:
        await analytics.mailer.send(await _code_mail(analytics, asked, code, now))
    except MailFailed as failure:
        failed = partial(Schedule.failed_code, reason=failure.reason, now=now, for_good=failure.is_final)
        await _note(analytics, asked, failed)
    else:
        await _note(analytics, asked, Schedule.sent_code)


async def _code_mail(analytics: Analytics, schedule: Schedule, code: str, now: datetime) -> Mail:
    terms = schedule.terms
    station = await Stations(analytics.views).station(terms.station_id) if terms.station_id else None
    subject, text = code_mail(terms, station.name if station else f"{terms.operator}", code)
    return Mail(f"code-{schedule.schedule_id.hex}-{schedule.version}", schedule.recipient, subject, text, now)


async def _try_report(analytics: Analytics, claimed: Schedule, now: datetime) -> None:
    due_at = claimed.terms.timing.latest(now)
    if claimed.was_interrupted:
        after = partial(Schedule.failed, due_at=due_at, reason=Reason.INTERRUPTED, now=now, for_good=True)
    else:
        after = await _tried(analytics, claimed, due_at, now)
    await _note(analytics, claimed, after)


async def _tried(analytics: Analytics, claimed: Schedule, due_at: datetime, now: datetime) -> After:
    """What the try makes of the schedule, whatever happened."""
    failed = partial(Schedule.failed, due_at=due_at, now=now)
    try:
        await _send_report(analytics, claimed, due_at)
    except StoreUnavailable:
        raise
    except MailFailed as failure:
        return partial(failed, reason=failure.reason, for_good=failure.is_final)
    except Exception as error:  # noqa: BLE001 - one that cannot be made must not stop the others
        if isinstance(error, Problem) and error.status == NOT_FOUND:
            return partial(Schedule.resting, status=Status.SUSPENDED, reason=Reason.NOT_YOURS)
        where = "".join(traceback.format_tb(error.__traceback__))  # not the error's text, which may repeat an address
        what = {"schedule_id": str(claimed.schedule_id), "error": type(error).__name__, "where": where}
        log.error("a report could not be sent", extra=what)
        return partial(failed, reason=Reason.NOT_MADE, for_good=False)
    first_day, last_day = claimed.terms.timing.days(due_at)
    return partial(Schedule.done, run=Run(due_at, first_day, last_day, now, claimed.tries, None), now=now)


async def _note(analytics: Analytics, tried: Schedule, after: After) -> None:
    """Stores what a try made of the schedule as it is now: it may have been changed meanwhile, or deleted.

    Where by now another report, or another code, is due, that one is left alone.
    """
    known: Schedule | None = tried
    while known is not None and _is_due(known) == _is_due(tried):
        if await analytics.schedules.save(known, after(known)):
            return
        known = await analytics.schedules.reload(tried)
    new = after(tried).runs
    if known is not None and new != tried.runs:
        await analytics.schedules.note_run(tried.schedule_id, new[0])


def _is_due(schedule: Schedule) -> tuple[object, ...]:
    """What is to be sent for it."""
    return schedule.status, schedule.next_at, schedule.code and schedule.code.digest


async def _send_report(analytics: Analytics, schedule: Schedule, due_at: datetime) -> None:
    """Raises Problem 404 where the owner may not read it any more, and MailFailed."""
    terms = schedule.terms
    reading = await _read(analytics, schedule, due_at)
    made = await write_now(analytics, lambda: reading.document, terms.format, terms.language)
    subject, text = report_mail(terms, made.document)
    attachment = Attachment(made.name, made.media_type, made.content)
    key = f"report-{schedule.schedule_id.hex}-{due_at:%Y%m%d%H}"
    await analytics.mailer.send(Mail(key, schedule.recipient, subject, text, made.document.made_at, attachment))


async def _read(analytics: Analytics, schedule: Schedule, due_at: datetime) -> Reading | OverviewReading:
    """The report of the days before, beside that of the days before those; by what its owner may read now."""
    terms, owner = schedule.terms, await _owner(analytics, schedule)
    asked = Asked(*terms.timing.days(due_at), Compare.PREVIOUS)
    if terms.station_id is None:
        return await read_overview(analytics, await overview_stations(analytics, owner, terms.operator), asked)
    station = await station_of(analytics, owner, terms.station_id)
    return await read_report(analytics, REPORT_BY_NAME[terms.report], station, asked)


async def _owner(analytics: Analytics, schedule: Schedule) -> Principal:
    """The owner with the rights that identity said last."""
    held = await analytics.readers.find(schedule.owner)
    scopes = frozenset({Permission.REPORTS_READ.value})
    return Principal(schedule.owner, scopes, frozenset(), held.operators, held.stations)
