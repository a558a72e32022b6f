"""Identity's wiring."""

from fastapi import FastAPI

from identity import api
from identity.domain import OAuthError
from identity.settings import Settings
from identity.use_cases import AuthorizationServer, advance_keys, keep_keys
from servicekit.app import Kit, build_app
from servicekit.postgres import PostgresStore


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service; its settings come from the environment unless given."""
    settings = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment has the rest

    async def start(kit: Kit) -> None:
        store = await kit.open(lambda: PostgresStore.connect(settings))
        server = AuthorizationServer(settings, store)
        await advance_keys(server)
        kit.app.state.authorization_server = server
        kit.background("signing keys", lambda: keep_keys(server))
        kit.ready_when("postgres", store.check)

    app = build_app(
        settings, title="Identity", description="Access tokens for machine clients, and the keys to check them.",
        start=start, routers=[api.router],
    )  # fmt: skip
    app.add_exception_handler(OAuthError, api.oauth_error)
    return app
