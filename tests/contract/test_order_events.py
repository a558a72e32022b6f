"""Whatever happens to an order, what it tells follows the schema: each row of the table that has an event, tried."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from payments.domain.order_events import event_of
from payments.domain.order_words import Command, Fact, Measure, Mode, Status
from payments.domain.orders import TRANSITIONS, Order, Step, advance
from schemas.contracts import name_of
from schemas.export import FOLDER
from schemas.vocabulary import Fuel
from servicekit.envelope import to_record
from servicekit.ids import new_id

from .golden import GOLDEN
from .json_schema import violations

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TOLD = {key: fact for key, (_, fact) in TRANSITIONS.items() if fact is not None}


def order_of(status: Status, command: Command) -> Order:
    """An order of which all is known that may be, where the command is possible."""
    has_fuel = command not in {Command.CANCEL, Command.EXPIRE, Command.DISPENSE}
    return Order(
        order_id=new_id(), version=3, driver_id=str(new_id()), station_id=new_id(), operator="demo-oil", pump_id="3",
        fuel=Fuel.PETROL_95, mode=Mode.PREPAID, status=status, price_mills=7_850, price_version=1, currency="CNY",
        measure=Measure.AMOUNT, placed_at=NOW, requested_minor=20_000, requested_ml=None, volume_ml=30_000,
        gross_minor=23_550, discount_minor=500, breakdown=({"kind": "coupon", "reason": "5 off", "amount_minor": 500},),
        coupon_ids=("c",), reservation_id=new_id(), method="wechat", card_id=new_id(), authorised_minor=23_050,
        paid_minor=23_050, refunded_minor=100, vehicle_id=new_id(), odometer_km=48_200, reason="other",
        confirmed_at=NOW, dispensed_at=NOW if has_fuel else None,
    )  # fmt: skip


def step_of(status: Status, command: Command) -> Step:
    """The step, with what its maker adds."""
    details: dict[str, Any] = {}
    if command is Command.END_REFUND:
        details = {"refund_id": new_id(), "amount_minor": 100}
    return advance(order_of(status, command), command, "somebody", NOW, details=details)


def placed() -> Step:
    """The first step."""
    order = replace(order_of(Status.PLACED, Command.CONFIRM), version=1)
    return Step(order, None, None, Fact.PLACED, "somebody", NOW)


STEPS = [placed(), *(step_of(*key) for key in TOLD)]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.before}-{step.command}")
def test_an_event_of_an_order_follows_its_schema(step: Step) -> None:
    event = event_of(step)
    assert event is not None
    record = to_record(event, None)
    value = json.loads(record.payload)
    schema = json.loads((FOLDER / "json" / f"{name_of(type(event))}.json").read_text(encoding="utf-8"))
    assert violations(value, schema) == []
    assert (record.topic, record.key, value["version"]) == (
        "payments.orders",
        str(step.order.order_id),
        step.order.version,
    )


def test_every_event_of_an_order_has_a_row_that_tells_it() -> None:
    made = {type(event_of(step)) for step in STEPS}
    assert made == {golden.entry.event for golden in GOLDEN if golden.topic.name == "payments.orders"}
    assert {step.fact for step in STEPS} == set(Fact)
