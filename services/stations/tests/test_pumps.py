"""What pumps do: every status after every other, late reports, queues."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.events import PumpStatusChangedV1
from schemas.vocabulary import Fuel, PumpStatus
from servicekit.ids import new_id
from stations.domain.profile import StationRow
from stations.domain.pumps import PumpReport, Queue, ReportIsLate, queue_at
from stations.domain.stations import Station, register
from stations.http_models.pumps import Pumps, SetPump
from stations.http_models.search import StationDetail

from .conftest import Stations

NOW = datetime(2026, 4, 30, 10, tzinfo=UTC)
SECONDS = st.integers(0, 30).map(lambda seconds: NOW + timedelta(seconds=seconds))
REPORTS = st.builds(
    PumpReport, st.just("1"), st.sampled_from(PumpStatus), st.just([Fuel.E5]), st.none() | st.integers(0, 3), SECONDS
)


def station() -> Station:
    row = StationRow(
        external_id="a", name="a", country="DE", time_zone="Europe/Berlin", currency="EUR", lat=52.52, lon=13.41
    )
    return register(new_id(), "operator", row, NOW).station


@given(st.lists(REPORTS, min_size=1, max_size=12))
def test_the_pump_does_what_the_report_of_the_latest_time_says(reports: list[PumpReport]) -> None:
    now = station()
    versions = []
    for report in reports:
        try:
            change = now.with_pump(report, NOW)
        except ReportIsLate:
            continue
        now = change.station
        versions += [event.version for event in change.events if isinstance(event, PumpStatusChangedV1)]
    latest = max(reports, key=lambda report: (report.occurred_at, reports.index(report)))
    latest = [report for report in reports if report.occurred_at == latest.occurred_at][-1]
    pump = now.pump("1")
    assert pump is not None
    assert (pump.status, pump.waiting_vehicles) == (latest.status, latest.waiting_vehicles)
    assert versions == list(range(1, pump.version + 1))


def test_an_import_leaves_the_queue_of_a_pump_alone() -> None:
    busy = station().with_pump(PumpReport("1", PumpStatus.LOCKED, [], 4, NOW), NOW).station
    row = StationRow.model_validate({**busy.profile, "external_id": "a", "pumps": [{"pump_id": "1", "fuels": ["e5"]}]})
    pump = busy.revised(row, NOW).station.pump("1")
    assert pump is not None
    assert (pump.status, pump.waiting_vehicles, pump.reported_at) == (PumpStatus.LOCKED, 4, NOW)


def test_a_queue_counts_each_pump_once() -> None:
    pumps: list[dict[str, Any]] = [{"status": status.value} for status in PumpStatus]
    assert queue_at(pumps) == Queue("free", 1, 4, 1, None)
    assert queue_at([*pumps, {"status": "free", "waiting_vehicles": 2}, {"status": "free", "waiting_vehicles": 0}]) == (
        Queue("free", 3, 4, 1, 2)
    )
    assert queue_at([]) == Queue("unknown", 0, 0, 0, None)


async def put(stations: Stations, station_id: object, **body: Any) -> Any:
    url = f"/v1/stations/{station_id}/pumps/1"
    body = {"fuels": ["e5"], **body}
    return await stations.client.put(url, json=body, headers=stations.bearer("pumps:write"))


async def test_every_status_is_told_with_its_queue(stations: Stations) -> None:
    station_id = await stations.register()
    for waiting, status in enumerate(PumpStatus):
        set_pump = SetPump.model_validate_json(
            (await put(stations, station_id, status=status, waiting_vehicles=waiting)).content
        )
        assert (set_pump.status, set_pump.waiting_vehicles, set_pump.verdict) == (status, waiting, "changed")
    events = await stations.events("stations.pumps", station_id)
    assert [
        (event.version, event.status, event.waiting_vehicles)
        for event in events
        if isinstance(event, PumpStatusChangedV1)
    ] == [(waiting + 1, status, waiting) for waiting, status in enumerate(PumpStatus)]
    shown = Pumps.model_validate_json((await stations.client.get(f"/v1/stations/{station_id}/pumps")).content)
    assert shown.queue.model_dump() == {
        "state": "busy", "free": 0, "busy": 0, "out_of_order": 1, "waiting_vehicles": 5,
    }  # fmt: skip
    detail = StationDetail.model_validate_json((await stations.client.get(f"/v1/stations/{station_id}")).content)
    assert (detail.queue, detail.pumps) == (shown.queue, shown.pumps)


async def test_a_late_report_changes_nothing_even_after_one_that_changed_nothing(stations: Stations) -> None:
    station_id = await stations.register()
    now = datetime.now(UTC)
    sent = [("free", 0), ("free", 20), ("in_use", 10), ("in_use", 20)]
    verdicts = []
    for status, second in sent:
        at = (now + timedelta(seconds=second)).isoformat()
        verdicts.append((await put(stations, station_id, status=status, occurred_at=at)).json()["verdict"])
    assert verdicts == ["changed", "unchanged", "superseded", "changed"]
    events = await stations.events("stations.pumps", station_id)
    assert [event.status for event in events if isinstance(event, PumpStatusChangedV1)] == ["free", "in_use"]


async def test_a_report_that_cannot_be_true_is_refused(stations: Stations) -> None:
    station_id = await stations.register()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"occurred_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}, "occurred-in-future"),
        ({"occurred_at": "1999-12-31T23:59:59Z"}, "invalid-input"),
        ({"occurred_at": "2026-04-30T10:00:00"}, "invalid-input"),
        ({"waiting_vehicles": 101}, "invalid-input"),
        ({"waiting_vehicles": -1}, "invalid-input"),
    ]
    for body, slug in wrong:
        refused = await put(stations, station_id, status="free", **body)
        assert (refused.status_code, refused.json()["type"]) == (422, f"urn:forecourt:problem:{slug}"), body
