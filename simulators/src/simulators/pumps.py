"""A station's pumps and the system that drives them, simulated: a machine client of the public API, and nothing more.

It follows the station's board. Where fuel comes first, a pump gives it when an order is placed; where money comes
first, once the order unlocks the pump. What was given is written down before it is said, and said until it is heard.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from feeds.platform import PlatformClient, PlatformError
from simulators.pump_board import Board
from simulators.pump_dispenses import LITRES_PER_SECOND, Habits, Job, display_minor, given_ml, job_of, luck_of
from simulators.pump_journal import Journal, Report

log = logging.getLogger(__name__)

ENDED = frozenset({"completed", "paid", "cancelled", "rejected", "expired", "refunded"})
NOT_US = frozenset({401, 403})
"""The station system itself is refused: what it has to say stays written down."""
MAX_REMEMBERED = 10_000
Tell = Callable[[Mapping[str, Any]], None]
"""Hears what happens, for whoever watches."""


class StationSystem:
    """The pumps of one station. `line` is open while the station is online."""

    def __init__(
        self, client: PlatformClient, board: Board, station_id: str, journal: Journal, line: asyncio.Event,
        habits: Habits, tell: Tell,
    ) -> None:  # fmt: skip
        self._client = client
        self._board = board
        self._station_id = station_id
        self._journal = journal
        self._line = line
        self._habits = habits
        self._tell = tell
        self._fuels: dict[str, list[str]] = {}
        self._served: dict[str, None] = {report["order_id"]: None for report in journal.pending}
        """Orders that a pump has taken on; the oldest are forgotten."""
        self._pumps: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._now: dict[str, str] = {}
        self._states: dict[str, dict[str, Any]] = {}
        """What pumps do by now and nobody was told yet."""
        self._something_to_say, self._state_to_say = asyncio.Event(), asyncio.Event()
        self._line.set()

    async def run(self) -> None:
        """Serves orders for ever. Raises PlatformError where the station system may not do so."""
        await self._learn_pumps()
        self._something_to_say.set()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._say_reports())
                group.create_task(self._say_states())
                async for order in self._board.orders():
                    self._look_at(order, group)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _learn_pumps(self) -> None:
        """Which grades each pump has."""
        with suppress(PlatformError):
            found = await self._client.get(f"/v1/stations/{self._station_id}/pumps")
            self._fuels = {pump["pump_id"]: pump["fuels"] for pump in found["pumps"]}

    def _look_at(self, order: Mapping[str, Any], group: asyncio.TaskGroup) -> None:
        """Takes the order on where there is something to do for it that nobody does yet."""
        job = job_of(order)
        if job is None:
            return self._show(order)
        if job.order_id in self._served:
            return None
        self._served[job.order_id] = None
        while len(self._served) > MAX_REMEMBERED:
            del self._served[next(iter(self._served))]
        group.create_task(self._serve(job))

    def _show(self, order: Mapping[str, Any]) -> None:
        """What the pump does for an order that it does not, or no longer, give fuel for."""
        if order["mode"] != "post_pay" and order["status"] in ("placed", "confirmed", "paying", "unknown"):
            self._set(order["pump_id"], order["fuel"], "locked")
        elif order["status"] in ENDED and not self._pumps[order["pump_id"]].locked():
            self._set(order["pump_id"], order["fuel"], "free")

    async def _serve(self, job: Job) -> None:
        """Gives the fuel, writes it down, and lets it be said."""
        luck, habits = luck_of(job, self._habits.seed), self._habits
        async with self._pumps[job.pump_id]:
            volume_ml, started_at = given_ml(job, habits, luck), datetime.now(UTC)
            self._set(job.pump_id, job.fuel, "in_transaction" if job.is_prepaid else "in_use")
            await self._begin(job)
            if luck.random() < habits.offline:
                asyncio.get_running_loop().call_later(habits.offline_seconds, self._line.set)
                self._line.clear()
                self._tell({"event": "offline", "seconds": habits.offline_seconds})
            await asyncio.sleep(volume_ml / 1_000 / LITRES_PER_SECOND / habits.speed)
            self._set(job.pump_id, job.fuel, "free" if job.is_prepaid else "ready_to_pay")
        if luck.random() < habits.silent:
            return self._tell({"event": "silent", "order_id": job.order_id, "pump_id": job.pump_id})
        report = _report(job, volume_ml, started_at)
        self._journal.add(report)
        self._something_to_say.set()
        if luck.random() < habits.duplicate:
            await self._say(report, settle=False)
        return None

    async def _begin(self, job: Job) -> None:
        """Says that fuel flows, so that the driver cannot cancel; not heard, it flows all the same."""
        if self._line.is_set():
            with suppress(PlatformError):
                await self._client.post(f"/v1/orders/{job.order_id}/fuelling", {})

    async def _say_reports(self) -> None:
        """Says what was written down, the oldest first, until each is heard."""
        while True:
            await self._something_to_say.wait()
            self._something_to_say.clear()
            for report in self._journal.pending:
                await self._say(report)

    async def _say(self, report: Report, *, settle: bool = True) -> None:
        body = {name: value for name, value in report.items() if name != "order_id"}
        while True:
            await self._line.wait()
            try:
                answer = await self._client.post(f"/v1/orders/{report['order_id']}/dispenses", body)
                outcome = answer["outcome"]
            except PlatformError as error:
                if error.status in NOT_US:
                    raise
                if not error.status:  # it is away, not of another opinion
                    log.warning("a report waits", extra={"error": str(error)})
                    continue
                outcome = error.kind  # it keeps what does not fit, for people to settle
            if settle:
                self._journal.settle(report["dispense_id"])
            return self._tell({"event": "dispensed", **report, "outcome": outcome})

    def _set(self, pump_id: str, fuel: str, status: str) -> None:
        """What a pump does from now on; only its newest state is said, and only where it is another."""
        if self._now.get(pump_id) == status:
            return
        self._now[pump_id] = status
        fuels = self._fuels.setdefault(pump_id, [])
        if fuel not in fuels:
            fuels.append(fuel)
        moment = datetime.now(UTC).isoformat()
        self._states[pump_id] = {"status": status, "fuels": fuels, "occurred_at": moment}
        self._state_to_say.set()
        self._tell({"event": "pump", "pump_id": pump_id, "status": status})

    async def _say_states(self) -> None:
        while True:
            await self._state_to_say.wait()
            await self._line.wait()
            self._state_to_say.clear()
            states, self._states = self._states, {}
            for pump_id, state in states.items():
                try:
                    await self._client.put(f"/v1/stations/{self._station_id}/pumps/{pump_id}", state)
                except PlatformError as error:
                    log.warning("a pump's state was not heard", extra={"error": str(error)})


def _report(job: Job, volume_ml: int, started_at: datetime) -> Report:
    return {
        "order_id": job.order_id, "dispense_id": job.dispense_id, "volume_ml": volume_ml,
        "amount_minor": display_minor(volume_ml, job.price_mills, job.currency),
        "started_at": started_at.isoformat(), "ended_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
