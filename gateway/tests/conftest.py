"""A gateway on a real port, with tiny real services behind it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from fastapi import FastAPI

# pytest's importlib mode calls this file gateway.tests.conftest and makes an empty package `gateway` of the folder for
# it, which would hide the real one.
if getattr(sys.modules.get("gateway"), "__file__", None) is None:
    sys.modules.pop("gateway", None)

from gateway.main import create_app
from gateway.routes import ROUTES
from gateway.routing import Route
from gateway.settings import Settings
from servicekit.serve import Server
from servicekit.testkit import Issuer, eventually

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Service:
    """A service on a local port that answers with `handler` and remembers what it was asked."""

    def __init__(self) -> None:
        self.handler: Handler = echo
        self.requests: list[web.Request] = []
        self.document: dict[str, Any] = {"paths": {}}
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listens, on the same port after a stop."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        port = int(self.url.rpartition(":")[2]) if self.url else 0
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stops listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/openapi.json":
            return web.json_response(self.document)
        self.requests.append(request)
        return await self.handler(request)


async def echo(request: web.Request) -> web.StreamResponse:
    """What the request was."""
    body = await request.text()
    return web.json_response({"target": request.raw_path, "headers": dict(request.headers), "body": body})


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The app behind uvicorn on a free port."""
    config = uvicorn.Config(
        app, "127.0.0.1", 0, log_config=None, server_header=False, proxy_headers=False, timeout_graceful_shutdown=10,
        http=app.state.protocol,
    )  # fmt: skip
    server = Server(config)
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started or task.done()

    try:
        await eventually(started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """The one service behind all routes."""
    service = Service()
    await service.start()
    yield service
    await service.stop()


StartGateway = Callable[..., AbstractAsyncContextManager[aiohttp.ClientSession]]


@pytest.fixture
def start_gateway(service: Service, issuer: Issuer) -> StartGateway:
    """`async with start_gateway(setting=value, ...) as client:`; the client's paths are relative to the gateway."""

    @asynccontextmanager
    async def start(routes: Sequence[Route] = ROUTES, **changes: Any) -> AsyncIterator[aiohttp.ClientSession]:
        settings: dict[str, Any] = {
            "identity_url": service.url, "pricing_url": service.url, "stations_url": service.url,
            "payments_url": service.url, "loyalty_url": service.url,
            "analytics_url": service.url,
            "kafka_bootstrap": "127.0.0.1:1", "kafka_username": "gateway", "kafka_password": "none",
            "issuer": issuer.url, "jwks_url": issuer.jwks_url,
        }  # fmt: skip
        async with (
            serving(create_app(Settings(**(settings | changes)), routes)) as url,
            aiohttp.ClientSession(url, auto_decompress=False) as client,
        ):
            yield client

    return start
