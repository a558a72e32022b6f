"""What staff do with price changes: make, approve, cancel, roll back, look."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pricing.domain import changes as domain
from pricing.domain.changes import Action, Limits, Order, PriceChange, Status, Step
from pricing.domain.reports import REJECTED, Knowledge, decide
from pricing.repository import changes as repository
from pricing.repository.reports import load_knowledge
from pricing.use_cases.firing import fire
from schemas.events import RejectionReason
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem

CHANGE, APPROVE = Permission.PRICE_CHANGES_WRITE, Permission.PRICE_CHANGES_APPROVE
Refusals = dict[UUID, tuple[str, str | None]]
"""Why stations refuse a price: the reason and, where one is broken, the price rule."""


async def make_changes(tx: Connection, principal: Principal, order: Order, limits: Limits) -> list[PriceChange]:
    """A change for each station of the order, all or none; those that are due at once have fired.

    Raises Problem 403, 409, 422.
    """
    now = datetime.now(UTC)
    with _as_problems():
        order = replace(order, effective_at=domain.moment_of(order.effective_at, now))
    drafts = _drafts(order, principal, now)
    knowledge = await load_knowledge(tx, [domain.report_of(draft, now) for draft in drafts])
    drafts = [_with_operator(draft, principal, knowledge) for draft in drafts]
    _require_accepted(_refusals(drafts, await _with_plans(tx, order, knowledge), now))
    await _require_free_moment(tx, order)
    planned = [domain.plan(draft, knowledge.prices.get(draft.key), limits) for draft in drafts]
    await repository.save_steps(tx, [Step(change, Action.CREATED, principal.subject, now) for change in planned])
    return await _fire_if_due(tx, planned, principal.subject, now)


def _drafts(order: Order, principal: Principal, now: datetime) -> list[PriceChange]:
    """A change for each station, before anything is known of the stations."""
    batch_id = new_id()
    return [
        PriceChange(
            new_id(), batch_id, station_id, "", order.fuel, order.price_mills, order.currency, order.effective_at,
            order.effective_at or now, Status.SCHEDULED, principal.subject, now, order.reason,
        )
        for station_id in dict.fromkeys(order.station_ids)
    ]  # fmt: skip


def _with_operator(draft: PriceChange, principal: Principal, knowledge: Knowledge) -> PriceChange:
    """The change on behalf of the station's operator, if the principal may act for it; else its report is refused."""
    station = knowledge.stations.get(draft.station_id)
    if station is None or not principal.may_act_for(str(station.station_id), station.operator, CHANGE):
        return draft
    return replace(draft, operator=station.operator)


async def _with_plans(tx: Connection, order: Order, knowledge: Knowledge) -> Knowledge:
    """What will be known when the order's time comes: a rule may ask what the price is a rise from."""
    if order.effective_at is None:
        return knowledge
    plans = await repository.last_plans_before(tx, order.station_ids, order.fuel, order.effective_at)
    return replace(knowledge, prices={**knowledge.prices, **{plan.key: domain.price_under(plan) for plan in plans}})


def _refusals(drafts: Sequence[PriceChange], knowledge: Knowledge, now: datetime) -> Refusals:
    """What would be refused if the changes fired at their time, as far as that is known now."""
    reports = [
        domain.after_what_was_said(domain.report_of(draft, draft.effective_at or now), knowledge.prices.get(draft.key))
        for draft in drafts
    ]
    verdicts = decide(reports, knowledge).verdicts
    return {
        report.station_id: (str(verdict.reason), verdict.rule)
        for report, verdict in zip(reports, verdicts, strict=True)
        if verdict.outcome is REJECTED
    }


def _require_accepted(refusals: Refusals) -> None:
    """Raises Problem 403 where a station is not the caller's, 422 for all else, with each station's reason."""
    if not refusals:
        return
    errors = [{"station_id": str(at), "reason": reason, "rule": rule} for at, (reason, rule) in refusals.items()]
    first = ", ".join(filter(None, next(iter(refusals.values()))))
    detail = f"Nothing was changed: {len(refusals)} station(s) refuse it, first {next(iter(refusals))}: {first}."
    if any(reason == RejectionReason.NOT_YOUR_STATION for reason, _ in refusals.values()):
        raise Problem(403, "not-your-station", f"{detail} Your access token is bound to other stations.", errors=errors)
    raise Problem(422, "price-change-refused", f"{detail} Mend the change, or leave them out.", errors=errors)


async def _require_free_moment(tx: Connection, order: Order) -> None:
    """Raises Problem 409 where another change waits for the same moment. The stations are locked, so it stays free."""
    if order.effective_at is None:
        return
    taken = await repository.planned_already(tx, order.station_ids, order.fuel, order.effective_at)
    if taken:
        raise Problem(
            409, "moment-taken", "A change of this grade is planned for this time already; cancel that one first.",
            errors=[{"station_id": str(station_id)} for station_id in taken],
        )  # fmt: skip


async def _fire_if_due(tx: Connection, changes: Sequence[PriceChange], actor: str, now: datetime) -> list[PriceChange]:
    """The changes in their order, those that are scheduled for now as firing left them."""
    due = [change for change in changes if change.status is Status.SCHEDULED and change.due_at <= now]
    fired = {change.change_id: change for change in await fire(tx, due, actor, now)}
    return [fired.get(change.change_id, change) for change in changes]


async def approve_change(tx: Connection, principal: Principal, change_id: UUID) -> PriceChange:
    """The change, scheduled, or fired if it was to come at once. Raises Problem 403, 404, 409."""
    now, change = datetime.now(UTC), await _lock_own(tx, principal, change_id, APPROVE)
    with _as_problems():
        step = domain.approve(change, principal.subject, now)
    await repository.save_steps(tx, [step])
    return (await _fire_if_due(tx, [step.change], principal.subject, now))[0]


async def cancel_change(tx: Connection, principal: Principal, change_id: UUID) -> PriceChange:
    """The change, which will not fire. Raises Problem 404, 409."""
    change = await _lock_own(tx, principal, change_id, CHANGE)
    with _as_problems():
        step = domain.cancel(change, principal.subject, datetime.now(UTC))
    await repository.save_steps(tx, [step])
    return step.change


async def roll_back_change(tx: Connection, principal: Principal, change_id: UUID) -> PriceChange:
    """The new change that brought the price from before back. Raises Problem 404, 409, 422.

    It needs no second approval: that price held until the change came.
    """
    now, change = datetime.now(UTC), await _lock_own(tx, principal, change_id, CHANGE)
    with _as_problems():
        step, back = domain.roll_back(change, new_id(), principal.subject, now)
    knowledge = await load_knowledge(tx, [domain.report_of(back, now)])
    price = knowledge.prices.get(change.key)
    if price is None or price.version != change.price_version:
        raise await _changed_since(tx, change)
    await repository.save_steps(tx, [Step(back, Action.CREATED, principal.subject, now), step])
    [back] = await fire(tx, [back], principal.subject, now)
    if back.failure_reason:
        _require_accepted({back.station_id: (back.failure_reason, back.failure_rule)})
    return back


async def _changed_since(tx: Connection, change: PriceChange) -> Problem:
    """Why the change cannot be rolled back: who set which price after it."""
    now = await repository.who_set(tx, change.station_id, change.fuel)
    return Problem(
        409, "price-changed-since",
        f"{now['reported_by']} has set the price to {now['price_mills']} since, by report {now['report_id']} for "
        f"{now['effective_at'].isoformat()}; make a new price change instead.",
    )  # fmt: skip


async def read_change(connection: Connection, principal: Principal, change_id: UUID) -> tuple[PriceChange, list[Any]]:
    """The change with its audit trail. Raises Problem 404."""
    change = _require_own(await repository.find_change(connection, change_id), principal, CHANGE)
    return change, await repository.steps_of(connection, change_id)


async def _lock_own(tx: Connection, principal: Principal, change_id: UUID, permission: Permission) -> PriceChange:
    return _require_own(await repository.lock_change(tx, change_id), principal, permission)


def _require_own(change: PriceChange | None, principal: Principal, permission: Permission) -> PriceChange:
    """The change, if the principal may do this at its station; 404 otherwise, so that ids tell nothing to others."""
    if change is None or not principal.may_act_for(str(change.station_id), change.operator, permission):
        raise Problem(
            404, "no-such-price-change",
            "There is no price change with this id at your stations; GET /v1/price-changes lists those there are.",
        )  # fmt: skip
    return change


@contextmanager
def _as_problems() -> Iterator[None]:
    try:
        yield
    except domain.OwnApproval as error:
        raise Problem(403, "own-price-change", str(error)) from error
    except domain.BadMoment as error:
        raise Problem(422, "effective-at-out-of-range", str(error)) from error
    except domain.ChangeError as error:
        raise Problem(409, "price-change-status", str(error)) from error
