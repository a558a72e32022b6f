"""The gateway's wiring."""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware import Middleware

from gateway import api, docs
from gateway.door import Checks, Door, ResponseHeaders
from gateway.feed import make_reader
from gateway.hub import Hub
from gateway.limiter import make_limiter
from gateway.proxy import Proxy
from gateway.reference import Reference
from gateway.routes import ROUTES, Route, RouteTable
from gateway.settings import Settings
from gateway.upstream import Upstream, make_session
from servicekit.app import Kit, build_app

DOCUMENT_PATHS = ("/docs", "/openapi.json")
FEED_PROGRESS_SECONDS = 120.0


def create_app(settings: Settings | None = None, routes: Sequence[Route] = ROUTES) -> FastAPI:
    """The app; without arguments its settings come from the environment."""
    settings = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment fills the fields
    if not settings.docs_enabled:
        routes = [route for route in routes if not route.path.startswith(DOCUMENT_PATHS)]
    urls = {"identity": settings.identity_url, "pricing": settings.pricing_url, "stations": settings.stations_url}

    async def start(kit: Kit) -> None:
        session = await kit.open(lambda: make_session(settings))
        kit.app.state.proxy = Proxy({name: Upstream(name, url, session, settings) for name, url in urls.items()})
        kit.app.state.hub = hub = Hub(settings)
        feed = make_reader(settings, hub)
        kit.background("feed", feed.run)
        kit.background("heartbeat", hub.keep_beating)
        kit.background("reference", lambda: reference.keep_current(session))
        kit.when_draining(hub.end)
        kit.alive_while("feed", feed.seconds_without_progress, FEED_PROGRESS_SECONDS)

    app = build_app(
        settings, title="Forecourt API", description="The gateway's own routes", start=start,
        routers=[api.router, docs.router],
    )  # fmt: skip
    reference = Reference(urls, app.openapi(), routes, settings.openapi_refresh_seconds)
    app.openapi = reference.current
    checks = Checks(RouteTable(routes), make_limiter(settings), app.state.verifier, settings.operator_networks)
    app.user_middleware.append(Middleware(Door, checks=checks))  # inside the edge, which counts and times requests
    app.add_middleware(ResponseHeaders)  # outside of everything, errors included
    return app
