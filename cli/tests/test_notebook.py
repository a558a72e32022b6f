"""The notebook finds what was planted in its data, and says where there is too little."""

import importlib.util
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from forecourt.export_files import DayFiles
from forecourt.export_types import row_of, schema_of
from forecourt.notebook import NOTEBOOK, run_notebook
from local_stack.config import StackError
from schemas.base import Event
from schemas.contracts import name_of
from schemas.events import OrderPaidV1, OrderRefundedV1, PriceChangedV1, StationRegisteredV1
from schemas.examples import EXAMPLES
from servicekit.ids import new_id

MIDNIGHT = datetime(2026, 4, 30, tzinfo=UTC)
FULL = {type(full): full for full, _ in EXAMPLES}
CHEAPEST_HOUR, STATIONS = 18, 30


def written(folder: Path, events: list[Event]) -> Path:
    """The events as `forecourt export` writes them."""
    files = DayFiles(folder / "topic", "parquet")
    for event in events:
        envelope = {"event_id": str(new_id()), "published_at": MIDNIGHT, "partition": 0, "offset": 0}
        files.add(name_of(type(event)), schema_of(type(event)), MIDNIGHT.date(), row_of(event, envelope))
    files.close()
    return folder


def made(kind: type[Event], **changed: Any) -> Event:
    return FULL[kind].model_copy(update=changed)


def planted_day() -> list[Event]:
    """Stations in pairs 1.1 km apart, of which one is 50 mills dearer; all are 40 mills cheaper in the 18th hour UTC.

    Orders at three of them: 40 at the cheap one, half as many with each 100 mills more.
    """
    ids = [new_id() for _ in range(STATIONS)]
    events: list[Event] = []
    for number, station in enumerate(ids):
        lat = 48.0 + number // 2 * 0.2 + number % 2 * 0.01
        events.append(made(StationRegisteredV1, station_id=station, lat=lat, lon=11.0, time_zone="UTC"))
        for hour in range(24):
            price = 1_700 + number % 2 * 50 - (40 if hour == CHEAPEST_HOUR else 0)
            at = MIDNIGHT + timedelta(hours=hour)
            events.append(made(PriceChangedV1, station_id=station, price_mills=price, effective_at=at))
    for place, orders in enumerate((40, 20, 10)):
        paid = {"station_id": ids[place], "price_mills": 7_000 + 100 * place, "gross_minor": 1_000, "paid_minor": 900}
        events += [made(OrderPaidV1, order_id=new_id(), **paid) for _ in range(orders)]
    return [*events, made(OrderRefundedV1, amount_minor=300)]


def findings_of(data: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the notebook finds, run in this process."""
    monkeypatch.setattr(sys, "argv", [str(NOTEBOOK), "--data", str(data)])
    spec = importlib.util.spec_from_file_location("demo_day", NOTEBOOK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _, definitions = module.app.run()
    return dict(definitions["findings"])


def test_it_finds_what_was_planted_and_makes_its_page_and_plots(tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = run_notebook(written(tmp_path / "data", planted_day()), out)
    assert found["cheapest_hour"] == {"hour": CHEAPEST_HOUR, "dearest_hour": 1, "mills": 40}
    assert found["neighbours"] == {"stations": 30, "median_mills": 25, "tenth_mills": 50, "dearer_stations": 15}
    assert found["payments"]["orders"] == 70
    assert (found["payments"]["paid_minor"], found["payments"]["discount_minor"]) == (63_000, 7_000)
    assert (found["payments"]["refunds"], found["payments"]["refunded_minor"]) == (1, 300)
    assert found["choice"] == {"stations": 3, "fewer_per_100_mills": 0.5}
    assert {one.name for one in out.iterdir()} == {
        "demo_day.html", "findings.json", "cheapest-hour.png", "neighbours.png", "payments.png", "choice.png"
    }  # fmt: skip
    page = (out / "demo_day.html").read_text()
    assert "15 of 30 stations have a cheaper one" in page
    assert "70 orders" in page
    assert json.loads((out / "findings.json").read_text()) == found


@pytest.mark.parametrize("events", [[], planted_day()[:5]], ids=["nothing", "little"])
def test_too_little_is_said(events: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings_of(written(tmp_path, events), monkeypatch)
    assert found == {"cheapest_hour": None, "neighbours": None, "payments": None, "choice": None}


def test_a_cell_that_fails_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "topic" / "pricing.PriceChanged.v1" / "day=2026-04-30"
    folder.mkdir(parents=True)
    (folder / "part-0.parquet").write_bytes(b"no Parquet")
    with pytest.raises(StackError, match="the notebook fails"):
        run_notebook(tmp_path, tmp_path / "out")
