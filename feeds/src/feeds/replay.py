"""Replays a feed's price changes as a station system would send them, and accounts for every one of them."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any
from zlib import crc32

from feeds.account import Advance, Difference, Expected, Phase, PriceKey, ReplayReport
from feeds.base import Feed, PriceRecord, RowProblem
from feeds.importing import ImportReport
from feeds.pace import Pace
from feeds.platform import PlatformClient
from feeds.sending import Sender
from feeds.watching import EventWatch, VisibilityProbe, moment
from schemas.base import rfc3339

LANES = 6
REPORTS_PER_BATCH = 2_000
BATCHES_WAITING = 2
PAGE = 100
NEWEST = 40
PROBES = 4
SETTLE_SECONDS = 60.0
"""How long nothing may move before what is missing counts as lost."""


class Replay:
    """One run: lanes send in parallel, each station always in the same lane, so that its changes stay in order."""

    def __init__(
        self, client: PlatformClient, sender: Sender, watch: EventWatch, stations: ImportReport, advance: Advance
    ) -> None:
        self.report = ReplayReport()
        self._client = client
        self._sender = sender
        self._watch = watch
        self._stations = stations
        self._advance = advance
        self._probes = [VisibilityProbe(client) for _ in range(PROBES)]
        self._queues: list[asyncio.Queue[list[dict[str, Any]]]] = [
            asyncio.Queue(maxsize=BATCHES_WAITING) for _ in range(LANES)
        ]
        self._turn = cycle(self._probes)
        self._accepted: set[str] = set()
        self._sold = set(stations.sold)
        self._expected: dict[PriceKey, Expected] = {}
        self._newest: deque[PriceKey] = deque(maxlen=NEWEST)
        self._started_at = moment(rfc3339(datetime.now(UTC)))

    async def run(self, feed: Feed, prices: Path, speed: float | None) -> ReplayReport:
        """Replays the file at `speed` times its own pace (None: as fast as it goes) and settles the account.

        Raises FeedError, PlatformError; what was sent by then stays sent, and a second run finds it.
        """
        await self._watch.start()
        started = time.monotonic()
        async with _running(self._watch.run(), *(probe.run() for probe in self._probes)):
            async with asyncio.TaskGroup() as lanes:
                tasks = [lanes.create_task(self._send_lane(lane)) for lane in range(LANES)]
                await self._read(feed, prices, Pace(speed))
                for queue in self._queues:
                    await queue.put([])  # the end of the lane
                await asyncio.gather(*tasks)
            self.report.send_seconds = time.monotonic() - started
            await self._wait_until_published()
            await self._wait_until_visible()
        self.report.seconds = time.monotonic() - started
        self.report.probes = [seconds for probe in self._probes for seconds in probe.seconds]
        return self.report

    async def _read(self, feed: Feed, prices: Path, pace: Pace) -> None:
        """Fills the lanes from the file; a full lane makes it wait, so memory stays bounded."""
        batches: list[list[dict[str, Any]]] = [[] for _ in range(LANES)]
        line = 0
        for record in feed.prices(prices):
            if isinstance(record, RowProblem):
                self.report.note_problem(record)
                continue
            if record.absence and not self._is_news(record):
                self.report.not_sold += 1
                continue
            self.report.note_change(record, is_new_row=record.line != line)
            line = record.line
            if (delay_seconds := pace.delay_seconds(record.report["effective_at"])) > 0:
                await self._flush(batches)
                await asyncio.sleep(delay_seconds)
            if (report := self._addressed(record)) is None:
                self._advance("send", 1)
                continue
            lane = crc32(report["station_id"].encode()) % LANES
            batches[lane].append(report)
            if len(batches[lane]) == REPORTS_PER_BATCH:
                await self._queues[lane].put(batches[lane])
                batches[lane] = []
        await self._flush(batches)

    async def _flush(self, batches: list[list[dict[str, Any]]]) -> None:
        for lane, batch in enumerate(batches):
            if batch:
                await self._queues[lane].put(batch)
                batches[lane] = []

    def _is_news(self, record: PriceRecord) -> bool:
        """Whether the platform has, or is about to have, a price of the grade that the feed lists as not sold."""
        station_id = self._stations.station_ids.get(record.external_id)
        return (station_id, record.report["fuel"]) in self._sold

    def _addressed(self, record: PriceRecord) -> dict[str, Any] | None:
        """The report with its station's id, or None where the platform has no such station."""
        station_id = self._stations.station_ids.get(record.external_id)
        if station_id is None:
            if record.external_id in self._stations.refused:
                self.report.station_refused += 1
            else:
                self.report.station_not_in_list += 1
            return None
        if record.report["price_mills"] is not None:
            self._sold.add((station_id, record.report["fuel"]))
        return {"station_id": station_id, **record.report}

    async def _send_lane(self, lane: int) -> None:
        while batch := await self._queues[lane].get():
            submitted_at = time.monotonic()
            verdicts = await self._sender.send(lane, batch)
            for report, verdict in zip(batch, verdicts, strict=True):
                self._note(report, verdict, submitted_at)
            self._advance("send", len(batch))

    def _note(self, report: dict[str, Any], verdict: dict[str, Any], submitted_at: float) -> None:
        outcome, is_new = verdict["verdict"], moment(verdict["received_at"]) >= self._started_at
        self.report.sent += 1
        self.report.verdicts[outcome] += 1
        self.report.repeated += not is_new
        self.report.rules.update(filter(None, [verdict["rule"], *(finding["rule"] for finding in verdict["findings"])]))
        if outcome == "rejected":
            self.report.reasons[verdict["reason"]] += 1
            return
        if outcome == "accepted" and is_new:
            self._accepted.add(report["report_id"])
            next(self._turn).offer(report, submitted_at)
        effective_at, key = moment(report["effective_at"]), (report["station_id"], report["fuel"])
        if key not in self._expected or effective_at >= self._expected[key].effective_at:
            self._expected[key] = Expected(report["price_mills"], effective_at, outcome == "superseded")
            self._newest.append(key)

    async def _wait_until_published(self) -> None:
        """Until each change that was accepted in this run has its event, or nothing moves any more."""
        seen = self._watch.seen["pricing.prices"]

        async def missing() -> int:
            return len(self._accepted - seen.keys())

        self.report.lost = await self._settle("publish", len(self._accepted), missing)
        ours = self._accepted & seen.keys()
        self.report.published = len(ours)
        self.report.published_twice = sum(seen[report_id] > 1 for report_id in ours)
        self.report.rejections_published = len(self._watch.seen["pricing.rejections"])

    async def _wait_until_visible(self) -> None:
        """Until the stations service shows the last word on every price, or nothing moves any more.

        The newest prices come last, so the long look at all of them waits until those are there.
        """
        newest = {key: self._expected[key] for key in self._newest}

        async def newest_missing() -> int:
            for key in list(newest):
                station = await self._client.get(f"/v1/stations/{key[0]}")
                shown = next((price for price in station["prices"] if price["fuel"] == key[1]), None)
                if newest[key].difference(shown) is not Difference.WRONG:
                    del newest[key]
            return len(newest)

        await self._settle(None, len(newest), newest_missing)
        self.report.mismatched = await self._settle("show", len(self._expected), self._compare)

    async def _settle(self, phase: Phase | None, total: int, missing: Callable[[], Awaitable[int]]) -> int:
        """Asks until nothing is missing, and gives up when that number has not shrunk for SETTLE_SECONDS."""
        advance = partial(self._advance, phase) if phase else _silent
        advance(0, total)
        best, moved_at = total, time.monotonic()
        while left := await missing():
            if left < best:
                advance(best - left)
                best, moved_at = left, time.monotonic()
            elif time.monotonic() - moved_at > SETTLE_SECONDS:
                return left
            await asyncio.sleep(0.1)
        advance(best)
        return 0

    async def _compare(self) -> int:
        """How many prices differ from the last word on them; prices that a later report overtook count as right."""
        shown = {key: price async for key, price in self._shown_prices()}
        self.report.visible = self.report.overtaken = mismatched = 0
        for key, expected in self._expected.items():
            difference = expected.difference(shown.get(key))
            self.report.visible += difference is Difference.NONE
            self.report.overtaken += difference is Difference.OVERTAKEN
            mismatched += difference is Difference.WRONG
        return mismatched

    async def _shown_prices(self) -> AsyncIterator[tuple[PriceKey, dict[str, Any]]]:
        """Every price of the feed's stations, page by page."""
        cursor: str | None = None
        while True:
            query = {"operator": self._stations.operator, "limit": PAGE} | ({"cursor": cursor} if cursor else {})
            page = await self._client.get("/v1/stations", query)
            for station in page["stations"]:
                for price in station["prices"]:
                    yield (station["station_id"], price["fuel"]), price
            if (cursor := page["next_cursor"]) is None:
                return


def _silent(count: int, total: int | None = None) -> None:
    """No progress to show."""


@asynccontextmanager
async def _running(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs coroutines beside a block and ends them with it."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
