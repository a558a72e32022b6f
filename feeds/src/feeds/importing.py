"""Takes a feed's station list to the platform, chunk by chunk, and learns the stations' ids from the verdicts."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from feeds.base import Feed, RowProblem, StationRecord
from feeds.platform import PlatformClient, PlatformError

ROWS_PER_REQUEST = 500
IDS_PER_REQUEST = 100
KNOWN_DEADLINE_SECONDS = 120.0
MAX_SHOWN_PROBLEMS = 1_000
MAX_REASONS = 200
OTHER_REASONS = "(others)"


@dataclass
class ImportReport:
    """What became of a station list. `problems` holds the line, external id and reason of rows that did not load.

    `sold` holds the station id and grade of every price that pricing had when the list was in.
    """

    operator: str
    rows: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[int, str | None, str]] = field(default_factory=list)
    assumed: Counter[str] = field(default_factory=Counter)
    station_ids: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    sold: set[tuple[str, str]] = field(default_factory=set)

    def note_problem(self, line: int, external_id: str | None, verdict: str, reason: str, detail: str) -> None:
        """Counts a row that did not load; the first thousand are kept to show."""
        self.verdicts[verdict] += 1
        known = reason in self.reasons or len(self.reasons) < MAX_REASONS  # a reason may quote what the row has
        self.reasons[reason if known else OTHER_REASONS] += 1
        if len(self.problems) < MAX_SHOWN_PROBLEMS:
            self.problems.append((line, external_id, f"{reason}: {detail}"))


async def import_stations(
    client: PlatformClient, feed: Feed, path: Path, advance: Callable[[int], None]
) -> ImportReport:
    """Imports a station list and returns when pricing knows the stations too. Raises FeedError, PlatformError."""
    report = ImportReport(feed.name)
    for chunk in _chunks(feed.stations(path)):
        await _import_chunk(client, feed.name, chunk, report)
        advance(len(chunk))
    await _wait_until_known(client, list(report.station_ids.values()), report.sold)
    return report


def _chunks(records: Iterator[StationRecord | RowProblem]) -> Iterator[list[StationRecord | RowProblem]]:
    chunk: list[StationRecord | RowProblem] = []
    for record in records:
        chunk.append(record)
        if len(chunk) == ROWS_PER_REQUEST:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


async def _import_chunk(
    client: PlatformClient, operator: str, chunk: list[StationRecord | RowProblem], report: ImportReport
) -> None:
    report.rows += len(chunk)
    stations: list[StationRecord] = []
    for record in chunk:
        if isinstance(record, RowProblem):
            report.note_problem(record.line, None, "unreadable", record.reason, record.text)
        elif record.external_id in report.station_ids:  # in an earlier chunk; within one the service sees it itself
            report.note_problem(
                record.line, record.external_id, "rejected", "duplicate_external_id", "an earlier row has the same id"
            )
        else:
            stations.append(record)
            report.assumed.update(record.assumed)
    if not stations:
        return
    body = {"operator": operator, "stations": [record.payload for record in stations]}
    reply = await client.post("/v1/station-imports", body)
    for record, result in zip(stations, reply["results"], strict=True):
        _note_result(record, result, report)


def _note_result(record: StationRecord, result: dict[str, Any], report: ImportReport) -> None:
    if result["verdict"] == "rejected":
        report.refused.add(record.external_id)
        report.note_problem(record.line, record.external_id, "rejected", result["reason"], result["detail"])
    else:
        report.verdicts[result["verdict"]] += 1
        report.station_ids[record.external_id] = result["station_id"]


async def _wait_until_known(client: PlatformClient, station_ids: list[str], sold: set[tuple[str, str]]) -> None:
    """Stations reach pricing by events; a report that overtakes its station would be refused."""
    deadline = time.monotonic() + KNOWN_DEADLINE_SECONDS
    for start in range(0, len(station_ids), IDS_PER_REQUEST):
        asked = [("station_id", station_id) for station_id in station_ids[start : start + IDS_PER_REQUEST]]
        while unknown := (page := await client.get("/v1/prices", asked))["unknown_stations"]:
            if time.monotonic() > deadline:
                raise PlatformError(f"pricing still does not know {len(unknown)} stations, e.g. {unknown[0]}")
            await asyncio.sleep(0.05)
        sold |= {(price["station_id"], price["fuel"]) for price in page["prices"] if price["price_mills"] is not None}
