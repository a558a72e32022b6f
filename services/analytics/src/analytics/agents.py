"""Faust hosts the folding: an agent for each view, which takes whole batches of facts.

Faust has no connection to Kafka here, no topics, tables or web server: `consumer` reads and commits, and an agent
answers when a batch is in the store (docs/decisions/0032). One batch at a time is with an agent, and it catches what is
raised: there is no place for its fault with several at once, nor for the one that acknowledges what failed.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import faust

from analytics.use_cases.arriving import Arrived
from analytics.use_cases.together import together
from analytics.use_cases.view_folding import ViewFolding
from servicekit.kafka import Interrupted


@dataclass(frozen=True, eq=False)
class Batch:
    """Facts for an agent, and its answer."""

    arrived: Sequence[Arrived]
    folded: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Agents:
    """The agents of a process while they run."""

    def __init__(self, channels: Sequence[Any]) -> None:
        self._channels = channels

    async def fold(self, arrived: Sequence[Arrived]) -> None:
        """Has every view fold the facts; returns, or raises what one of them did, when all have ended."""
        batches = [Batch(arrived) for _ in self._channels]
        for channel, batch in zip(self._channels, batches, strict=True):
            await channel.send(value=batch)
        await together(batch.folded for batch in batches)


@asynccontextmanager
async def running_agents(service: str, views: Mapping[str, ViewFolding]) -> AsyncIterator[Agents]:
    """An agent for each view, from here to the end."""
    app = _App(service, autodiscover=False, web_enabled=False)
    channels = [_agent(app, name, view) for name, view in views.items()]
    await app.start()
    try:
        app.flow_control.resume()  # Faust waits for its consumer's partitions; ours come by another way
        yield Agents(channels)
    finally:
        await app.stop()
        app.consumer._thread.thread_loop.close()  # pyright: ignore[reportAttributeAccessIssue] - made, and never run


class _Alone(faust.App.BootStrategy):
    """Agents, and nothing that talks to a broker."""

    enable_kafka = False
    enable_web = False
    enable_sensors = False


class _App(faust.App):
    BootStrategy = _Alone

    async def on_first_start(self) -> None:
        """Makes no folders: there are no tables."""


def _agent(app: faust.App, name: str, view: ViewFolding) -> Any:
    """Starts with the app; the channel that it takes batches from."""
    channel = app.channel(maxsize=1)

    async def fold(batches: Any) -> None:
        async for batch in batches:
            await _answer(view, batch)

    app.agent(channel, name=name, concurrency=1)(fold)
    return channel


async def _answer(view: ViewFolding, batch: Batch) -> None:
    """Who sent the batch is told of all that is raised, and decides. One that is cut short is not in the view."""
    error: Exception | None = Interrupted("the agent was ended in the middle of a batch")
    try:
        await view.take(batch.arrived)
        error = None
    except Exception as raised:  # noqa: BLE001 - see above
        error = raised
    finally:
        if not batch.folded.done():
            batch.folded.set_result(None) if error is None else batch.folded.set_exception(error)
