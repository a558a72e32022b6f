"""People with an account and a token, for tests of what they do with it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from identity.domain.caller import Caller
from identity.domain.people import LoginKind, SignedIn
from identity.repository import apps
from identity.use_cases import people, sessions
from identity.use_cases.context import Identity as Process
from servicekit.access import Role, permissions_of
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.testkit import canary_phone

from .conftest import Identity

APP = "forecourt-app"


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in."""

    id: UUID
    phone: str
    session_id: UUID
    headers: dict[str, str]


async def sign_in(identity: Identity, phone: str | None = None, device: str = "canary-device") -> Person:
    """A driver who has just proved this phone, a new one by default, and got a token."""
    process, phone = identity.process, phone or canary_phone()

    async def work(tx: Connection) -> tuple[UUID, UUID]:
        user = await people.find_or_register_driver(process, tx, LoginKind.PHONE, phone)
        app = await apps.find_app(tx, APP)
        assert app is not None
        signed_in = SignedIn(user.id, ("otp", "sms"), datetime.now(UTC))
        session = await sessions.open_session(process, tx, signed_in, app, Caller("203.0.113.7"), device)
        return user.id, session.id

    user_id, session_id = await identity.store.transact(work)
    return Person(user_id, phone, session_id, await bearer(process, user_id, session_id))


async def bearer(
    process: Process, user_id: UUID, session_id: UUID, roles: Sequence[Role] = (Role.DRIVER,), **claims: Any
) -> dict[str, str]:
    """The Authorization header with a person's token; keyword arguments replace claims."""
    now, settings = int(time.time()), process.settings
    standard = {
        "iss": settings.issuer, "aud": settings.audience, "sub": str(user_id), "client_id": APP, "iat": now,
        "exp": now + 600, "jti": str(new_id()), "scope": " ".join(sorted(permissions_of(roles))), "roles": list(roles),
        "sid": str(session_id), "auth_time": now, "access_version": 1,
    }  # fmt: skip
    return {"Authorization": f"Bearer {await process.signer.sign(standard | claims)}"}
