"""The gateway's wiring."""

from fastapi import FastAPI
from starlette.middleware import Middleware

from gateway.door import Checks, Door, ResponseHeaders
from gateway.limiter import Limiter
from gateway.proxy import Proxy
from gateway.routes import ROUTES, RateClass, RouteTable
from gateway.settings import Settings
from gateway.upstream import Upstream, make_session
from servicekit.app import Kit, build_app


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app; without arguments its settings come from the environment."""
    settings = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment fills the fields

    async def start(kit: Kit) -> None:
        session = await kit.open(lambda: make_session(settings))
        urls = {"identity": settings.identity_url, "pricing": settings.pricing_url, "stations": settings.stations_url}
        upstreams = {name: Upstream(name, url, session, settings) for name, url in urls.items()}
        kit.app.state.proxy = Proxy(upstreams)

    app = build_app(settings, title="Forecourt API", description="The one door of Forecourt.", start=start)
    rates = {
        RateClass.TOKENS: settings.rate_tokens,
        RateClass.REFUSED: settings.rate_refused,
        RateClass.READS: settings.rate_reads,
        RateClass.WRITES: settings.rate_writes,
        RateClass.REPORTS: settings.rate_reports,
    }
    checks = Checks(
        RouteTable(ROUTES), Limiter(rates, settings.rate_table_size), app.state.verifier, settings.operator_networks
    )
    app.user_middleware.append(Middleware(Door, checks=checks))  # inside the edge, which counts and times requests
    app.add_middleware(ResponseHeaders)  # outside of everything, errors included
    return app
