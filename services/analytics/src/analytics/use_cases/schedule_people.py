"""Schedules as part of what the service has of people, and what identity says of their rights."""

from collections.abc import Iterable, Sequence
from typing import Any

from analytics.domain.schedules import Schedule
from analytics.repository.schedules import Bindings, Session
from analytics.use_cases.context import Analytics
from schemas.people import StaffRoleChangedV1
from servicekit import mongo_idempotency
from servicekit.access import RULES, Permission
from servicekit.consumer import Received


async def take_roles(analytics: Analytics, tx: Session, received: Sequence[Received]) -> None:
    """Notes where staff may read reports now: a report that is due asks that of its owner.

    Not of a person who is gone: an older event may come after the erasure.
    """
    for one in received:
        event: StaffRoleChangedV1 = one.event
        subject = str(event.user_id)
        if await analytics.erasures.turn(tx, subject) is None:
            await analytics.readers.note(tx, subject, event.version, _bindings(event))


def _bindings(event: StaffRoleChangedV1) -> Bindings:
    held = [role for role in event.roles if role.role in RULES[Permission.REPORTS_READ].roles]
    return Bindings(
        frozenset(operator for role in held for operator in role.operators),
        frozenset(str(station) for role in held for station in role.station_ids),
    )


async def collect(analytics: Analytics, accounts: Iterable[str]) -> list[dict[str, Any]]:
    """See people.COLLECTS: the reports that the person has sent, and to whom."""
    return [_told(one) for one in await analytics.schedules.of_owners(list(accounts))]


def _told(schedule: Schedule) -> dict[str, Any]:
    terms = schedule.terms
    return {
        "schedule_id": schedule.schedule_id, "report": terms.report, "station_id": terms.station_id,
        "operator": terms.operator, "cadence": terms.cadence, "hour": terms.hour, "format": terms.format,
        "language": terms.language, "recipient": schedule.recipient, "status": schedule.status,
        "created_at": schedule.created_at,
        "runs": [{"due_at": run.due_at, "ended_at": run.ended_at, "reason": run.reason} for run in schedule.runs],
    }  # fmt: skip


async def erase(analytics: Analytics, tx: Session, accounts: Iterable[str]) -> int:
    """See people.ERASES: nothing is sent any more, and nobody knows to whom it was."""
    subjects = list(accounts)
    for subject in subjects:
        await mongo_idempotency.forget(analytics.store.database, tx, subject)
    await analytics.readers.delete(tx, subjects)
    return await analytics.schedules.delete_all(tx, subjects)


async def move(analytics: Analytics, tx: Session, subject: str, into: str) -> None:
    """Hands the person's schedules to the person's other account, which must have the right to them, too."""
    for schedule in await analytics.schedules.of_owners([subject], tx):
        await analytics.schedules.hand_over(tx, schedule, into)
    await mongo_idempotency.forget(analytics.store.database, tx, subject)
    await analytics.readers.delete(tx, [subject])
