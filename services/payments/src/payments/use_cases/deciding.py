"""People decide about exceptions: one transaction for each decision, with the record of who made it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from payments.domain.exceptions import (
    TO_DECIDE,
    Action,
    CannotDecide,
    Case,
    CaseStatus,
    Decision,
    Kind,
    Reason,
    can_undo,
    rule_of,
)
from payments.domain.orders import Order
from payments.domain.refunds import needs_second_person
from payments.repository import exceptions as repository
from payments.repository import orders
from payments.use_cases.context import Payments
from payments.use_cases.exception_actions import EFFECTS, Work, stake_of
from payments.use_cases.exceptions import ITSELF
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.postgres import Connection
from servicekit.price_book import station_for
from servicekit.problems import Problem
from servicekit.telemetry import EXCEPTIONS_OPEN

NOTE_CONTEXT = "exceptions.note|{}"
"""Under which a note is sealed, with the exception's id."""


async def list_exceptions(
    tx: Connection, principal: Principal, station_id: UUID, status: CaseStatus | None, kind: Kind | None,
    before: UUID | None, limit: int,
) -> Sequence[Case]:  # fmt: skip
    """A station's exceptions, the newest first; those to decide by default. Raises Problem 404."""
    await station_for(tx, principal, station_id, Permission.ORDERS_WRITE)
    statuses = [status] if status else sorted(TO_DECIDE)
    return await repository.of_station(tx, station_id, statuses, kind, before, limit)


async def resolve(
    payments: Payments, tx: Connection, case: Case, action: Action, reason: Reason, by: str, *,
    amount_minor: int | None = None, volume_ml: int | None = None, note: str | None = None,
) -> Case:  # fmt: skip
    """The exception after the decision: done, or waiting for a second person where it gives away more than the limit.

    `case` is one that the caller may decide about. Raises Problem 409 `cannot-decide`, InvalidTransition.
    """
    sealed = payments.ring.seal(note.encode(), NOTE_CONTEXT.format(case.exception_id)) if note else None
    decision = Decision(action, reason, by, datetime.now(UTC), amount_minor, volume_ml, sealed)
    order, locked = await _lock(tx, case)
    work = Work(payments, tx, locked, decision, order)
    try:
        rule_of(locked, decision)
        if await _needs_second_person(work):
            return await _write(tx, work.case, "propose", CaseStatus.PROPOSED, decision)
        return await _carry_out(work)
    except CannotDecide as error:
        raise _refused(work.case, error) from None


async def approve(payments: Payments, tx: Connection, case: Case, by: str) -> Case:
    """A second person agrees, and it is done. Raises Problem 403, 409, InvalidTransition."""
    order, locked = await _lock(tx, case)
    if locked.approved_by == by and locked.status is CaseStatus.RESOLVED:
        return locked
    try:
        return await _carry_out(Work(payments, tx, locked, _proposal(locked, by), order))
    except CannotDecide as error:
        raise _refused(locked, error) from None


async def reject(tx: Connection, case: Case, by: str) -> Case:
    """A second person does not agree: the exception is open again. Raises Problem 403, 409."""
    _, locked = await _lock(tx, case)
    _proposal(locked, by)
    return await _reopen(tx, locked, "reject", by)


async def undo(payments: Payments, tx: Connection, case: Case, by: str) -> Case:
    """A dismissal is taken back. Raises Problem 409 `too-late`."""
    locked = await repository.lock(tx, case.exception_id) or case
    within = timedelta(seconds=payments.settings.exception_undo_seconds)
    if not can_undo(locked, datetime.now(UTC), within):
        minutes = within // timedelta(minutes=1)
        detail = f"Only a dismissal of the last {minutes} minutes can be undone; this exception is {locked.status}."
        raise Problem(409, "too-late", detail, exception_status=locked.status)
    return await _reopen(tx, locked, "undo", by)


async def find_own(tx: Connection, principal: Principal, exception_id: UUID, permission: Permission) -> Case:
    """The exception, if the principal may do this at its station; Problem 404 otherwise."""
    case = await repository.find(tx, exception_id)
    if case is None or not principal.may_act_for(str(case.station_id), case.operator or "", permission):
        raise Problem(404, "no-such-exception", "There is no such exception at your stations.")
    return case


async def resolve_gone(payments: Payments) -> int:
    """Resolves what has settled itself; how many exceptions that were. The metric says how many are left."""

    async def work(tx: Connection) -> tuple[int, Mapping[Kind, int]]:
        return await repository.resolve_gone(tx, ITSELF, datetime.now(UTC)), await repository.counts_to_decide(tx)

    resolved, left = await payments.store.transact(work)
    for kind, count in left.items():
        EXCEPTIONS_OPEN.labels(kind).set(count)
    return resolved


def note_of(payments: Payments, case: Case) -> str | None:
    """What the person who decided wrote."""
    if case.note is None:
        return None
    return payments.ring.open(case.note, NOTE_CONTEXT.format(case.exception_id)).decode()


async def _lock(tx: Connection, case: Case) -> tuple[Order | None, Case]:
    """The order is locked before the exception, everywhere."""
    order = await orders.lock(tx, case.order_id) if case.order_id else None
    return order, await repository.lock(tx, case.exception_id) or case


async def _needs_second_person(work: Work) -> bool:
    stake = await stake_of(work)
    return stake is not None and needs_second_person(*stake, work.payments.settings.refund_approval_minor)


async def _carry_out(work: Work) -> Case:
    decision, rule = work.decision, work.case.actions[work.decision.action]
    refund_id = await EFFECTS[decision.action](work)
    if not rule.settles:
        status = CaseStatus.OPEN
    else:
        status = CaseStatus.DISMISSED if decision.action is Action.DISMISS else CaseStatus.RESOLVED
    return await _write(work.tx, work.case, decision.action, status, decision, refund_id)


async def _write(
    tx: Connection, case: Case, step: str, status: CaseStatus, decision: Decision, refund_id: UUID | None = None
) -> Case:
    approved_at = decision.at if decision.approved_by else None
    decided = replace(
        case, status=status, action=decision.action, reason=decision.reason, amount_minor=decision.amount_minor,
        volume_ml=decision.volume_ml, note=decision.note, decided_by=decision.by,
        decided_at=case.decided_at if decision.approved_by else decision.at, approved_by=decision.approved_by,
        approved_at=approved_at, refund_id=refund_id,
    )  # fmt: skip
    await repository.save(tx, decided)
    details: dict[str, Any] = {
        "action": decision.action, "reason": decision.reason, "amount_minor": decision.amount_minor,
        "volume_ml": decision.volume_ml, "refund_id": str(refund_id) if refund_id else None,
    }  # fmt: skip
    actor = decision.approved_by or decision.by
    await repository.insert_step(tx, case.exception_id, step, case.status, status, actor, details)
    return decided


async def _reopen(tx: Connection, case: Case, step: str, by: str) -> Case:
    again = replace(
        case, status=CaseStatus.OPEN, action=None, reason=None, amount_minor=None, volume_ml=None, note=None,
        decided_by=None, decided_at=None,
    )  # fmt: skip
    await repository.save(tx, again)
    await repository.insert_step(tx, case.exception_id, step, case.status, CaseStatus.OPEN, by, {})
    return again


def _proposal(case: Case, by: str) -> Decision:
    """What was proposed, with who is to agree to it. Raises Problem 403, 409."""
    if case.status is not CaseStatus.PROPOSED or not (case.action and case.reason and case.decided_by):
        detail = f"The exception is {case.status}: no proposal waits for a second person."
        raise Problem(409, "nothing-proposed", detail, exception_status=case.status)
    if case.decided_by == by:
        raise Problem(403, "second-person-needed", "Somebody else than who proposed it must decide on it.")
    return Decision(
        Action(case.action), Reason(case.reason), case.decided_by, datetime.now(UTC), case.amount_minor,
        case.volume_ml, case.note, by,
    )  # fmt: skip


def _refused(case: Case, error: CannotDecide) -> Problem:
    return Problem(409, "cannot-decide", str(error), exception_status=case.status, actions=list(case.actions))
