"""Staff who can sign in, for tests of what they do."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
from pyotp.totp import TOTP

from identity.domain.caller import Caller
from identity.domain.people import SignedIn, StaffRole
from identity.domain.totp import STEP_SECONDS
from identity.repository import apps
from identity.use_cases import sessions
from identity.use_cases.passwords import METHODS, check_password, check_second_factor
from identity.use_cases.staff_commands import make_staff
from servicekit.access import Role
from servicekit.ids import new_id
from servicekit.postgres import Connection

from .conftest import Identity

CONSOLE = "forecourt-console"
PASSWORD = "seven green pumps at noon"
HOME, STRANGER = Caller("203.0.113.7"), Caller("198.51.100.66")


def role(name: str, *operators: str, stations: tuple[UUID, ...] = ()) -> StaffRole:
    """A role at these places."""
    return StaffRole(Role(name), operators, stations)


def new_address() -> str:
    """An e-mail address that nobody has."""
    return f"{uuid4().hex}@canary-forecourt.example"


@dataclass(frozen=True)
class Staff:
    """A staff member with a session of the console."""

    user_id: UUID
    email: str
    secret: str
    recovery_codes: list[str]
    session_id: UUID
    refresh_token: str
    headers: dict[str, str]

    def code(self, steps: int = 0) -> str:
        """What the authenticator app shows, or showed or will show some steps away."""
        return code_of(self.secret, steps)


def code_of(secret: str, steps: int = 0) -> str:
    """An app's code of now, or some steps away."""
    return TOTP(secret).generate_otp(int(time.time()) // STEP_SECONDS + steps)


async def new_staff(identity: Identity, *roles: StaffRole) -> Staff:
    """A new staff member, signed in just now."""
    made = await make_staff(identity.process, new_address(), PASSWORD, "canary-ada", roles, replace_existing=False)

    async def work(tx: Connection) -> tuple[UUID, str]:
        app = await apps.find_app(tx, CONSOLE)
        assert app is not None
        signed_in = SignedIn(made.user_id, METHODS, datetime.now(UTC))
        session = await sessions.open_session(identity.process, tx, signed_in, app, HOME, "canary-till")
        return session.id, session.refresh_token

    session_id, refresh_token = await identity.store.transact(work)
    token = (await refresh(identity, refresh_token)).json()
    return Staff(
        made.user_id, made.email, made.enrolment.secret, made.recovery_codes, session_id, token["refresh_token"],
        {"Authorization": f"Bearer {token['access_token']}"},
    )  # fmt: skip


async def refresh(identity: Identity, token: str) -> httpx.Response:
    """The answer to a refresh."""
    form = {"grant_type": "refresh_token", "client_id": CONSOLE, "refresh_token": token}
    return await identity.client.post("/v1/oauth/token", data=form)


async def sign_in(
    identity: Identity, email: str, password: str, code: str, caller: Caller = HOME
) -> SignedIn:  # fmt: skip
    """The whole sign-in."""
    step = await check_password(identity.process, email, password, caller)
    return await check_second_factor(identity.process, step.id, code, caller)


async def new_station(identity: Identity, operator: str) -> UUID:
    """A station that identity has learnt of."""
    station = new_id()
    await identity.sql("INSERT INTO known_stations VALUES ($1, $2, 1)", station, operator)
    return station


async def forget_steps(identity: Identity) -> None:
    """Lets the codes used so far be long ago."""
    await identity.sql("UPDATE credentials SET totp_last_step = 0")
