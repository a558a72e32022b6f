"""The rules of staff's price changes, without I/O."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.domain.changes import (
    MAX_AHEAD,
    ON_TIME,
    OPEN,
    TRANSITIONS,
    Action,
    BadMoment,
    ChangeError,
    Limits,
    Missed,
    NothingToRollBack,
    OwnApproval,
    PriceChange,
    Status,
    Step,
    WrongStatus,
    after_what_was_said,
    approve,
    cancel,
    fail,
    fire,
    missed,
    moment_of,
    needs_approval,
    plan,
    report_of,
    roll_back,
    status_after,
)
from pricing.domain.reports import Outcome, Price, Verdict
from schemas.events import RejectionReason
from schemas.vocabulary import Fuel

NOON = datetime(2026, 4, 30, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LIMITS = Limits(500, timedelta(hours=1), timedelta(minutes=10))
ACCEPTED = Verdict(Outcome.ACCEPTED, NOON, version=2)
BEFORE = Price(1_700, "EUR", 1, NOON - timedelta(days=1), NOON - timedelta(days=1))


def change(status: Status = Status.SCHEDULED, **fields: object) -> PriceChange:
    standard = {
        "change_id": UUID(int=7), "batch_id": UUID(int=8), "station_id": UUID(int=1), "operator": "operator",
        "fuel": Fuel.E5, "price_mills": 1_720, "currency": "EUR", "effective_at": NOON, "due_at": NOON,
        "status": status, "created_by": "ann", "created_at": NOON - timedelta(hours=2),
    }  # fmt: skip
    return PriceChange(**(standard | fields))  # pyright: ignore[reportArgumentType]


def test_now_is_a_moment_ago_to_now_and_a_plan_is_at_most_90_days_ahead():
    assert [moment_of(asked, NOON) for asked in (None, NOON, NOON - 59 * SECOND)] == [None] * 3
    assert moment_of(NOON + SECOND, NOON) == NOON + SECOND
    assert moment_of(NOON + MAX_AHEAD, NOON) == NOON + MAX_AHEAD
    for wrong in (NOON - 61 * SECOND, NOON + MAX_AHEAD + SECOND):
        with pytest.raises(BadMoment):
            moment_of(wrong, NOON)


def test_a_second_person_agrees_to_more_than_the_limit():
    assert not needs_approval(1_050, 1_000, LIMITS)
    assert needs_approval(1_051, 1_000, LIMITS)
    assert not needs_approval(950, 1_000, LIMITS)
    assert needs_approval(949, 1_000, LIMITS)
    assert not needs_approval(9_999, None, LIMITS)
    assert needs_approval(1_001, 1_000, replace(LIMITS, approval_basis_points=0))


@given(st.integers(1, 10**7), st.integers(1, 10**7), st.integers(0, 10_000))
def test_the_limit_is_exact(new: int, current: int, basis_points: int):
    share = abs(new - current) * 10_000
    assert needs_approval(new, current, replace(LIMITS, approval_basis_points=basis_points)) == (
        share > current * basis_points
    )


def test_a_change_for_now_waits_an_hour_for_approval_and_a_planned_one_until_its_time():
    large = change(price_mills=2_000, effective_at=None)
    waiting = plan(large, BEFORE, LIMITS)
    assert (waiting.status, waiting.due_at) == (Status.PENDING_APPROVAL, large.created_at + timedelta(hours=1))
    assert plan(change(price_mills=2_000), BEFORE, LIMITS).due_at == NOON
    assert plan(change(effective_at=None), BEFORE, LIMITS).due_at == large.created_at
    approved = approve(waiting, "bob", waiting.created_at + SECOND).change
    assert (approved.status, approved.due_at) == (Status.SCHEDULED, waiting.created_at + SECOND)


def test_nobody_approves_what_is_their_own_or_late():
    waiting = change(Status.PENDING_APPROVAL)
    with pytest.raises(OwnApproval):
        approve(waiting, "ann", NOON - SECOND)
    with pytest.raises(WrongStatus):
        approve(waiting, "bob", NOON)
    assert approve(waiting, "bob", NOON - SECOND).change.due_at == NOON


def test_what_is_too_late_does_not_come():
    assert missed(change(Status.PENDING_APPROVAL), NOON, LIMITS) is Missed.NOT_APPROVED_IN_TIME
    assert missed(change(), NOON + LIMITS.grace, LIMITS) is None
    assert missed(change(), NOON + LIMITS.grace + SECOND, LIMITS) is Missed.TIME_MISSED


def test_on_time_the_planned_time_holds_and_later_the_real_one():
    assert report_of(change(), NOON + ON_TIME).effective_at == NOON
    late = NOON + ON_TIME + SECOND
    assert report_of(change(), late).effective_at == late
    assert report_of(change(effective_at=None), NOON).effective_at == NOON
    jumped_back = NOON - SECOND
    assert report_of(change(), jumped_back).effective_at == jumped_back


def test_a_station_whose_clock_runs_ahead_does_not_keep_staff_from_changing_its_price():
    ahead = BEFORE._replace(confirmed_at=NOON + timedelta(minutes=4))
    report = report_of(change(), NOON)
    assert after_what_was_said(report, ahead).effective_at == ahead.confirmed_at
    assert after_what_was_said(report, BEFORE) == after_what_was_said(report, None) == report


def test_a_refused_report_fails_its_change_and_says_why():
    verdict = Verdict(Outcome.REJECTED, NOON, RejectionReason.STATION_CLOSED)
    step = fire(change(), verdict, BEFORE, "pricing", NOON)
    assert (step.change.status, step.change.failure_reason) == (Status.FAILED, "station_closed")
    assert step.detail == "station_closed"


def test_a_rollback_brings_back_the_price_from_before_and_where_there_was_none_says_so():
    fired = fire(change(), ACCEPTED, BEFORE, "pricing", NOON).change
    step, back = roll_back(fired, UUID(int=9), "bob", NOON)
    assert (step.change.status, back.price_mills, back.rolls_back) == (Status.ROLLED_BACK, 1_700, fired.change_id)
    with pytest.raises(WrongStatus):
        roll_back(step.change, UUID(int=10), "bob", NOON)
    for nothing in (
        fire(change(), ACCEPTED, None, "pricing", NOON),
        fire(change(), ACCEPTED._replace(outcome=Outcome.UNCHANGED, version=None), BEFORE, "pricing", NOON),
    ):
        with pytest.raises(NothingToRollBack):
            roll_back(nothing.change, UUID(int=9), "bob", NOON)


ACTS = {
    "approve": lambda it, now: approve(it, "bob", now),
    "approve own": lambda it, now: approve(it, "ann", now),
    "cancel": lambda it, now: cancel(it, "ann", now),
    "fire": lambda it, now: fire(it, ACCEPTED, BEFORE, "pricing", now),
    "refuse": lambda it, now: fire(
        it, Verdict(Outcome.REJECTED, now, RejectionReason.STATION_CLOSED), BEFORE, "pricing", now
    ),
    "fail": lambda it, now: fail(it, "pricing", now, Missed.TIME_MISSED),
    "roll back": lambda it, now: roll_back(it, UUID(int=9), "ann", now)[0],
}


@given(
    st.sampled_from(OPEN),
    st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.integers(-10_000, 10_000)), max_size=12),
)
def test_whatever_happens_in_whatever_order_a_change_fires_at_most_once(first: Status, acts: list[tuple[str, int]]):
    """Clocks jump in both directions, too. What is refused changes nothing, and the trail leads from state to state."""
    it, trail = change(first), []
    for name, seconds in acts:
        try:
            step: Step = ACTS[name](it, NOON + seconds * SECOND)
        except ChangeError:
            continue
        assert step.from_status is it.status
        assert TRANSITIONS[step.action][it.status] is step.change.status
        trail.append(step)
        it = step.change
    actions = [step.action for step in trail]
    assert actions.count(Action.FIRED) <= 1
    assert (it.fired_at is not None) == (it.status in {Status.FIRED, Status.ROLLED_BACK})
    assert (it.failure_reason is not None) == (it.status is Status.FAILED)
    if first is Status.PENDING_APPROVAL and Action.FIRED in actions:
        assert it.approved_by == "bob"


@given(st.sampled_from(list(Status)), st.sampled_from([action for action in Action if action is not Action.CREATED]))
def test_an_end_is_an_end(status: Status, action: Action):
    """Only what is open, or fired and then rolled back, moves on."""
    if status in {Status.FAILED, Status.CANCELLED, Status.ROLLED_BACK}:
        with pytest.raises(WrongStatus):
            status_after(status, action)
