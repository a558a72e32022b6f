"""Ends a request's work when its client has left."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Receive


class ClientGone(Exception):
    """The client closed the connection; nobody is there to answer."""


class UntilDisconnect:
    """`async with UntilDisconnect(receive, after_seconds):` raises ClientGone in the block once the client has left.

    The request body must have been read. The watch begins after a moment, because most requests are over by then and
    a task for each would cost more than it saves.
    """

    def __init__(self, receive: Receive, after_seconds: float = 0.2) -> None:
        self._receive = receive
        self._after_seconds = after_seconds
        self._watcher: asyncio.Task[None] | None = None
        self._gone = False

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("UntilDisconnect works inside a task only")
        self._task = task
        self._timer = asyncio.get_running_loop().call_later(self._after_seconds, self._start)
        return self

    def _start(self) -> None:
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.leave()

    def leave(self) -> None:
        """Ends the block as if the client had left."""
        self._gone = True
        self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._gone and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise ClientGone from error
