"""`seed`: made-up stations and a day of their prices, so that there is something to look at."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from feeds import FEEDS
from feeds.generate import PRICES_FILE, STATIONS_FILE, generate
from feeds.platform import connected
from forecourt.clients import ensure_client
from forecourt.console import out
from forecourt.fuel_stops import FUEL, OPERATOR, SCOPES, plant_fuel_stops
from forecourt.replay import Via, print_account, run_replay
from local_stack.config import Config

SEED = 2026
FUEL_STOPS = 3


def seed(
    stations: Annotated[int, typer.Option(min=1, max=100_000, help="How many stations.")] = 1_000,
    prices: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many rows of price changes.")] = 3_000,
    number: Annotated[int, typer.Option(help="Another number makes other stations.")] = SEED,
) -> None:
    """Fill the platform with made-up stations and prices; the same again changes nothing.

    Three more are in Beijing, where one can fuel and pay in yuan.

    Example: `./forecourt seed --stations 500`
    """
    config = Config.from_environment()
    print_account(plant(config, stations, prices, number))
    asyncio.run(_plant_fuel_stops(config))


async def _plant_fuel_stops(config: Config) -> None:
    credentials = await asyncio.to_thread(ensure_client, config, "seed", SCOPES, [OPERATOR], [])
    async with connected(config.gateway_url, credentials) as system:
        await plant_fuel_stops(system, OPERATOR, FUEL_STOPS)
    out.print(f"{FUEL_STOPS} stations of {OPERATOR} in Beijing sell {FUEL}")


def plant(config: Config, stations: int, prices: int, number: int = SEED) -> dict[str, Any]:
    """Generates a day in the shape of the German feed and replays it; returns the replay's account."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        generate(out, stations=stations, prices=prices, seed=number)
        return run_replay(config, FEEDS["tankerkoenig"], out / STATIONS_FILE, out / PRICES_FILE, None, Via.HTTP)
