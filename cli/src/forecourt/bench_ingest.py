"""`bench ingest`: price changes a second, from HTTP to what drivers see."""

from typing import Any

from feeds.replay import REPORTS_PER_BATCH, Replay
from feeds.sending import HttpSender
from feeds.watching import EventWatch
from forecourt.bench_floor import floor
from forecourt.bench_world import NO_FILE, STATIONS, BenchFeed, bench_client, known_stations
from local_stack.config import Config
from local_stack.environment import kafka_credentials
from schemas.catalogue import OBSERVER

CHANGES = 80_000
WARM_UP_CHANGES = 8_000
WANTED_PER_SECOND = 4_000


async def measure_ingest(config: Config) -> list[dict[str, Any]]:
    """HTTP -> pricing -> outbox -> Kafka -> stations, all changes accounted for, beside insert plus batch."""
    async with bench_client(config) as client:
        stations = await known_stations(client, BenchFeed(0))
        watch = EventWatch(kafka_credentials(config, OBSERVER))
        for changes in (WARM_UP_CHANGES, CHANGES):
            feed = BenchFeed(changes)
            run = Replay(client, HttpSender(client), watch, stations, lambda phase, count, total=None: None)
            report = await run.run(feed, NO_FILE, None)
    async with floor(config) as bare:
        reports = [{"station_id": f"bench-{n % STATIONS}", **BenchFeed(0).report(n)} for n in range(CHANGES // 4)]
        batches = [reports[start : start + REPORTS_PER_BATCH] for start in range(0, len(reports), REPORTS_PER_BATCH)]
        bare_rate = await bare.changes_per_second(batches)
    rate = report.published / report.seconds
    decided = report.verdicts["accepted"] + report.verdicts["unchanged"]
    complete = decided == CHANGES and not report.lost and not report.mismatched
    return [
        {
            "figure": f"{CHANGES:,} changes, submit to visible", "value": rate, "unit": "changes/s",
            "floor": bare_rate, "ratio": rate / bare_rate, "wanted": f">= {WANTED_PER_SECOND:,}, none lost",
            "kept": complete and rate >= WANTED_PER_SECOND,
        }
    ]  # fmt: skip
