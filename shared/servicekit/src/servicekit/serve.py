"""Runs a service: `python -m servicekit.serve pricing.main:create_app` on its configured host and port."""

import gc
import sys
from importlib import import_module

import uvicorn
from fastapi import FastAPI

BACKLOG = 512
KEEP_ALIVE_SECONDS = 75


def main(target: str) -> None:
    """Serves the app that the factory `module:function` makes, until SIGTERM, then drains."""
    module, _, factory = target.partition(":")
    app: FastAPI = getattr(import_module(module), factory)()
    settings = app.state.settings
    gc.freeze()  # what is loaded by now lives as long as the process: do not look at it again
    uvicorn.run(
        app, host=settings.host, port=settings.port, loop="uvloop", http="httptools", backlog=BACKLOG,
        log_config=None, access_log=False, server_header=False, proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=settings.drain_seconds,
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
