"""Identity's wiring."""

from fastapi import FastAPI

from identity.api import (
    authorize,
    clients,
    consents,
    credentials,
    exports,
    identities,
    invitations,
    me,
    oauth,
    otp,
    sessions,
    staff,
    vehicles,
)
from identity.consumer import SUBSCRIPTIONS
from identity.domain.oauth import OAuthError
from identity.settings import Settings
from identity.use_cases.audit import note_heads
from identity.use_cases.context import Identity
from identity.use_cases.exports import keep_exports
from identity.use_cases.keys import advance_keys, keep_keys
from identity.use_cases.messages import SENDERS, send_messages
from identity.use_cases.otp import keep_codes
from identity.use_cases.sessions import keep_sessions
from identity.use_cases.staff_tidying import keep_staff_tidy
from servicekit.app import Kit, build_app
from servicekit.consumer import Consumer
from servicekit.outbox import Relay
from servicekit.postgres import PostgresStore

AREAS = (
    oauth, authorize, otp, me, identities, vehicles, sessions, consents, exports,
    staff, invitations, credentials, clients,
)  # fmt: skip


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service; its settings come from the environment unless given."""
    chosen = settings or Settings()  # pyright: ignore[reportCallIssue] - the environment has the rest

    async def start(kit: Kit) -> None:
        store = await kit.open(lambda: PostgresStore.connect(chosen))
        kit.app.state.identity = identity = Identity(chosen, store)
        await kit.open(lambda: identity.http)
        await advance_keys(identity)
        kit.background("signing keys", lambda: keep_keys(identity))
        kit.background("audit log", lambda: note_heads(identity))
        kit.background("sessions", lambda: keep_sessions(identity))
        kit.background("one-time codes", lambda: keep_codes(identity))
        kit.background("staff tidying", lambda: keep_staff_tidy(identity))
        for number in range(SENDERS):
            kit.background(f"message sender {number}", lambda: send_messages(identity))
        await kit.open(lambda: identity.other_services)
        kit.background("exports", lambda: keep_exports(identity))
        kit.ready_when("postgres", store.check)
        kit.run_relay(Relay(chosen, store))
        kit.run_consumer(Consumer(chosen, store, SUBSCRIPTIONS, kit.app.state.verifier))
        kit.watch_revocations()

    app = build_app(
        chosen, title="Identity", description="Who people and machines are, how they sign in, and what they may do.",
        start=start, routers=[area.router for area in AREAS],
    )  # fmt: skip
    app.add_exception_handler(OAuthError, oauth.oauth_error)
    return app
