"""`seed`: made-up stations and a day of their prices, so that there is something to look at."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from feeds import FEEDS
from feeds.generate import PRICES_FILE, STATIONS_FILE, generate
from forecourt.replay import Via, print_account, run_replay
from local_stack.config import Config

SEED = 2026


def seed(
    stations: Annotated[int, typer.Option(min=1, max=100_000, help="How many stations.")] = 1_000,
    prices: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many rows of price changes.")] = 3_000,
    number: Annotated[int, typer.Option(help="Another number makes other stations.")] = SEED,
) -> None:
    """Fill the platform with made-up stations and prices; the same again changes nothing.

    Example: `./forecourt seed --stations 500`
    """
    print_account(plant(Config.from_environment(), stations, prices, number))


def plant(config: Config, stations: int, prices: int, number: int = SEED) -> dict[str, Any]:
    """Generates a day in the shape of the German feed and replays it; returns the replay's account."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        generate(out, stations=stations, prices=prices, seed=number)
        return run_replay(config, FEEDS["tankerkoenig"], out / STATIONS_FILE, out / PRICES_FILE, None, Via.HTTP)
