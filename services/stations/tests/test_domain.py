"""Changes of stations and pumps, and the events that tell of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.events import PumpStatusChangedV1, StationClosedV1, StationRegisteredV1, StationUpdatedV1
from schemas.vocabulary import Fuel, PumpStatus
from servicekit.ids import new_id
from stations.domain.profile import StationRow
from stations.domain.pumps import MAX_PUMPS, PumpReport, TooManyPumps
from stations.domain.stations import Change, StationIsClosed, open_at, register

NOW = datetime(2026, 4, 30, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def row(**fields: Any) -> StationRow:
    standard = {
        "external_id": "a1", "name": "Shell Alex", "country": "DE", "time_zone": "Europe/Berlin", "currency": "EUR",
        "lat": 52.52, "lon": 13.41, "fuels": ["e5"],
    }  # fmt: skip
    return StationRow.model_validate(standard | fields)


def registered(**fields: Any) -> Change:
    return register(new_id(), "tankerkoenig", row(**fields), NOW)


def report(pump_id: str, status: PumpStatus, *fuels: Fuel) -> PumpReport:
    return PumpReport(pump_id, status, list(fuels))


def test_registering_tells_the_whole_state() -> None:
    change = registered(pumps=[{"pump_id": "1", "fuels": ["e5"]}])
    event, pump = change.events
    assert isinstance(event, StationRegisteredV1)
    assert isinstance(pump, PumpStatusChangedV1)
    assert (event.station_id, event.version, event.operator) == (change.station.id, 1, "tankerkoenig")
    assert (event.name, event.fuels, event.currency, event.occurred_at) == ("Shell Alex", ["e5"], "EUR", NOW)
    assert (pump.pump_id, pump.version, pump.status, pump.fuels) == ("1", 1, PumpStatus.FREE, ["e5"])


def test_the_same_profile_again_is_no_change() -> None:
    station = registered().station
    assert station.revised(row(), LATER) == Change(station, [])


def test_a_new_profile_is_a_new_version() -> None:
    change = registered().station.revised(row(name="Aral Alex", facilities=["shop"]), LATER)
    (event,) = change.events
    assert isinstance(event, StationUpdatedV1)
    assert (event.version, event.name, change.station.updated_at) == (2, "Aral Alex", LATER)


def test_an_import_describes_pumps_but_neither_frees_nor_removes_them() -> None:
    station = registered(pumps=[{"pump_id": "1"}, {"pump_id": "2"}]).station
    station = station.with_pump(report("1", PumpStatus.IN_USE, Fuel.E5), NOW).station
    change = station.revised(row(pumps=[{"pump_id": "1", "fuels": ["e10"]}]), LATER)
    (event,) = change.events
    assert isinstance(event, PumpStatusChangedV1)
    assert (event.pump_id, event.version, event.status, event.fuels) == ("1", 3, PumpStatus.IN_USE, ["e10"])
    assert [pump.pump_id for pump in change.station.pumps] == ["1", "2"]
    assert change.station.version == 1


def test_a_pump_that_is_set_to_what_it_is_does_not_change() -> None:
    station = registered().station.with_pump(report("1", PumpStatus.FREE, Fuel.E5), NOW).station
    assert station.with_pump(report("1", PumpStatus.FREE, Fuel.E5), LATER) == Change(station, [])


def test_a_station_has_a_bounded_number_of_pumps() -> None:
    station = registered(pumps=[{"pump_id": str(n)} for n in range(MAX_PUMPS)]).station
    assert station.with_pump(report("7", PumpStatus.IN_USE), NOW).events
    with pytest.raises(TooManyPumps):
        station.with_pump(report("new", PumpStatus.FREE), NOW)


def test_an_import_cannot_pass_the_bound_either() -> None:
    station = registered(pumps=[{"pump_id": str(n)} for n in range(MAX_PUMPS)]).station
    with pytest.raises(TooManyPumps):
        station.revised(row(pumps=[{"pump_id": "new"}]), LATER)


def test_closing_happens_once_and_nothing_changes_afterwards() -> None:
    change = registered().station.closed("sold", LATER)
    (event,) = change.events
    assert isinstance(event, StationClosedV1)
    assert (event.version, event.reason, change.station.closed_at) == (2, "sold", LATER)
    assert change.station.closed("again", LATER) == Change(change.station, [])
    with pytest.raises(StationIsClosed):
        change.station.revised(row(name="new"), LATER)
    with pytest.raises(StationIsClosed):
        change.station.with_pump(report("1", PumpStatus.FREE), LATER)


def test_open_at_knows_the_holidays_of_the_region() -> None:
    hours = {"weekly": [
        {"days": ["mon", "tue", "wed", "thu", "fri", "sat"], "opens": "06:00", "closes": "22:00"},
        {"days": ["sun", "holiday"], "opens": "10:00", "closes": "18:00"},
    ]}  # fmt: skip
    epiphany_at_8 = datetime(2026, 1, 6, 7, tzinfo=UTC)
    for region, expected in ((None, True), ("BY", False)):
        assert open_at(row(opening_hours=hours, holiday_region=region).profile(), epiphany_at_8) is expected
    assert open_at(row().profile(), NOW) is None
