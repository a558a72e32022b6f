"""Sessions on the real store: opened, shown, ended, and told to every service."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from identity.domain.apps import App
from identity.domain.caller import Caller
from identity.domain.people import SignedIn
from identity.domain.sessions import Session
from identity.repository import apps
from identity.use_cases import people, sessions
from servicekit.ids import new_id
from servicekit.postgres import Connection

from .conftest import Identity

PHONE_BROWSER = Caller("203.0.113.7", "canary-browser/1.0\x07 (canary-model)")


async def _app(tx: Connection, client_id: str = "forecourt-app") -> App:
    app = await apps.find_app(tx, client_id)
    assert app is not None
    return app


async def _open(
    identity: Identity, *methods: str, device_name: str | None = None, user_id: UUID | None = None
) -> Session:
    async def work(tx: Connection) -> Session:
        who = user_id or (await people.register(identity.process, tx, is_driver=True)).id
        signed_in = SignedIn(who, methods or ("otp",), datetime.now(UTC))
        app = await _app(tx)
        return await sessions.open_session(identity.process, tx, signed_in, app, PHONE_BROWSER, device_name)

    return await identity.store.transact(work)


async def _shown(identity: Identity, session: Session) -> list[Session]:
    async with identity.store.connection() as connection:
        return await sessions.sessions_of(identity.process, connection, session.user_id)


async def test_a_session_shows_its_device_to_the_person_and_to_nobody_else(identity: Identity) -> None:
    session = await _open(identity, device_name=" canary-phone\nof mine ")
    assert [(one.id, one.app_name, one.device) for one in await _shown(identity, session)] == [
        (session.id, "Forecourt", "canary-phone of mine")
    ]
    assert "canary" not in await identity.sql("SELECT encode(device, 'escape') FROM sessions")
    assert (await _open(identity)).device == "canary-browser/1.0 (canary-model)"


async def test_staff_have_less_time_than_drivers(identity: Identity) -> None:
    driver, staff = await _open(identity), await _open(identity, "pwd", "otp", "mfa")
    assert driver.expires_at - driver.authenticated_at == timedelta(days=90)
    assert staff.expires_at - staff.authenticated_at == timedelta(hours=12)


async def test_sessions_that_expired_or_lay_idle_are_not_shown(identity: Identity) -> None:
    session = await _open(identity)
    for column in ("expires_at", "rotated_at"):
        await identity.sql(f"UPDATE sessions SET {column} = {column} - interval '91 days'")  # noqa: S608
        assert await _shown(identity, session) == []
        await identity.sql(f"UPDATE sessions SET {column} = {column} + interval '91 days'")  # noqa: S608
    assert await _shown(identity, session) != []


async def test_an_ended_session_is_told_to_every_service_once(identity: Identity) -> None:
    session, other = await _open(identity), await _open(identity)

    async def end(tx: Connection) -> tuple[list[bool], list[dict[str, str]]]:
        people_who_ask = (other.user_id, session.user_id, session.user_id, new_id())
        return [
            await sessions.end_session(tx, who, session.id, "signed_out") for who in people_who_ask
        ], await _revocations(tx)

    ended, told = await identity.store.transact(end)
    assert ended == [False, True, False, False]
    assert await _shown(identity, session) == []
    assert [one.id for one in await _shown(identity, other)] == [other.id]
    assert [(one["subject"], one["session_id"], one["reason"]) for one in told] == [
        (str(session.user_id), str(session.id), "signed_out")
    ]


async def test_all_sessions_but_the_one_that_asks_end(identity: Identity) -> None:
    kept = await _open(identity)
    ended = {(await _open(identity, user_id=kept.user_id)).id for _ in range(2)}
    await _open(identity)

    async def end(tx: Connection) -> tuple[int, list[dict[str, str]]]:
        count = await sessions.end_sessions(tx, kept.user_id, "signed_out", except_session=kept.id)
        return count, await _revocations(tx)

    count, told = await identity.store.transact(end)
    assert count == 2
    assert [one.id for one in await _shown(identity, kept)] == [kept.id]
    assert {one["session_id"] for one in told} == {str(one) for one in ended}


async def _revocations(tx: Connection) -> list[dict[str, str]]:
    """The transaction's own, which the relay has not taken yet."""
    rows = await tx.fetch("SELECT payload FROM outbox WHERE type LIKE '%AccessRevoked%' ORDER BY position")
    return [json.loads(row["payload"]) for row in rows]
