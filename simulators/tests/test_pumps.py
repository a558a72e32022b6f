"""A station's pumps against a platform of this test: what they give, what they say, and what a lost line costs."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from feeds.platform import PlatformClient, PlatformError
from payments.domain.money import amount_of, volume_for
from servicekit.ids import new_id
from servicekit.testkit import eventually
from simulators.pump_board import Board
from simulators.pump_dispenses import Habits, Job, display_minor, given_ml, job_of, luck_of, preset_ml
from simulators.pump_journal import Journal
from simulators.pumps import StationSystem

STATION = "01930b5e-7c1a-7000-8000-3f0e2a9b4c11"
QUICK = 100_000


def order(**changes: Any) -> dict[str, Any]:
    """An order as the board shows it: 30 litres, fuel first."""
    return {
        "order_id": str(new_id()), "status": "placed", "mode": "post_pay", "pump_id": "3", "fuel": "petrol_95",
        "measure": "volume", "requested_minor": None, "requested_ml": 30_000, "price_mills": 7_850, "currency": "CNY",
        "pump": None, "dispensed_at": None,
    } | changes  # fmt: skip


def unlocked(most_ml: int, **changes: Any) -> dict[str, Any]:
    """An order whose money is there."""
    pump = {"state": "unlocked", "max_minor": 1, "max_ml": most_ml}
    return order(mode="pre_auth", status="authorised", pump=pump, **changes)


@dataclass
class Platform:
    """What the pumps talk to: a board, and a place for reports. `steps` is all that the board ever said."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    fuelling: list[str] = field(default_factory=list)
    states: list[tuple[str, str, list[str]]] = field(default_factory=list)
    resumed_after: list[str | None] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    """Statuses of the next answers to reports, before all is well."""
    board_status: int = 200
    ends_after_each: bool = False
    """The stream breaks off after each event."""
    url: str = ""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def place(self, placed: dict[str, Any]) -> str:
        """The board shows an order."""
        async with self.changed:
            self.steps.append(placed)
            self.changed.notify_all()
        return placed["order_id"]

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """The board."""
        if self.board_status != 200:
            return web.Response(status=self.board_status)
        last = request.headers.get("Last-Event-ID")
        self.resumed_after.append(last)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        at = int(last or 0)
        while True:
            async with self.changed:
                while len(self.steps) <= at:
                    await self.changed.wait()
            data = json.dumps({"step": {}, "order": self.steps[at]})
            at += 1
            await response.write(f": alive\n\nid: {at}\nevent: order\ndata: {data}\n\n".encode())
            if self.ends_after_each:
                return response

    async def report(self, request: web.Request) -> web.Response:
        """POST .../dispenses."""
        body = await request.json() | {"order_id": request.match_info["order_id"]}
        self.reports.append(body)
        status = self.answers.pop(0) if self.answers else 200
        document = {"outcome": "taken"} if status == 200 else {"type": "urn:forecourt:problem:not-so", "detail": "no"}
        return web.json_response(document, status=status)

    async def begin(self, request: web.Request) -> web.Response:
        """POST .../fuelling."""
        self.fuelling.append(request.match_info["order_id"])
        return web.json_response({})

    async def pumps(self, _: web.Request) -> web.Response:
        """GET .../pumps."""
        return web.json_response({"pumps": [{"pump_id": "3", "fuels": ["diesel_b0"]}]})

    async def set_pump(self, request: web.Request) -> web.Response:
        """PUT .../pumps/{pump_id}."""
        body = await request.json()
        self.states.append((request.match_info["pump_id"], body["status"], body["fuels"]))
        return web.json_response({})

    async def has_reports(self, count: int = 1) -> list[dict[str, Any]]:
        """So many reports."""

        async def there() -> bool:
            return len(self.reports) >= count

        await eventually(there)
        return self.reports


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    known, app = Platform(), web.Application()
    app.add_routes([
        web.get(f"/v1/stations/{STATION}/orders/stream", known.stream),
        web.get(f"/v1/stations/{STATION}/pumps", known.pumps),
        web.put(f"/v1/stations/{STATION}/pumps/{{pump_id}}", known.set_pump),
        web.post("/v1/orders/{order_id}/dispenses", known.report),
        web.post("/v1/orders/{order_id}/fuelling", known.begin),
    ])  # fmt: skip
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    known.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield known
    await runner.cleanup()


@dataclass
class Running:
    """A station that runs."""

    told: list[Mapping[str, Any]]
    line: asyncio.Event
    task: "asyncio.Task[None]"


@asynccontextmanager
async def station(platform: Platform, journal: Path, **habits: Any) -> AsyncIterator[Running]:
    """The station's system, until the block ends."""
    told: list[Mapping[str, Any]] = []
    line = asyncio.Event()
    async with aiohttp.ClientSession() as session:
        client = PlatformClient(session, platform.url, access_token="token")
        board = Board(session, platform.url, client, STATION, line)
        system = StationSystem(
            client, board, STATION, Journal(journal), line, Habits(speed=QUICK, **habits), told.append
        )
        task = asyncio.create_task(system.run())
        try:
            yield Running(told, line, task)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, PlatformError):
                await task


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "pumps.jsonl"


async def test_pump_gives_what_was_asked_for_and_says_so_once(platform: Platform, journal: Path) -> None:
    async with station(platform, journal) as running:
        placed = order()
        order_id = await platform.place(placed)
        await platform.place(placed)
        (report,) = await platform.has_reports()
        assert (report["order_id"], report["volume_ml"], report["amount_minor"]) == (order_id, 30_000, 23_550)
        assert platform.fuelling == [order_id]
        await platform.place(placed | {"status": "paid", "dispensed_at": "2026-11-25T22:00:00Z"})

        async def is_free() -> bool:
            return ("3", "free", ["diesel_b0", "petrol_95"]) in platform.states

        await eventually(is_free)
        assert [one["status"] for one in running.told if one["event"] == "pump"] == ["in_use", "ready_to_pay", "free"]
    assert len(platform.reports) == 1
    assert not Journal(journal).pending


async def test_pump_waits_for_the_money_and_stops_at_the_limit(platform: Platform, journal: Path) -> None:
    async with station(platform, journal) as running:
        locked = order(mode="pre_auth", pump={"state": "locked", "max_minor": 0, "max_ml": 0})
        await platform.place(locked)
        await platform.place(locked | {"status": "authorised", "pump": {"state": "unlocked", "max_ml": 12_345}})
        (report,) = await platform.has_reports()
        assert report["volume_ml"] == 12_345
        states = [one["status"] for one in running.told if one["event"] == "pump"]
        assert states == ["locked", "in_transaction", "free"]


async def test_report_is_said_until_it_is_heard_and_the_same_each_time(platform: Platform, journal: Path) -> None:
    platform.answers = [503, 502]
    async with station(platform, journal) as running:
        await platform.place(order())
        reports = await platform.has_reports(3)
        assert reports[0] == reports[1] == reports[2]

        async def heard() -> bool:
            return any(one["event"] == "dispensed" for one in running.told)

        await eventually(heard)
    assert not Journal(journal).pending


async def test_what_the_platform_does_not_accept_is_not_said_again(platform: Platform, journal: Path) -> None:
    platform.answers = [409]
    async with station(platform, journal) as running:
        await platform.place(order())

        async def refused() -> bool:
            return any(one.get("outcome") == "not-so" for one in running.told)

        await eventually(refused)
    assert not Journal(journal).pending


async def test_station_that_is_refused_ends_and_keeps_its_reports(platform: Platform, journal: Path) -> None:
    platform.answers = [403]
    async with station(platform, journal) as running:
        order_id = await platform.place(order())
        with pytest.raises(PlatformError, match="403"):
            await asyncio.wait_for(running.task, 10)
    (kept,) = Journal(journal).pending
    assert kept["order_id"] == order_id
    async with station(platform, journal):  # and says them when it is let in again, without giving fuel twice
        reports = await platform.has_reports(2)
        assert reports[0] == reports[1]
    assert platform.fuelling == [order_id]


async def test_board_is_resumed_where_it_broke_off(platform: Platform, journal: Path) -> None:
    platform.ends_after_each = True
    async with station(platform, journal):
        placed = [await platform.place(order(pump_id=str(number))) for number in range(3)]
        reports = await platform.has_reports(3)
        assert [report["order_id"] for report in reports] == placed
    assert platform.resumed_after[:3] == [None, "1", "2"]


async def test_who_may_not_look_at_the_board_is_told(platform: Platform, journal: Path) -> None:
    platform.board_status = 403
    async with station(platform, journal) as running:
        with pytest.raises(PlatformError, match="403"):
            await asyncio.wait_for(running.task, 10)


async def test_offline_station_gives_fuel_and_catches_up(platform: Platform, journal: Path) -> None:
    async with station(platform, journal, offline=1, offline_seconds=0.1) as running:
        await platform.place(order())
        (report,) = await platform.has_reports()
        assert report["volume_ml"] == 30_000
        events = [one["event"] for one in running.told if one["event"] != "pump"]
        assert events[:1] == ["offline"]


async def test_report_may_come_twice_or_never(platform: Platform, journal: Path) -> None:
    async with station(platform, journal, duplicate=1) as running:
        await platform.place(order())
        reports = await platform.has_reports(2)
        assert reports[0] == reports[1]

        async def heard() -> bool:
            return sum(one["event"] == "dispensed" for one in running.told) == 2

        await eventually(heard)
    async with station(platform, journal, silent=1) as running:
        await platform.place(order(pump_id="4"))

        async def silent() -> bool:
            return any(one["event"] == "silent" for one in running.told)

        await eventually(silent)
    assert len(platform.reports) == 2


JOB = Job(str(new_id()), "3", "petrol_95", "CNY", 7_850, is_prepaid=True, most_ml=10_000, fills_up=False)


@pytest.mark.parametrize("seed", range(20))
def test_pump_gives_less_or_more_only_where_it_is_told_to(seed: int) -> None:
    assert given_ml(JOB, Habits(), luck_of(JOB, seed)) == 10_000
    assert 3_000 <= given_ml(JOB, Habits(under=1), luck_of(JOB, seed)) <= 9_000
    assert given_ml(JOB, Habits(over=1), luck_of(JOB, seed)) == 10_500


@pytest.mark.parametrize(
    ("shown", "most_ml"),
    [
        (order(), 30_000), (order(status="confirmed"), None), (order(dispensed_at="2026-11-25T22:00:00Z"), None),
        (order(measure="amount", requested_ml=None, requested_minor=10_000), 12_739), (unlocked(5_000), 5_000),
        (unlocked(0), None), (order(measure="fill_up", requested_ml=None), 55_000),
    ],
)  # fmt: skip
def test_order_is_something_to_do_or_not(shown: dict[str, Any], most_ml: int | None) -> None:
    job = job_of(shown)
    assert (job.most_ml if job else None) == most_ml


@given(
    st.integers(1, 5_000_000), st.integers(1, 100_000), st.sampled_from(["CNY", "EUR", "JPY", "KWD"]),
    st.integers(1, 10**7),
)  # fmt: skip
def test_display_agrees_with_the_platform_though_both_reckon_by_themselves(
    volume_ml: int, price_mills: int, currency: str, amount_minor: int
) -> None:
    assert display_minor(volume_ml, price_mills, currency) == amount_of(volume_ml, price_mills, currency)
    preset = preset_ml(amount_minor, price_mills, currency)
    assert (
        display_minor(preset, price_mills, currency) <= amount_minor < display_minor(preset + 1, price_mills, currency)
    )
    assert preset == volume_for(amount_minor, price_mills, currency)


def test_journal_survives_a_torn_line_and_forgets_what_was_heard(journal: Path) -> None:
    first = Journal(journal)
    for number in range(3):
        first.add({"dispense_id": f"d{number}", "volume_ml": number})
    first.add({"dispense_id": "d1", "volume_ml": 99})
    first.settle("d0")
    with journal.open("a") as file:
        file.write('{"report": {"dispense')
    again = Journal(journal)
    assert [(one["dispense_id"], one["volume_ml"]) for one in again.pending] == [("d1", 1), ("d2", 2)]
    again.settle("d1")
    again.settle("d2")
    assert journal.read_text() == ""
