"""The gateway's wiring."""

import asyncio
import os
import time
from collections.abc import Sequence
from functools import partial

import aiohttp
from fastapi import FastAPI

from gateway import api, docs
from gateway.addresses import ClientAddresses
from gateway.client import ClientConnection, Shared
from gateway.door import Door, ResponseHeaders
from gateway.feed import make_reader
from gateway.hub import Hub
from gateway.limiter import make_limiter
from gateway.meter import Meter
from gateway.reads import SharedReads
from gateway.reference import Reference
from gateway.routes import ROUTES
from gateway.routing import Route, RouteTable
from gateway.settings import Settings
from gateway.shared_limits import SharedLimits
from gateway.upstream import Upstream
from gateway.valkey_buckets import ValkeyBuckets
from servicekit.app import Kit, build_app
from servicekit.spans import SpanLog

DOCUMENT_PATHS = ("/docs", "/openapi.json")
FEED_PROGRESS_SECONDS = 120.0
SWEEP_SECONDS = 5.0


def create_app(settings: Settings | None = None, routes: Sequence[Route] = ROUTES) -> FastAPI:
    """The app; without arguments its settings come from the environment."""
    settings = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment fills the fields
    if not settings.docs_enabled:
        routes = [route for route in routes if not route.path.startswith(DOCUMENT_PATHS)]
    urls = {
        "identity": settings.identity_url, "pricing": settings.pricing_url, "stations": settings.stations_url,
        "payments": settings.payments_url, "loyalty": settings.loyalty_url,
        "analytics": settings.analytics_url,
    }  # fmt: skip

    async def start(kit: Kit) -> None:
        kit.background("spans", spans.keep_writing)
        kit.watch_revocations(before_ready=False)
        if buckets is not None:
            await kit.open(buckets.connected)
            kit.background("shared limits", buckets.keep_connected)
        session = await kit.open(aiohttp.ClientSession)
        kit.app.state.hub = hub = Hub(settings)
        feed = make_reader(settings, hub)
        kit.background("feed", feed.run)
        kit.background("heartbeat", hub.keep_beating)
        kit.background("reference", lambda: reference.keep_current(session))
        kit.background("sweep", lambda: _keep_sweeping(shared))
        kit.when_draining(hub.end)
        kit.alive_while("feed", feed.seconds_without_progress, FEED_PROGRESS_SECONDS)

    app = build_app(
        settings, title="Forecourt API", description="The gateway's own routes", start=start,
        routers=[api.router, docs.router], openapi_url=None,
    )  # fmt: skip
    app.add_middleware(ResponseHeaders)  # outside of everything, errors included
    reference = Reference(urls, app.openapi(), routes, settings.openapi_refresh_seconds)
    app.state.reference = reference
    spans = SpanLog.make(settings.service, app.state.tracing, settings.traces_file, os.environ)
    buckets = ValkeyBuckets(settings.valkey_url, settings.valkey_timeout_seconds) if settings.valkey_url else None
    limits = SharedLimits(make_limiter(settings), buckets, settings.rate_alone_share)
    addresses = ClientAddresses(settings.trusted_proxies, settings.forwarded_header)
    door = Door(RouteTable(routes), limits, app.state.verifier, addresses, settings.operator_networks)
    upstreams = {name: Upstream(name, url, settings, spans) for name, url in urls.items()}
    streams = {name: Upstream(f"{name} streams", url, settings, spans, for_streams=True) for name, url in urls.items()}
    meter = Meter(settings.service, settings.port, spans)
    silence_seconds = settings.forwarded_stream_silence_seconds
    shared = Shared(door, upstreams, streams, silence_seconds, SharedReads(), meter, spans)
    app.state.protocol = partial(ClientConnection, shared=shared)  # servicekit.serve and uvicorn take it from here
    return app


async def _keep_sweeping(shared: Shared) -> None:
    """Closes connections that were idle for long, for ever: one look at all costs less than a timer for each."""
    try:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            for connection in list(shared.connections):
                connection.close_if_idle(now)
            for upstream in (*shared.upstreams.values(), *shared.streams.values()):
                upstream.pool.close_old(now)
    finally:
        for upstream in (*shared.upstreams.values(), *shared.streams.values()):
            upstream.pool.close()
