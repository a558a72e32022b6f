"""Price changes that staff make: their states, the second approval, and the report that each becomes in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pricing.domain.reports import ACCEPTED, REJECTED, Price, PriceKey, Report, Sender, Verdict
from schemas.vocabulary import Fuel

MAX_AHEAD = timedelta(days=90)
A_MOMENT_AGO = timedelta(minutes=1)
"""A time that is past by no more means now: the caller's clock, or the way here."""

ON_TIME = timedelta(seconds=5)
"""Who fires within it keeps the planned time; later, the price holds from when it really came."""

WHOLE_IN_BASIS_POINTS = 10_000


class Status(StrEnum):
    """Where a change stands."""

    PENDING_APPROVAL = "pending_approval"
    SCHEDULED = "scheduled"
    FIRED = "fired"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"


class Action(StrEnum):
    """What happens to a change, as its audit trail says it."""

    CREATED = "created"
    APPROVED = "approved"
    CANCELLED = "cancelled"
    FIRED = "fired"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


TRANSITIONS: Mapping[Action, Mapping[Status, Status]] = {
    Action.APPROVED: {Status.PENDING_APPROVAL: Status.SCHEDULED},
    Action.CANCELLED: {Status.PENDING_APPROVAL: Status.CANCELLED, Status.SCHEDULED: Status.CANCELLED},
    Action.FIRED: {Status.SCHEDULED: Status.FIRED},
    Action.FAILED: {Status.PENDING_APPROVAL: Status.FAILED, Status.SCHEDULED: Status.FAILED},
    Action.ROLLED_BACK: {Status.FIRED: Status.ROLLED_BACK},
}
"""The whole state machine: what may happen in which state, and what it leads to."""

OPEN = (Status.PENDING_APPROVAL, Status.SCHEDULED)
"""States in which a change still waits for its time."""


class Missed(StrEnum):
    """Why a change failed without a verdict on its price; all other reasons are those of rejected reports."""

    NOT_APPROVED_IN_TIME = "not_approved_in_time"
    TIME_MISSED = "time_missed"
    INTERNAL_ERROR = "internal_error"


class ChangeError(Exception):
    """The change cannot be done as asked; the text says why and what to do."""


class WrongStatus(ChangeError):
    """The change is in a state that does not allow it."""


class OwnApproval(ChangeError):
    """Whoever made the change asks to approve it."""


class NothingToRollBack(ChangeError):
    """No other price held before the change."""


class BadMoment(ChangeError):
    """Nothing can be planned for this time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a change needs a second approval, how long that may take, and how late a change may still fire."""

    approval_basis_points: int
    approval_time: timedelta
    grace: timedelta


@dataclass(frozen=True, slots=True)
class Order:
    """What staff ask for: one price for a grade at some stations, at `effective_at` or (None) at once."""

    station_ids: Sequence[UUID]
    fuel: Fuel
    price_mills: int
    currency: str
    effective_at: datetime | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PriceChange:
    """One price for one grade at one station. The changes of one order share its `batch_id`.

    `effective_at` is the time asked for; None: at once, or as soon as somebody approves.
    `due_at` is when it fires; while it waits for approval, the end of the time for that.
    """

    change_id: UUID
    batch_id: UUID
    station_id: UUID
    operator: str
    fuel: Fuel
    price_mills: int
    currency: str
    effective_at: datetime | None
    due_at: datetime
    status: Status
    created_by: str
    created_at: datetime
    reason: str | None = None
    approved_by: str | None = None
    fired_at: datetime | None = None
    price_version: int | None = None
    previous_price_mills: int | None = None
    failure_reason: str | None = None
    failure_rule: str | None = None
    rolls_back: UUID | None = None

    @property
    def key(self) -> PriceKey:
        """The price it is about."""
        return self.station_id, self.fuel


@dataclass(frozen=True, slots=True)
class Step:
    """A change as it is after something happened to it: who did what, when, and in which state it was before."""

    change: PriceChange
    action: Action
    actor: str
    at: datetime
    from_status: Status | None = None
    detail: str | None = None


def moment_of(asked: datetime | None, now: datetime) -> datetime | None:
    """The time to plan for, None for now. Raises BadMoment for one that is past or too far ahead."""
    if asked is None or now - A_MOMENT_AGO <= asked <= now:
        return None
    if asked < now:
        raise BadMoment("`effective_at` is past; leave it out to change the price now.")
    if asked > now + MAX_AHEAD:
        raise BadMoment(f"`effective_at` is more than {MAX_AHEAD.days} days ahead; plan it nearer to its time.")
    return asked.astimezone(UTC)


def needs_approval(price_mills: int, current_mills: int | None, limits: Limits) -> bool:
    """Whether a second person must agree: the price moves by more than the limit. A first price moves nothing."""
    if current_mills is None:
        return False
    return abs(price_mills - current_mills) * WHOLE_IN_BASIS_POINTS > current_mills * limits.approval_basis_points


def price_under(plan: PriceChange) -> Price:
    """The price that will hold once a plan has fired, for what is planned after it."""
    moment = plan.due_at
    return Price(plan.price_mills, plan.currency, 1, moment, moment)


def plan(change: PriceChange, current: Price | None, limits: Limits) -> PriceChange:
    """The new change with the state it begins in and its time."""
    if needs_approval(change.price_mills, current.price_mills if current else None, limits):
        until = change.effective_at or change.created_at + limits.approval_time
        return replace(change, status=Status.PENDING_APPROVAL, due_at=until)
    return replace(change, status=Status.SCHEDULED, due_at=change.effective_at or change.created_at)


def status_after(status: Status, action: Action) -> Status:
    """The state that the action leads to. Raises WrongStatus where the state does not allow it."""
    allowed = TRANSITIONS[action]
    if status not in allowed:
        raise WrongStatus(f"The price change is {status}; only one that is {' or '.join(allowed)} can be {action}.")
    return allowed[status]


def approve(change: PriceChange, by: str, now: datetime) -> Step:
    """A second person agrees: a planned change keeps its time, another one is due now.

    Raises WrongStatus, also once its time has passed, and OwnApproval.
    """
    status = status_after(change.status, Action.APPROVED)
    if by == change.created_by:
        raise OwnApproval("You made this price change; somebody else has to approve it.")
    if now >= change.due_at:
        raise WrongStatus("The time to approve this price change has passed; make a new one with a new time.")
    approved = replace(change, status=status, approved_by=by, due_at=change.effective_at or now)
    return Step(approved, Action.APPROVED, by, now, change.status)


def cancel(change: PriceChange, by: str, now: datetime) -> Step:
    """It will not fire. Raises WrongStatus once it has, or failed."""
    cancelled = replace(change, status=status_after(change.status, Action.CANCELLED))
    return Step(cancelled, Action.CANCELLED, by, now, change.status)


def roll_back(change: PriceChange, back_id: UUID, by: str, now: datetime) -> tuple[Step, PriceChange]:
    """The change gives way to a new one (of the id `back_id`) that brings back the price from before, now.

    Raises WrongStatus unless it has fired, NothingToRollBack where there was no other price before.
    """
    status = status_after(change.status, Action.ROLLED_BACK)
    if change.price_version is None or change.previous_price_mills is None:
        raise NothingToRollBack("There was no other price before this change; make a new price change instead.")
    back = PriceChange(
        back_id, back_id, change.station_id, change.operator, change.fuel, change.previous_price_mills,
        change.currency, None, now, Status.SCHEDULED, by, now, rolls_back=change.change_id,
    )  # fmt: skip
    undone = replace(change, status=status)
    return Step(undone, Action.ROLLED_BACK, by, now, change.status, f"by price change {back_id}"), back


def missed(change: PriceChange, now: datetime, limits: Limits) -> Missed | None:
    """Why a change that is due must not fire any more; None if it fires.

    A price for noon that nobody approved, or that no process was there to fire, must not come in the evening.
    """
    if change.status is Status.PENDING_APPROVAL:
        return Missed.NOT_APPROVED_IN_TIME
    return Missed.TIME_MISSED if now > change.due_at + limits.grace else None


def fail(change: PriceChange, actor: str, now: datetime, reason: str, rule: str | None = None) -> Step:
    """It did not become the price, for a reason that staff can see."""
    failed = replace(
        change, status=status_after(change.status, Action.FAILED), failure_reason=reason, failure_rule=rule
    )
    return Step(failed, Action.FAILED, actor, now, change.status, ", ".join(filter(None, (reason, rule))))


def fire(change: PriceChange, verdict: Verdict, previous: Price | None, actor: str, now: datetime) -> Step:
    """What became of the change: fired, or failed where its report was refused."""
    if verdict.outcome is REJECTED:
        return fail(change, actor, now, str(verdict.reason), verdict.rule)
    fired = replace(
        change, status=status_after(change.status, Action.FIRED), fired_at=now, price_version=verdict.version,
        previous_price_mills=previous.price_mills if previous else None,
    )  # fmt: skip
    detail = None if verdict.outcome is ACCEPTED else "the price was the same already"
    return Step(fired, Action.FIRED, actor, now, change.status, detail)


def report_of(change: PriceChange, now: datetime) -> Report:
    """The change as a report of whoever made it: prices change in one way only. Its id is the change's own."""
    planned = change.effective_at
    effective_at = planned if planned and planned <= now <= planned + ON_TIME else now
    sender = Sender(change.created_by, frozenset({change.operator}), frozenset())
    return Report(
        str(change.change_id), change.station_id, change.fuel, change.price_mills, change.currency, effective_at, now,
        now, sender,
    )  # fmt: skip


def after_what_was_said(report: Report, price: Price | None) -> Report:
    """The report, no earlier than the last word on its price: staff change what they see, however clocks differ."""
    if price is None or price.confirmed_at <= report.effective_at:
        return report
    return report._replace(effective_at=price.confirmed_at)
