"""A pump reports what it gave: once, however often it says so; and what does not fit is kept, for people to settle."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from payments.domain.dispenses import EXCEPTIONS, REFUSALS, Dispense, DispenseOutcome, judge
from payments.domain.order_words import Command, Mode, Status
from payments.domain.orders import Order, advance
from payments.domain.quantities import agreed
from payments.repository import dispenses, orders
from payments.use_cases import capturing
from payments.use_cases.context import Payments
from payments.use_cases.ending import end_without_fuel
from payments.use_cases.exceptions import raise_exception
from payments.use_cases.order_access import lock_station_order
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.postgres import Connection
from servicekit.problems import Problem


async def report_dispense(
    payments: Payments, tx: Connection, principal: Principal, order_id: Any, report: Mapping[str, Any]
) -> Dispense:
    """The report as it is stored: also one that does not fit, so commit before you `refuse` it.

    `report` holds what the station says of a Dispense. Raises Problem 404, 422 `dispense-id-reused`.
    """
    order = await lock_station_order(tx, principal, order_id, Permission.ORDERS_WRITE)
    said = Dispense(
        station_id=order.station_id, order_id=order.order_id, reported_by=principal.subject,
        received_at=datetime.now(UTC), outcome=DispenseOutcome.TAKEN, **report,
    )  # fmt: skip
    known = await dispenses.find(tx, order.station_id, said.dispense_id)
    if known is not None:
        return _same(known, said)
    is_first = not await dispenses.has_accepted(tx, order_id)
    said = replace(said, outcome=judge(order, said.volume_ml, said.amount_minor, is_first=is_first))
    await dispenses.insert(tx, said)
    if said.outcome in EXCEPTIONS:
        await raise_exception(
            tx, EXCEPTIONS[said.outcome], order=order, key=f"dispense|{order.station_id}|{said.dispense_id}",
            details=said.evidence(order),
        )  # fmt: skip
    else:
        await _take(payments, tx, order, said)
    return said


def refuse(dispense: Dispense) -> None:
    """Raises Problem 409 where the report did not fit; it says the same each time."""
    if dispense.outcome in REFUSALS:
        detail = f"{REFUSALS[dispense.outcome]}. The report is kept, and the station's exceptions have it."
        raise Problem(409, "dispense-kept-aside", detail, outcome=dispense.outcome, dispense_id=dispense.dispense_id)


async def _take(payments: Payments, tx: Connection, order: Order, said: Dispense) -> None:
    """What an accepted report does to its order."""
    actor, at = said.reported_by, said.received_at
    if order.dispensed_at is not None:
        return  # staff said the same before, or the pump was used again and gave nothing
    if order.status is Status.PAID or (order.status is Status.AUTHORISED and said.volume_ml):
        await capturing.settle_dispense(payments, tx, order, said.volume_ml, actor, at)
    elif said.volume_ml:
        await _confirm(tx, order, said)
    elif order.status in {Status.PLACED, Status.CONFIRMED, Status.AUTHORISED}:
        await end_without_fuel(payments, tx, order, actor, at)


async def _confirm(tx: Connection, order: Order, said: Dispense) -> None:
    """Fuel came before money: whatever was planned, it is paid afterwards."""
    volume_ml, gross_minor = agreed(order, said.volume_ml, said.amount_minor)
    step = advance(
        order, Command.DISPENSE, said.reported_by, said.received_at, mode=Mode.POST_PAY, volume_ml=volume_ml,
        gross_minor=gross_minor, details={"dispense_id": said.dispense_id},
    )  # fmt: skip
    await orders.save(tx, [step])


def _same(known: Dispense, said: Dispense) -> Dispense:
    if not known.says_the_same_as(said):
        detail = "This dispense_id was reported with other numbers before; use a new one for each dispense."
        raise Problem(422, "dispense-id-reused", detail)
    return known
