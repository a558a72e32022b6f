"""People and machines who sign in to a running platform as the real ones do."""

import asyncio
import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg

from forecourt.clients import ensure_client
from forecourt.sign_in import APP, GRANT, TOKEN, SignIns
from forecourt.sign_in import Session as SignedIn
from forecourt.staff import SignIn
from identity.domain.people import StaffRole
from identity.settings import Settings
from identity.use_cases.context import Identity
from identity.use_cases.staff_commands import make_staff
from local_stack.config import Config
from local_stack.environment import service_environment
from servicekit.access import MACHINE_SCOPES, STATION_ROLES, Role
from servicekit.postgres import PostgresStore
from servicekit.testkit import canary_phone, settings_from

from ..platform_kit import forecourt


@dataclass
class Session:
    """Somebody who is signed in; a machine has no refresh token."""

    name: str
    access_token: str
    refresh_token: str | None = None
    app: str = ""
    scope: str = ""

    @property
    def authorization(self) -> str:
        """The header's value."""
        return f"Bearer {self.access_token}"


class People:
    """Signs people and machines in at one platform."""

    def __init__(self, config: Config, http: aiohttp.ClientSession) -> None:
        self.config = config
        self._http = http
        self._sign_ins = SignIns(config, http)

    async def driver(self, name: str, phone: str | None = None) -> Session:
        """A driver, new unless the phone is known, signed in by a code that came by SMS."""
        return _named(name, await self._sign_ins.driver(phone or canary_phone()))

    async def driver_by_wechat(self, name: str, js_code: str) -> Session:
        """The driver whom WeChat knows by this code, new unless the person is known."""
        return _named(name, await self._sign_ins.token(APP, f"{GRANT}wechat", js_code=js_code))

    async def staff(
        self, name: str, roles: Sequence[str], operators: Sequence[str] = (), stations: Sequence[str] = ()
    ) -> Session:
        """A new staff member with these roles, signed in by password and second factor."""
        return await self.sign_in(name, await self.hire(name, roles, operators, stations))

    async def hire(
        self, name: str, roles: Sequence[str], operators: Sequence[str] = (), stations: Sequence[str] = ()
    ) -> SignIn:
        """What a new staff member signs in with; made as `forecourt staff create` does, without a process for each."""
        email, password = f"{name}-{secrets.token_hex(6)}@canary-forecourt.example", secrets.token_urlsafe(18)
        places = tuple(operators), tuple(map(UUID, stations))
        held = [StaffRole(Role(role), *(places if role in STATION_ROLES else ((), ()))) for role in roles]
        settings = settings_from(Settings, service_environment(self.config, "identity"))
        async with PostgresStore.connect(settings) as store:
            identity = Identity(settings, store)
            made = await make_staff(identity, email, password, f"canary-{name}", held, replace_existing=False)
        return SignIn(str(made.user_id), made.email, password, made.enrolment.secret)

    async def sign_in(self, name: str, who: SignIn) -> Session:
        """Signs a staff member in at the pages of the authorization server, as the console does."""
        return _named(name, await self._sign_ins.staff(who))

    async def dismiss(self, who: SignIn) -> None:
        """Takes all roles away from a staff member."""
        await asyncio.to_thread(forecourt, self.config, "staff", "remove", who.user_id)

    async def machine(self, name: str, operators: Sequence[str] = (), stations: Sequence[str] = ()) -> Session:
        """A station system that may all that one may."""
        made = await asyncio.to_thread(
            ensure_client, self.config, f"test-{name}", MACHINE_SCOPES, operators, list(stations)
        )
        headers = {"Authorization": aiohttp.encode_basic_auth(*made)}
        async with self._http.post(TOKEN, data={"grant_type": "client_credentials"}, headers=headers) as reply:
            answer = await reply.json()
            assert reply.status == 200, answer
        return Session(name, answer["access_token"], scope=answer["scope"])

    async def refresh(self, session: Session) -> Session:
        """The same person a little later."""
        answer = await self._sign_ins.token(session.app, "refresh_token", refresh_token=session.refresh_token or "")
        return _named(session.name, answer)

    async def stale(self, session: Session) -> Session:
        """The same person, who signed in an hour ago."""
        connection = await asyncpg.connect(service_environment(self.config, "identity")["IDENTITY_POSTGRES_DSN"])
        try:
            changed = await connection.execute(
                "UPDATE sessions SET authenticated_at = authenticated_at - interval '1 hour' WHERE id = $1",
                claims_of(session.access_token)["sid"],
            )
        finally:
            await connection.close()
        assert changed == "UPDATE 1"
        return await self.refresh(session)


def _named(name: str, one: SignedIn) -> Session:
    return Session(name, one.access_token, one.refresh_token, one.app, one.scope)


def claims_of(token: str) -> dict[str, Any]:
    """What an access token says, unchecked."""
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
