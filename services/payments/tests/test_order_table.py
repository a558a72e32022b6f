"""The life of an order is its table: whatever anybody does in whatever order, only what the table has happens."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from payments.domain.money import MAX_MINOR, MAX_VOLUME_ML, amount_of, share_of, volume_for
from payments.domain.order_events import event_of
from payments.domain.order_words import Command, Measure, Mode, Status
from payments.domain.orders import (
    FINAL,
    OPEN,
    PAYABLE,
    TRANSITIONS,
    WAITS,
    InvalidTransition,
    Order,
    advance,
    allowed_commands,
)
from payments.domain.quantities import Disagreement, agreed
from payments.domain.timeouts import Timeouts, due_at
from schemas.vocabulary import Fuel
from servicekit.ids import new_id

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
CURRENCIES = st.sampled_from(["CNY", "EUR", "JPY", "KWD"])
PRICES = st.integers(1, 10_000_000)


def order_of(**fields: Any) -> Order:
    """An order that was just placed, with these fields changed."""
    standard = Order(
        order_id=new_id(), version=1, driver_id="d", station_id=new_id(), operator="o", pump_id="3",
        fuel=Fuel.PETROL_95, mode=Mode.POST_PAY, status=Status.PLACED, price_mills=7_850, price_version=1,
        currency="CNY", measure=Measure.FILL_UP, placed_at=NOW, waiting_since=NOW,
    )  # fmt: skip
    return replace(standard, **fields)


def changes_of(order: Order, command: Command, volume_ml: int) -> dict[str, Any]:
    """What whoever gives the command changes with it."""
    gross = amount_of(volume_ml, order.price_mills, order.currency)
    given = {"volume_ml": volume_ml, "gross_minor": gross}
    match command:
        case Command.CONFIRM if order.mode is Mode.POST_PAY:
            return given | {"dispensed_at": NOW}
        case Command.ADJUST:
            return given | {"reason": "typing_error"}
        case Command.DISPENSE:
            return given
        case Command.AUTHORISE:
            return {"authorised_minor": 10_000, "method": "wechat"}
        case Command.PAY:
            return {"paid_minor": order.payable_minor, "method": "wechat"}
        case Command.END_REFUND:
            return {"refunded_minor": min(order.paid_minor, order.refunded_minor + 1 + volume_ml % 5_000)}
        case _:
            return {}


def details_of(command: Command, order: Order) -> dict[str, Any]:
    """What an event has and its order does not."""
    if command is not Command.END_REFUND:
        return {}
    return {"refund_id": new_id(), "amount_minor": 1, "reason": "goodwill", "refunded_minor": order.refunded_minor}


class Life(RuleBasedStateMachine):
    """Anybody may try anything at any time."""

    @initialize(mode=st.sampled_from(Mode))
    def begin(self, mode: Mode) -> None:
        self.order = order_of(mode=mode)

    @rule(command=st.sampled_from(Command), volume_ml=st.integers(1, 80_000))
    def attempt(self, command: Command, volume_ml: int) -> None:
        before, allowed = self.order, allowed_commands(self.order)
        arguments = {"details": details_of(command, before), **changes_of(before, command, volume_ml)}
        if command not in allowed:
            with pytest.raises(InvalidTransition) as refused:
                advance(before, command, "somebody", NOW, **arguments)
            assert refused.value.allowed == sorted(allowed)
            return
        step = advance(before, command, "somebody", NOW, **arguments)
        self.order = step.order
        assert self.order.version == before.version + 1
        assert (step.before, step.fact) == (before.status, TRANSITIONS[before.status, command][1])
        event = event_of(step)
        assert (event is None) == (step.fact is None)

    @invariant()
    def money_adds_up(self) -> None:
        order = getattr(self, "order", None)
        if order is None:
            return
        assert 0 <= order.refunded_minor <= order.paid_minor
        assert order.payable_minor >= 0
        assert (order.status is Status.REFUNDED) <= (order.refunded_minor == order.paid_minor)
        assert (order.waiting_since is not None) == (order.status in WAITS)
        assert (due_at(order, Timeouts()) is not None) == (order.status in WAITS)

    @invariant()
    def fuel_is_never_forgotten(self) -> None:
        order = getattr(self, "order", None)
        if order is not None and (order.dispensed_at or order.fuelling_since):
            assert order.status not in {Status.CANCELLED, Status.EXPIRED}


TestLife = Life.TestCase


@pytest.mark.parametrize("status", sorted(FINAL))
def test_what_is_over_is_over(status: Status):
    assert allowed_commands(order_of(status=status, dispensed_at=NOW)) == frozenset()


def pairs() -> Iterator[tuple[Status, Command]]:
    return ((status, command) for status in Status for command in Command if (status, command) not in TRANSITIONS)


def test_what_the_table_does_not_have_is_refused_and_says_what_it_has():
    for status, command in pairs():
        with pytest.raises(InvalidTransition) as refused:
            advance(order_of(status=status), command, "somebody", NOW)
        assert (refused.value.status, refused.value.command) == (status, command)
        assert status in str(refused.value)


def test_every_status_is_reached_and_every_command_used():
    assert {command for _, command in TRANSITIONS} == set(Command)
    reached = {status for status, _ in TRANSITIONS.values() if status}
    assert reached | {Status.PLACED, Status.REFUNDED} == set(Status)


def test_money_comes_first_only_where_that_was_agreed():
    for mode in Mode:
        for status in OPEN:
            may = Command.BEGIN_PAYMENT in allowed_commands(order_of(mode=mode, status=status))
            assert may == (status in PAYABLE[mode])


@given(st.integers(0, MAX_VOLUME_ML), PRICES, CURRENCIES)
def test_a_volume_and_its_amount_belong_together(volume_ml: int, price_mills: int, currency: str):
    order = order_of(price_mills=price_mills, currency=currency)
    amount = amount_of(volume_ml, price_mills, currency)
    assert agreed(order, volume_ml, amount) == agreed(order, volume_ml, None) == (volume_ml, amount)
    with pytest.raises(Disagreement) as raised:
        agreed(order, volume_ml, amount + 1)
    assert (raised.value.said_minor, raised.value.computed_minor) == (amount + 1, amount)


@given(st.integers(0, MAX_MINOR // 10**4), PRICES, CURRENCIES)
def test_an_amount_buys_the_most_that_it_pays_for(amount_minor: int, price_mills: int, currency: str):
    volume_ml = volume_for(amount_minor, price_mills, currency)
    assert amount_of(volume_ml, price_mills, currency) <= amount_minor
    assert amount_of(volume_ml + 1, price_mills, currency) > amount_minor


@given(st.integers(0, MAX_VOLUME_ML), PRICES, CURRENCIES)
def test_more_fuel_never_costs_less(volume_ml: int, price_mills: int, currency: str):
    assert amount_of(volume_ml, price_mills, currency) <= amount_of(volume_ml + 1, price_mills, currency)
    assert volume_for(amount_of(volume_ml, price_mills, currency), price_mills, currency) >= volume_ml


@given(st.integers(0, MAX_MINOR), st.integers(0, 10**9), st.integers(1, 10**9))
def test_parts_make_the_whole(amount_minor: int, part: int, whole: int):
    part = min(part, whole)
    assert abs(share_of(amount_minor, part, whole) + share_of(amount_minor, whole - part, whole) - amount_minor) <= 1
    assert 0 <= share_of(amount_minor, part, whole) <= amount_minor


README = Path(__file__).parents[1] / "README.md"


def diagram() -> str:
    """The table as a Mermaid diagram: one arrow for all commands that lead from one status to another."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (status, command), (after, _) in TRANSITIONS.items():
        arrows.setdefault((status, after or "as_before"), []).append(command)
    lines = [f"    {before} --> {after}: {', '.join(commands)}" for (before, after), commands in arrows.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> placed", *lines])


def test_the_readme_shows_the_table():
    assert f"```mermaid\n{diagram()}\n```" in README.read_text(encoding="utf-8"), diagram()
