"""The stations and changes that the benchmarks make up; real ids, real rules, prices that always change."""

from collections.abc import Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from feeds.base import PriceRecord, RowProblem, StationRecord
from feeds.importing import ImportReport, import_stations
from feeds.platform import PlatformClient, connected
from forecourt.clients import ensure_client
from local_stack.config import Config
from schemas.vocabulary import Fuel
from servicekit.ids import new_id

OPERATOR = "bench"
STATIONS = 2_000
FUELS = (Fuel.DIESEL_B7, Fuel.E5, Fuel.E10)
NO_FILE = Path("made-up")
STEP = timedelta(microseconds=10)


class BenchFeed:
    """A feed of made-up stations and changes; a price differs from the one of an earlier run, but for rare chances."""

    name = OPERATOR
    country = "DE"
    description = "made-up stations of the benchmarks"
    shape = "no file at all"
    one_file = True
    has_pace = True
    licence = "none"

    def __init__(self, changes: int) -> None:
        self._changes = changes
        self._run = new_id().hex
        self._offset = int(self._run[-6:], 16)
        self._began_at = datetime.now(UTC)

    def stations(self, path: Path) -> Iterator[StationRecord | RowProblem]:
        """The same stations in every run, in a grid over northern Germany."""
        for number in range(STATIONS):
            yield StationRecord(number, f"bench-{number}", _station(number))

    def prices(self, path: Path) -> Iterator[PriceRecord | RowProblem]:
        """Station after station, each with all its grades, as in a real feed; another price every time."""
        for number in range(self._changes):
            yield PriceRecord(number, self.station_of(number), self.report(number))

    def station_of(self, number: int) -> str:
        """The station of a change, by its id at the operator."""
        return f"bench-{number // len(FUELS) % STATIONS}"

    def report(self, number: int) -> dict[str, Any]:
        """The report of one change, without its station."""
        cycle = number // (STATIONS * len(FUELS))
        return {
            "report_id": f"{self._run}-{number}", "fuel": FUELS[number % len(FUELS)], "currency": "EUR",
            "price_mills": 1_000 + (self._offset + number * 7 + cycle) % 3_000,
            "effective_at": (self._began_at + number * STEP).isoformat(),
        }  # fmt: skip


def _station(number: int) -> dict[str, Any]:
    row, column = divmod(number, 50)
    return {
        "external_id": f"bench-{number}", "name": f"Bench {number}", "brand": None,
        "address": {"street": None, "house_number": None, "post_code": None, "city": None},
        "country": "DE", "time_zone": "Europe/Berlin", "currency": "EUR",
        "lat": 51.0 + row * 0.05, "lon": 8.0 + column * 0.1, "fuels": list(FUELS), "opening_hours": None,
    }  # fmt: skip


@asynccontextmanager
async def bench_client(config: Config):
    """A client that may report for the benchmarks' stations."""
    credentials = ensure_client(config, "bench", ["prices:write", "stations:write"], [OPERATOR], [])
    async with connected(config.gateway_url, credentials) as client:
        yield client


async def known_stations(client: PlatformClient, feed: BenchFeed) -> ImportReport:
    """Imports the stations; returns when pricing knows them."""
    return await import_stations(client, feed, NO_FILE, lambda rows: None)
