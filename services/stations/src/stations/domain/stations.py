"""Stations and their pumps: each change gives the new state and its events, or no events where nothing changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.base import Event
from schemas.events import PumpStatusChangedV1, StationClosedV1, StationRegisteredV1, StationUpdatedV1
from schemas.vocabulary import PumpStatus
from stations.domain.opening_hours import OpeningHours, is_open
from stations.domain.profile import PumpRow, StationRow
from stations.domain.public_holidays import is_public_holiday

MAX_PUMPS = 100


class StationIsClosed(Exception):
    """The station closed for good; nothing about it changes any more."""


class TooManyPumps(Exception):
    """The station has as many pumps as a station may have."""


@dataclass(frozen=True, slots=True)
class Pump:
    """A pump; `version` grows by one with each change of it."""

    pump_id: str
    status: PumpStatus
    fuels: list[str]
    version: int
    changed_at: datetime


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

    def with_pump(self, pump_id: str, status: PumpStatus, fuels: list[str], now: datetime) -> "Change":
        """The station with this pump, new or changed. Raises StationIsClosed, TooManyPumps."""
        self._require_open()
        known = self.pump(pump_id)
        if known is not None and (known.status, known.fuels) == (status, fuels):
            return Change(self, [])
        if known is None and len(self.pumps) >= MAX_PUMPS:
            raise TooManyPumps
        pump = Pump(pump_id, status, fuels, known.version + 1 if known else 1, now)
        others = [other for other in self.pumps if other is not known]
        pumps = tuple(sorted([*others, pump], key=lambda one: one.pump_id))
        event = PumpStatusChangedV1.model_validate(
            {"station_id": self.id, "pump_id": pump_id, "version": pump.version, "status": status, "fuels": fuels,
             "occurred_at": now}
        )  # fmt: skip
        return Change(replace(self, pumps=pumps), [event])

    def closed(self, reason: str | None, now: datetime) -> "Change":
        """The station closed for good; closing it again changes nothing."""
        if self.closed_at is not None:
            return Change(self, [])
        station = replace(self, closed_at=now, closed_reason=reason, version=self.version + 1, updated_at=now)
        return Change(station, [StationClosedV1(**station._event_fields(now), reason=reason)])

    def pump(self, pump_id: str) -> Pump | None:
        """The pump of that id."""
        return next((pump for pump in self.pumps if pump.pump_id == pump_id), None)

    def _require_open(self) -> None:
        if self.closed_at is not None:
            raise StationIsClosed

    def _with_described_pumps(self, rows: list[PumpRow], events: list[Event], now: datetime) -> "Change":
        station = self
        for row in rows:
            known = station.pump(row.pump_id)
            status = known.status if known else PumpStatus.FREE
            change = station.with_pump(row.pump_id, status, [fuel.value for fuel in row.fuels], now)
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
    country, region = profile["country"], profile["holiday_region"]
    return is_open(hours, moment, ZoneInfo(profile["time_zone"]), lambda day: is_public_holiday(country, region, day))
