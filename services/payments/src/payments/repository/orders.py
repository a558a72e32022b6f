"""Orders and their steps: `save` is the one way by which an order changes."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

import msgspec

from payments.domain.order_events import event_of
from payments.domain.order_words import Measure, Mode, Status
from payments.domain.orders import Order, Step
from schemas.vocabulary import Fuel
from servicekit.envelope import to_records
from servicekit.postgres import Connection, append_to_outbox
from servicekit.problems import Problem

COLUMNS = tuple(one.name for one in fields(Order))
_NAMES = ", ".join(COLUMNS)
_VALUES = ", ".join(f"${number}" for number in range(1, len(COLUMNS) + 1))
_INSERT = f"INSERT INTO orders ({_NAMES}) VALUES ({_VALUES}) ON CONFLICT DO NOTHING"  # noqa: S608 -- names of our own fields
_UPDATE = f"UPDATE orders SET ({_NAMES}) = ({_VALUES}) WHERE order_id = $1 AND version = $2 - 1"  # noqa: S608 -- as above


async def save(tx: Connection, steps: Sequence[Step]) -> None:
    """Writes each order as it is after its step, the step, and its event, and wakes whoever watches.

    Compare-and-set: raises Problem 409 `order-changed` where the order is not as it was when the step was made.
    """
    for step in steps:
        if step.before is None:
            await _insert(tx, step.order)
        elif await tx.execute(_UPDATE, *values_of(step.order)) != "UPDATE 1":
            raise changed_meanwhile()
        await tx.execute(
            """INSERT INTO order_steps (order_id, version, command, before, after, actor, at, details)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
            step.order.order_id, step.order.version, step.command, step.before, step.order.status, step.actor, step.at,
            _text(step.details),
        )  # fmt: skip
        await tx.execute("SELECT pg_notify('orders', $1)", notice_of(step))
    await append_to_outbox(tx, to_records([event for step in steps if (event := event_of(step))]))


async def _insert(tx: Connection, order: Order) -> None:
    """Raises Problem 409 `pump-busy`: of two drivers at one pump the database lets one in."""
    if await tx.execute(_INSERT, *values_of(order)) != "INSERT 0 1":
        detail = f"Somebody is fuelling at pump {order.pump_id}; check its number, or wait until it is free."
        raise Problem(409, "pump-busy", detail)


def notice_of(step: Step) -> str:
    """What the channel `orders` tells of a step: station|order|version."""
    return f"{step.order.station_id}|{step.order.order_id}|{step.order.version}"


def changed_meanwhile() -> Problem:
    """Somebody else's step came first."""
    return Problem(409, "order-changed", "The order has just been changed by somebody else; look at it again.")


async def find(tx: Connection, order_id: UUID) -> Order | None:
    """The order."""
    row = await tx.fetchrow("SELECT * FROM orders WHERE order_id = $1", order_id)
    return order_of(row) if row else None


async def lock(tx: Connection, order_id: UUID) -> Order | None:
    """The order, which nobody else can change until the transaction ends."""
    row = await tx.fetchrow("SELECT * FROM orders WHERE order_id = $1 FOR UPDATE", order_id)
    return order_of(row) if row else None


def values_of(order: Order) -> list[Any]:
    """The order's columns, as COLUMNS names them."""
    values: dict[str, Any] = {name: getattr(order, name) for name in COLUMNS}
    values |= {"breakdown": _text(order.breakdown), "coupon_ids": list(order.coupon_ids)}
    return list(values.values())


def order_of(row: Any) -> Order:
    """The order of a row that has its columns."""
    values = {name: row[name] for name in COLUMNS}
    values |= {
        "fuel": Fuel(row["fuel"]), "mode": Mode(row["mode"]), "status": Status(row["status"]),
        "measure": Measure(row["measure"]), "breakdown": tuple(msgspec.json.decode(row["breakdown"])),
        "coupon_ids": tuple(row["coupon_ids"]),
    }  # fmt: skip
    return Order(**values)


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
