"""Servers that die: killed as the kernel would, and brought back as a person would."""

import asyncio
import os
import signal

from local_stack import stack
from local_stack.config import Config
from local_stack.processes import Process, wait_until

DEATH_SECONDS = 10.0


async def kill(config: Config, name: str) -> None:
    """Kill -9; returns when the process is gone."""
    process = Process(config.data, name)
    running = process.running()
    assert running, f"{name} does not run"
    os.kill(running.pid, signal.SIGKILL)
    assert await asyncio.to_thread(wait_until, lambda: process.running() is None, DEATH_SECONDS)


async def bring_back(config: Config) -> None:
    """Starts what does not run, and waits until it answers."""
    await asyncio.to_thread(stack.up, config, infrastructure_only=True)
