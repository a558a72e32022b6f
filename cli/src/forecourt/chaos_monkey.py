"""What goes wrong around payments during a trial: providers that fail, and processes and databases that die."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import psutil

from forecourt.simulate_providers import Provider, Providers
from local_stack import stack
from local_stack.config import Config
from local_stack.processes import Process
from simulators.faults import Faults

MOODS: tuple[Mapping[str, Any], ...] = (
    {},
    {"silent": 0.15, "silent_seconds": 20.0},
    {"drop": 0.15, "silent_seconds": 20.0},
    {"slow": 0.3, "slow_seconds": 1.0},
    {"down": 0.25},
    {"busy": 0.25, "busy_done": 0.1},
    {"limited": 0.2},
    {"duplicate": 0.6, "duplicates": 5},
    {"reorder": 0.5, "reorder_seconds": 2.0},
    {"lost": 0.5},
    {"late": 0.5},
    {"unsigned": 0.15, "forged": 0.15},
    {"skewed": 0.15, "probe": 0.15},
    {"wrong_amount": 0.3, "only": ["notification"]},
    {"wrong_app": 0.2, "wrong_merchant": 0.2, "only": ["notification"]},
    {"silent": 0.1, "silent_seconds": 20.0, "duplicate": 0.3, "reorder": 0.3, "lost": 0.2, "busy_done": 0.1},
)
"""What a provider may be like for some seconds."""
VICTIMS = ("payments", "payments", "payments", "loyalty", "postgres", "kafka", "gateway")
"""Who may die; payments most often. The providers are the truth of the trial, and live."""
MOOD_SECONDS, PEACE_SECONDS = (1.0, 4.0), (4.0, 9.0)
RETRY_SPEED = 100.0
DEATH_SECONDS = 20.0


class Monkey:
    """Draws moods and victims from a seed."""

    def __init__(self, config: Config, outside: Providers, seed: int, *, kills: bool) -> None:
        self._config = config
        self._outside = outside
        self._luck = {name: random.Random(f"{seed}/{name}") for name in (*Provider, "kills")}  # noqa: S311 - no secret
        self._kills = kills
        self.killed: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Things go wrong until the block ends; then the providers are well and everybody lives."""
        tasks = [asyncio.create_task(self._moods(provider)) for provider in Provider]
        if self._kills:
            tasks.append(asyncio.create_task(self._deaths()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
            for provider in Provider:
                await self._set_mood(provider, {})
            await asyncio.to_thread(stack.up, self._config)

    async def _moods(self, provider: Provider) -> None:
        luck = self._luck[provider]
        await self._outside.set_pace(provider, RETRY_SPEED)
        while True:
            await self._set_mood(provider, {**luck.choice(MOODS), "seed": luck.randrange(2**31)})
            await asyncio.sleep(luck.uniform(*MOOD_SECONDS))

    async def _set_mood(self, provider: Provider, mood: Mapping[str, Any]) -> None:
        self.struck.update((await self._outside.faults(provider))["struck"])
        await self._outside.set_faults(provider, Faults.model_validate(mood))

    async def _deaths(self) -> None:
        luck = self._luck["kills"]
        while True:
            await asyncio.sleep(luck.uniform(*PEACE_SECONDS))
            victim = luck.choice(VICTIMS)
            if await asyncio.to_thread(_kill, self._config, victim):
                self.killed[victim] += 1
            # Not to be cut off in the middle: a platform half up would be left behind.
            await asyncio.shield(asyncio.to_thread(stack.up, self._config))


def _kill(config: Config, part: str) -> bool:
    """kill -9, and waits until it is gone, ports and all; whether it ran."""
    running = Process(config.data, part).running()
    if running is None:
        return False
    with suppress(psutil.NoSuchProcess):
        dying = psutil.Process(running.pid)
        dying.kill()
        dying.wait(DEATH_SECONDS)
    return True
