"""Runs a service: `python -m servicekit.serve pricing.main:create_app` on its configured host and port."""

import resource
import socket
import sys
from contextlib import suppress
from importlib import import_module

import uvicorn
from fastapi import FastAPI

from servicekit.interpreter import tune_interpreter

BACKLOG = 512
KEEP_ALIVE_SECONDS = 75
STARTUP_FAILURE = 3
OPEN_FILES = 65_536
"""Every connection is one; the usual soft limit of 1,024 is there for programs that use select()."""


class Server(uvicorn.Server):
    """Ends endless answers first, so that the drain has an end before its timeout."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops listening and waits for running answers, as long as the drain may take."""
        self.config.app.state.kit.drain()  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue]
        await super().shutdown(sockets)


def main(target: str) -> None:
    """Serves the app that the factory `module:function` makes, until SIGTERM, then drains."""
    module, _, factory = target.partition(":")
    app: FastAPI = getattr(import_module(module), factory)()
    settings = app.state.settings
    _allow_open_files()
    tune_interpreter()
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, loop="uvloop", http=getattr(app.state, "protocol", "httptools"),
        backlog=BACKLOG,
        log_config=None, access_log=False, server_header=False, proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=settings.drain_seconds,
    )  # fmt: skip
    server = Server(config)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    main(sys.argv[1])
