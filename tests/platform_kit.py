"""What tests of the whole platform share: commands as a person types them, a client, a made-up day of prices."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feeds.generate import PRICES_FILE, STATIONS_FILE, generate
from feeds.platform import PlatformClient, connected
from forecourt.clients import ensure_client
from local_stack.config import Config
from local_stack.processes import Process

COMMAND_TIMEOUT_SECONDS = 300


def forecourt(config: Config, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """A `./forecourt` command on this stack; with `check` it must succeed."""
    result = subprocess.run(  # noqa: S603 - the command is ours, no shell is involved
        command(*arguments), env=os.environ | config.environment(), capture_output=True, text=True, check=False,
        timeout=COMMAND_TIMEOUT_SECONDS,
    )  # fmt: skip
    assert result.returncode == 0 or not check, f"{arguments} failed:\n{result.stdout}\n{result.stderr}"
    return result


def command(*arguments: str) -> Sequence[str]:
    """The command line of `forecourt`."""
    return [sys.executable, "-m", "forecourt", *arguments]


def kill(config: Config, part: str) -> None:
    """kill -9 of a server or service."""
    running = Process(config.data, part).running()
    assert running is not None, f"{part} does not run"
    os.kill(running.pid, signal.SIGKILL)


@dataclass(frozen=True)
class Day:
    """A generated station list and a day of price changes."""

    stations: Path
    prices: Path
    changes: int

    @classmethod
    def generate(cls, folder: Path, *, stations: int, prices: int, seed: int) -> "Day":
        """Writes the files; the same seed gives the same day."""
        made = generate(folder, stations=stations, prices=prices, seed=seed)
        return cls(folder / STATIONS_FILE, folder / PRICES_FILE, made.changes)

    def replay_arguments(self, *more: str) -> list[str]:
        """Arguments of `forecourt` that replay it."""
        return ["replay", "--stations", str(self.stations), "--prices", str(self.prices), "--json", *more]

    def replay(self, config: Config, *more: str) -> dict[str, Any]:
        """Replays it and returns the account."""
        return json.loads(forecourt(config, *self.replay_arguments(*more)).stdout)


@asynccontextmanager
async def client_of(config: Config, operator: str, *scopes: str) -> AsyncIterator[PlatformClient]:
    """A client of the public API that acts for an operator."""
    credentials = ensure_client(config, f"test-{operator}", scopes, [operator], [])
    async with connected(config.gateway_url, credentials) as client:
        yield client
