"""A shift of a station's crew: what was sold, taken and given back in it, and what pumps and tills say. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Shift:
    """From one hand-over to the next; a station has one open at a time."""

    shift_id: UUID
    station_id: UUID
    operator: str
    currency: str
    opened_by: str
    opened_at: datetime
    closed_by: str | None = None
    closed_at: datetime | None = None
    counted: dict[str, Any] | None = None
    summary: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Sales:
    """Orders that were paid, of one pump, grade and method; amounts are minor units, volumes millilitres."""

    pump_id: str
    fuel: str
    method: str
    orders: int
    volume_ml: int
    gross_minor: int
    discount_minor: int
    paid_minor: int


@dataclass(frozen=True, slots=True)
class Refunds:
    """Refunds that arrived, of one method."""

    method: str
    refunds: int
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class Meter:
    """A pump's counter of one grade when the shift began and when it ended; it never runs backwards."""

    pump_id: str
    fuel: str
    start_ml: int
    end_ml: int


@dataclass(frozen=True, slots=True)
class Till:
    """What the station's own till says was taken by a method."""

    method: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Left:
    """What the shift leaves to the next one."""

    unpaid_orders: int
    unpaid_minor: int
    open_exceptions: int


_SUMS = ("orders", "volume_ml", "gross_minor", "discount_minor", "paid_minor")


def summarise(
    sales: Sequence[Sales], refunds: Sequence[Refunds], left: Left, meters: Sequence[Meter] = (),
    tills: Sequence[Till] = (),
) -> dict[str, Any]:  # fmt: skip
    """The shift in numbers: all together, by pump, by grade, by method, and how far pumps and tills differ from it."""
    refunded = sum(one.refunded_minor for one in refunds)
    totals = _sums(sales)
    return {
        **totals,
        "refunds": sum(one.refunds for one in refunds),
        "refunded_minor": refunded,
        "net_minor": totals["paid_minor"] - refunded,
        "by_pump": [{"pump_id": key, **part} for key, part in _parts(sales, lambda one: one.pump_id)],
        "by_fuel": [{"fuel": key, **part} for key, part in _parts(sales, lambda one: one.fuel)],
        "by_method": _by_method(sales, refunds),
        "unpaid_orders": left.unpaid_orders,
        "unpaid_minor": left.unpaid_minor,
        "open_exceptions": left.open_exceptions,
        "meters": [_compared_meter(one, sales) for one in meters],
        "tills": [_compared_till(one, sales) for one in tills],
    }


def _sums(sales: Sequence[Sales]) -> dict[str, int]:
    return {name: sum(getattr(one, name) for one in sales) for name in _SUMS}


def _parts(sales: Sequence[Sales], key: Callable[[Sales], str]) -> list[tuple[str, dict[str, int]]]:
    keys = sorted({key(one) for one in sales})
    return [(name, _sums([one for one in sales if key(one) == name])) for name in keys]


def _by_method(sales: Sequence[Sales], refunds: Sequence[Refunds]) -> list[dict[str, Any]]:
    back = {one.method: one for one in refunds}
    sold = dict(_parts(sales, lambda one: one.method))
    return [
        {
            "method": method, **sold.get(method, _sums([])),
            "refunds": back[method].refunds if method in back else 0,
            "refunded_minor": back[method].refunded_minor if method in back else 0,
        }
        for method in sorted({*sold, *back})
    ]  # fmt: skip


def _compared_meter(meter: Meter, sales: Sequence[Sales]) -> dict[str, Any]:
    sold = sum(one.volume_ml for one in sales if (one.pump_id, one.fuel) == (meter.pump_id, meter.fuel))
    metered = meter.end_ml - meter.start_ml
    return {
        "pump_id": meter.pump_id, "fuel": meter.fuel, "metered_ml": metered, "orders_ml": sold,
        "difference_ml": metered - sold,
    }  # fmt: skip


def _compared_till(till: Till, sales: Sequence[Sales]) -> dict[str, Any]:
    paid = sum(one.paid_minor for one in sales if one.method == till.method)
    return {
        "method": till.method, "counted_minor": till.amount_minor, "orders_minor": paid,
        "difference_minor": till.amount_minor - paid,
    }  # fmt: skip
