"""Stations with their pumps: each change gives the new state and its events, or no events where nothing changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.base import Event
from schemas.events import StationClosedV1, StationRegisteredV1, StationUpdatedV1
from schemas.vocabulary import PumpStatus
from stations.domain.opening_hours import OpeningHours, is_open, next_change
from stations.domain.profile import PumpRow, StationRow
from stations.domain.public_holidays import is_public_holiday
from stations.domain.pumps import MAX_PUMPS, Pump, PumpReport, TooManyPumps, changed_pump, pump_event


class StationIsClosed(Exception):
    """The station closed for good; nothing about it changes any more."""


@dataclass(frozen=True, slots=True)
class Station:
    """A station; `profile` is what `StationRow.profile` gives, `version` counts the changes of the station itself."""

    id: UUID
    operator: str
    external_id: str
    version: int
    profile: dict[str, Any]
    pumps: tuple[Pump, ...]
    registered_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    closed_reason: str | None = None

    def revised(self, row: StationRow, now: datetime) -> "Change":
        """The station as its operator describes it now; pumps that the row does not name stay as they are."""
        self._require_open()
        profile = row.profile()  # one stored before `region` was known differs by the lack of it: others hear of it
        station = self
        events: list[Event] = []
        if profile != self.profile:
            station = replace(self, profile=profile, version=self.version + 1, updated_at=now)
            events = [StationUpdatedV1(**station._event_fields(now))]
        return station._with_described_pumps(row.pumps, events, now)

    def with_pump(self, report: PumpReport, now: datetime) -> "Change":
        """The station with this pump, new or changed; a known pump that does not change may have a later report time.

        Raises StationIsClosed, TooManyPumps, ReportIsLate.
        """
        self._require_open()
        known = self.pump(report.pump_id)
        if known is None and len(self.pumps) >= MAX_PUMPS:
            raise TooManyPumps
        if known is not None and known.does(report):
            return Change(self._having(replace(known, reported_at=report.occurred_at or known.reported_at)), [])
        pump = changed_pump(known, report, now)
        return Change(self._having(pump), [pump_event(self.id, pump)])

    def closed(self, reason: str | None, now: datetime) -> "Change":
        """The station closed for good; closing it again changes nothing."""
        if self.closed_at is not None:
            return Change(self, [])
        station = replace(self, closed_at=now, closed_reason=reason, version=self.version + 1, updated_at=now)
        return Change(station, [StationClosedV1(**station._event_fields(now), reason=reason)])

    def pump(self, pump_id: str) -> Pump | None:
        """The pump of that id."""
        return next((pump for pump in self.pumps if pump.pump_id == pump_id), None)

    def _having(self, pump: Pump) -> "Station":
        others = [other for other in self.pumps if other.pump_id != pump.pump_id]
        return replace(self, pumps=tuple(sorted([*others, pump], key=lambda one: one.pump_id)))

    def _require_open(self) -> None:
        if self.closed_at is not None:
            raise StationIsClosed

    def _with_described_pumps(self, rows: list[PumpRow], events: list[Event], now: datetime) -> "Change":
        station = self
        for row in rows:
            known = station.pump(row.pump_id)
            status, waiting = (known.status, known.waiting_vehicles) if known else (PumpStatus.FREE, None)
            change = station.with_pump(PumpReport(row.pump_id, status, row.fuels, waiting), now)
            station, events = change.station, [*events, *change.events]
        return Change(station, events)

    def _event_fields(self, now: datetime) -> dict[str, Any]:
        shared = ("name", "brand", "country", "time_zone", "currency", "lat", "lon", "fuels")
        return {
            "station_id": self.id, "version": self.version, "operator": self.operator,
            "external_id": self.external_id, "region": self.profile.get("region"), "occurred_at": now,
            **{name: self.profile[name] for name in shared},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """A station after a change, and the events that tell of it."""

    station: Station
    events: list[Event]


def register(station_id: UUID, operator: str, row: StationRow, now: datetime) -> Change:
    """A station that was not known before, with its pumps."""
    station = Station(station_id, operator, row.external_id, 1, row.profile(), (), now, now)
    return station._with_described_pumps(row.pumps, [StationRegisteredV1(**station._event_fields(now))], now)


def open_at(profile: Mapping[str, Any], moment: datetime) -> bool | None:
    """Whether a station with this profile is open at the moment; None where its hours are unknown."""
    if profile["opening_hours"] is None:
        return None
    hours = OpeningHours.model_validate(profile["opening_hours"])
    return is_open(hours, moment, ZoneInfo(profile["time_zone"]), _holidays(profile))


def next_opening_change(profile: Mapping[str, Any], moment: datetime) -> tuple[datetime | None, bool | None]:
    """When a station with this profile next opens or closes within 8 days, and whether it is open then."""
    if profile["opening_hours"] is None:
        return None, None
    hours = OpeningHours.model_validate(profile["opening_hours"])
    zone, holidays = ZoneInfo(profile["time_zone"]), _holidays(profile)
    change = next_change(hours, moment, zone, holidays)
    return change, is_open(hours, change, zone, holidays) if change else None


def _holidays(profile: Mapping[str, Any]) -> Callable[[date], bool]:
    return partial(is_public_holiday, profile["country"], profile["holiday_region"])
