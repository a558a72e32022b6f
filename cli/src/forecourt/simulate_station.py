"""A station's pumps on a local stack: its system's credentials, its notebook, and what is told of it."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import aiohttp

from feeds.platform import PlatformClient, PlatformError, connected
from forecourt.clients import ensure_client
from forecourt.console import out
from local_stack.config import Config, StackError
from simulators.pump_board import Board
from simulators.pump_dispenses import Habits
from simulators.pump_journal import Journal
from simulators.pumps import StationSystem

SCOPES = ("orders:write", "pumps:write")
LOOK_UP = aiohttp.ClientTimeout(total=10.0)
Show = Callable[[Mapping[str, Any]], None]


async def run_station(config: Config, station_id: UUID, operator: str | None, habits: Habits, show: Show) -> None:
    """Drives the station's pumps until it is stopped. Raises StackError."""
    operator = operator or await _operator_of(config, station_id)
    credentials = await asyncio.to_thread(
        ensure_client, config, f"pumps-{station_id}", SCOPES, [operator], [station_id]
    )  # fmt: skip
    try:
        async with connected(config.gateway_url, credentials) as client, aiohttp.ClientSession() as session:
            await _drive(config, session, client, str(station_id), habits, show)
    except PlatformError as error:
        raise StackError(f"{error}: is the platform up? `./forecourt status`") from error


async def _operator_of(config: Config, station_id: UUID) -> str:
    url = f"{config.gateway_url}/v1/stations/{station_id}"
    try:
        async with aiohttp.ClientSession(timeout=LOOK_UP) as session, session.get(url) as response:
            if response.status == 404:
                raise StackError(f"there is no station {station_id}: `./forecourt seed` makes some")
            response.raise_for_status()
            return (await response.json())["operator"]
    except (aiohttp.ClientError, TimeoutError) as error:
        raise StackError(f"the platform does not answer ({error}): start it with `./forecourt up`") from error


async def _drive(
    config: Config, session: aiohttp.ClientSession, client: PlatformClient, station_id: str, habits: Habits, show: Show
) -> None:
    line = asyncio.Event()
    board = Board(session, config.gateway_url, client, station_id, line)
    journal = Journal(config.data / "pumps" / f"{station_id}.jsonl")
    show({"event": "ready", "station_id": station_id, "unheard": len(journal.pending)})
    await StationSystem(client, board, station_id, journal, line, habits, show).run()


def show_json(told: Mapping[str, Any]) -> None:
    """One object per line, for other programs."""
    out.print(json.dumps(dict(told)), soft_wrap=True, markup=False)


def show_line(told: Mapping[str, Any]) -> None:
    """A line for a person."""
    out.print(_words(told), soft_wrap=True, markup=False)


def _words(told: Mapping[str, Any]) -> str:
    match told["event"]:
        case "ready":
            unheard = f", {told['unheard']} reports still to be heard" if told["unheard"] else ""
            return f"station {told['station_id']}: pumps are ready{unheard}; Ctrl-C ends"
        case "pump":
            return f"pump {told['pump_id']}: {told['status'].replace('_', ' ')}"
        case "offline":
            return f"the line is lost for {told['seconds']:.0f} s"
        case "silent":
            return f"pump {told['pump_id']}: gave fuel for order {told['order_id']} and does not say so"
        case _:
            litres, amount = told["volume_ml"] / 1_000, told["amount_minor"]
            return f"order {told['order_id']}: {litres:.2f} l, {amount:,} minor units: {told['outcome']}"
