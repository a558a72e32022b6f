"""kill -9 of each part in the middle of a replay: after `up` it goes on, nothing lost, nothing wrong."""

import asyncio
import json
import os
from pathlib import Path

import asyncpg

from local_stack.config import Config
from local_stack.environment import service_environment
from servicekit.testkit import eventually

from ..platform_kit import Day, command, forecourt, kill

VICTIMS = ("kafka", "pricing", "stations", "postgres", "mongo", "gateway", "identity")
SECONDS = 90
DAY_SECONDS = 24 * 60 * 60
END_SECONDS = 240


async def decided_reports(config: Config) -> int:
    """How many reports pricing has decided on."""
    connection = await asyncpg.connect(service_environment(config, "pricing")["PRICING_POSTGRES_DSN"])
    try:
        return await connection.fetchval("SELECT count(*) FROM price_reports")
    finally:
        await connection.close()


async def test_a_replay_survives_the_death_of_every_part(platform: Config, tmp_path: Path):
    day = Day.generate(tmp_path, stations=500, prices=4_000, seed=3)
    before = await decided_reports(platform)
    replay = await asyncio.create_subprocess_exec(
        *command(*day.replay_arguments("--speed", str(DAY_SECONDS / SECONDS))),
        env=os.environ | platform.environment(), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip

    for number, victim in enumerate(VICTIMS):
        threshold = before + day.changes * (number + 1) // (len(VICTIMS) + 2)

        async def is_in_the_middle(threshold: int = threshold) -> bool:
            return await decided_reports(platform) >= threshold

        await eventually(is_in_the_middle, timeout_seconds=120)
        assert replay.returncode is None, f"the replay ended before {victim} was killed"
        kill(platform, victim)
        await asyncio.to_thread(forecourt, platform, "up")

    output, _ = await asyncio.wait_for(replay.communicate(), END_SECONDS)
    account = json.loads(output)
    assert account["lost"] == account["mismatched"] == 0
    assert account["published"] == account["accepted"] > 0
    assert account["visible"] > 0
