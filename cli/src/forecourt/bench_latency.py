"""`bench latency`: how long a reported change takes to be seen, at a steady rate that does not wait for answers."""

import asyncio
import time
from statistics import quantiles
from typing import Any

from feeds.importing import ImportReport
from feeds.platform import PlatformClient, connected
from feeds.sending import HttpSender
from feeds.watching import VisibilityProbe
from forecourt.bench_floor import floor
from forecourt.bench_world import BenchFeed, bench_client, known_stations
from local_stack.config import Config
from local_stack.services import SERVICE_BY_NAME

CHANGES_PER_SECOND = 200
REQUESTS_PER_SECOND = 20
"""An operator's system hands over, every 50 ms, what its stations have changed since."""
CHANGES_PER_REQUEST = CHANGES_PER_SECOND // REQUESTS_PER_SECOND
WARM_UP_SECONDS = 3
SECONDS = 45
FLOOR_ROUND_TRIPS = 300
WANTED_P50_MS, WANTED_P99_MS = 30, 250


async def measure_latency(config: Config) -> list[dict[str, Any]]:
    """Submit at the gateway to visible at stations, at 200 changes/s, beside the bare drivers one after the other."""
    stations_url = SERVICE_BY_NAME["stations"].url(config)
    async with bench_client(config) as client, connected(stations_url) as reader:
        stations = await known_stations(client, BenchFeed(0))
        await _offer(client, VisibilityProbe(reader), stations, WARM_UP_SECONDS)
        seen = await _offer(client, VisibilityProbe(reader), stations, SECONDS)
    async with floor(config) as bare:
        reports = [{"station_id": f"bench-{n}", **BenchFeed(0).report(n)} for n in range(FLOOR_ROUND_TRIPS)]
        bare_seconds = await bare.round_trips(reports)
    return [
        _figure(50, seen, bare_seconds, WANTED_P50_MS),
        _figure(99, seen, bare_seconds, WANTED_P99_MS),
    ]


def _figure(percent: int, seen: list[float], bare_seconds: list[float], wanted_ms: int) -> dict[str, Any]:
    value, bare = (quantiles(seconds, n=100)[percent - 1] * 1000 for seconds in (seen, bare_seconds))
    figure = f"p{percent} of {len(seen)} probes at {CHANGES_PER_SECOND} changes/s in {REQUESTS_PER_SECOND} requests/s"
    return {
        "figure": figure, "value": value, "unit": "ms", "floor": bare, "ratio": value / bare,
        "wanted": f"<= {wanted_ms} ms", "kept": value <= wanted_ms,
    }  # fmt: skip


async def _offer(client: PlatformClient, probe: VisibilityProbe, stations: ImportReport, seconds: int) -> list[float]:
    """Sends at a fixed rate for so long; returns the seconds that the probed changes took to be seen."""
    feed, sender = BenchFeed(0), HttpSender(client)
    requests = CHANGES_PER_SECOND * seconds // CHANGES_PER_REQUEST
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(probe.run())
        sending = []
        for number in range(requests):
            due = began + number * CHANGES_PER_REQUEST / CHANGES_PER_SECOND
            await asyncio.sleep(due - time.monotonic())
            sending.append(tasks.create_task(_send(sender, _reports(feed, stations, number), probe)))
        await asyncio.gather(*sending)
        await probe.idle()
        watching.cancel()
    return probe.seconds


def _reports(feed: BenchFeed, stations: ImportReport, number: int) -> list[dict[str, Any]]:
    """The changes of one request: some stations with all their grades."""
    changes = range(number * CHANGES_PER_REQUEST, (number + 1) * CHANGES_PER_REQUEST)
    return [{"station_id": stations.station_ids[feed.station_of(change)], **feed.report(change)} for change in changes]


async def _send(sender: HttpSender, reports: list[dict[str, Any]], probe: VisibilityProbe) -> None:
    submitted_at = time.monotonic()
    verdicts = await sender.send(0, reports)
    if verdicts[-1]["verdict"] == "accepted":  # by chance it may be the price of an earlier run
        probe.offer(reports[-1], submitted_at)
