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
Show = Callable[[Mapping[str, Any]], None]


async def run_station(config: Config, station_id: UUID, operator: str | None, habits: Habits, show: Show) -> None:
    """Drives the station's pumps until it is stopped. Raises StackError."""
    try:
        async with connected(config.gateway_url) as anybody:
            operator = operator or (await anybody.get(f"/v1/stations/{station_id}"))["operator"]
        credentials = await asyncio.to_thread(
            ensure_client, config, f"pumps-{station_id}", SCOPES, [str(operator)], [station_id]
        )
        async with connected(config.gateway_url, credentials) as client, aiohttp.ClientSession() as session:
            await _drive(config, session, client, str(station_id), habits, show)
    except PlatformError as error:
        raise StackError(f"{error}: is the platform up? `./forecourt status`") from error


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
