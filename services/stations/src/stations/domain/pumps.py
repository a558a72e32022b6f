"""Pumps, what their station systems report of them, and how busy a station is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from schemas.events import PumpStatusChangedV1
from schemas.vocabulary import Fuel, PumpStatus

MAX_PUMPS = 100
MAX_WAITING_VEHICLES = 100


class TooManyPumps(Exception):
    """The station has as many pumps as a station may have."""


class ReportIsLate(Exception):
    """The pump reported something newer before."""


@dataclass(frozen=True, slots=True)
class PumpReport:
    """What a station system says of a pump. Any status may follow any other: such systems lose messages.

    `occurred_at` is None where the system does not say when; then it was now.
    """

    pump_id: str
    status: PumpStatus
    fuels: list[Fuel]
    waiting_vehicles: int | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pump:
    """A pump; `version` grows by one with each change of it, `waiting_vehicles` is None where nobody counts them."""

    pump_id: str
    status: PumpStatus
    fuels: list[str]
    version: int
    changed_at: datetime
    waiting_vehicles: int | None = None
    reported_at: datetime | None = None
    """The latest time of which the station system spoke; what it says of an earlier time comes too late."""

    def does(self, report: PumpReport) -> bool:
        """Whether it already does what the report says. Raises ReportIsLate."""
        if report.occurred_at and self.reported_at and report.occurred_at < self.reported_at:
            raise ReportIsLate
        return (self.status, self.fuels, self.waiting_vehicles) == (
            report.status, list(report.fuels), report.waiting_vehicles,
        )  # fmt: skip


def changed_pump(known: Pump | None, report: PumpReport, now: datetime) -> Pump:
    """The pump as reported, with the next version."""
    version, reported_at = (known.version + 1, known.reported_at) if known else (1, None)
    return Pump(
        report.pump_id, report.status, [fuel.value for fuel in report.fuels], version, report.occurred_at or now,
        report.waiting_vehicles, report.occurred_at or reported_at,
    )  # fmt: skip


def pump_event(station_id: object, pump: Pump) -> PumpStatusChangedV1:
    """The event that tells of it."""
    return PumpStatusChangedV1.model_validate(
        {"station_id": station_id, "pump_id": pump.pump_id, "version": pump.version, "status": pump.status,
         "fuels": pump.fuels, "waiting_vehicles": pump.waiting_vehicles, "occurred_at": pump.changed_at}
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Queue:
    """How busy some pumps are; `waiting_vehicles` is None where nobody counts them.

    `state` is `free` where a pump is, `busy` where none is, and `unknown` where no pump is known.
    """

    state: Literal["free", "busy", "unknown"]
    free: int
    busy: int
    out_of_order: int
    waiting_vehicles: int | None


def make_queue(free: int, busy: int, out_of_order: int, waiting_vehicles: int | None) -> Queue:
    """The queue at so many pumps."""
    state = "free" if free else "busy" if busy or out_of_order else "unknown"
    return Queue(state, free, busy, out_of_order, waiting_vehicles)


def queue_at(pumps: Iterable[Mapping[str, Any]]) -> Queue:
    """The queue at a station with these stored pumps."""
    kept = list(pumps)
    free, out_of_order = (
        sum(pump["status"] == status for pump in kept) for status in (PumpStatus.FREE, PumpStatus.OUT_OF_ORDER)
    )
    counted = [waiting for pump in kept if (waiting := pump.get("waiting_vehicles")) is not None]
    return make_queue(free, len(kept) - free - out_of_order, out_of_order, sum(counted) if counted else None)
