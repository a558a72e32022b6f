"""The apps that people sign in with: registered, shown, revoked by operators."""

from identity.domain.app_register import AppError, RegisteredApp, require_valid
from identity.domain.apps import App
from identity.repository import app_register as repository
from identity.use_cases import audit
from identity.use_cases.context import Identity
from identity.use_cases.people import revoke_access
from identity.use_cases.staff import OPERATOR
from servicekit.postgres import Connection

ENDED_AT_ONCE = 500


async def register_app(identity: Identity, app: App) -> RegisteredApp:
    """A new app. Raises AppError where it is not one that may be, or its id is taken."""
    require_valid(app)

    async def work(tx: Connection) -> RegisteredApp:
        made = await repository.insert_app(tx, app)
        if made is None:
            raise AppError(f"there is, or was, an app {app.client_id}: take another id")
        details = {"scopes": list(app.scopes), "redirect_uris": list(app.redirect_uris), "first_party": app.first_party}
        await audit.append(identity, tx, OPERATOR, "app-registered", app.client_id, details)
        return made

    return await identity.store.transact(work)


async def revoke_app(identity: Identity, client_id: str) -> tuple[RegisteredApp, int]:
    """Ends an app for ever, and its sessions with all their tokens; how many. Raises AppError where there is none.

    Many sessions end in several transactions. Where the process dies between them the app is gone already, and the
    same again ends the rest.
    """

    async def revoke(tx: Connection) -> RegisteredApp:
        found = await repository.revoke_app(tx, client_id)
        if found is None:
            raise AppError(f"there is no app {client_id}: list-apps shows all")
        app, was_live = found
        if was_live:
            await audit.append(identity, tx, OPERATOR, "app-revoked", client_id)
        return app

    async def end_some(tx: Connection) -> int:
        ended = await repository.end_sessions_of(tx, client_id, ENDED_AT_ONCE)
        for user_id, session_id in ended:
            await revoke_access(tx, user_id, "app_revoked", session_id=session_id)
        return len(ended)

    app, ended = await identity.store.transact(revoke), 0
    while some := await identity.store.transact(end_some):
        ended += some
    return app, ended


async def list_apps(identity: Identity, limit: int) -> list[RegisteredApp]:
    """The newest apps, revoked ones too."""
    async with identity.store.connection() as connection:
        return await repository.list_apps(connection, limit)
