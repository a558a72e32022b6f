"""All keys change while the platform works: those that sign tokens, and those that protect what is stored."""

import asyncio
import json
from collections.abc import Iterator

import aiohttp
import asyncpg

from identity.domain.signing_keys import JWKS_CACHE, MARGIN
from local_stack.config import Config
from local_stack.environment import service_environment
from local_stack.services import UPSTREAMS
from servicekit.testkit import canary_phone

from ..platform_kit import forecourt
from .people import People, Session, claims_of

DRIVERS = 3
PLACES = ("/v1/me/vehicles", "/v1/me/favourites", "/v1/me/price-alerts")
"""A driver's own list at each service, by way of the gateway."""


class Drivers:
    """Drivers who refresh their tokens and ask every service, all the time."""

    def __init__(self, people: People, http: aiohttp.ClientSession) -> None:
        self._people, self._http = people, http
        self._phones: Iterator[str] = iter([canary_phone() for _ in range(2 * DRIVERS)])
        self.accounts: dict[str, str] = {}
        self.refused: list[str] = []
        self.asked = 0

    async def drive(self, done: asyncio.Event) -> None:
        """One driver from the first sign-in on, who signs in anew at the end, as does somebody for the first time."""
        phone = next(self._phones)
        session = await self.sign_in(phone)
        while not done.is_set():
            session = await self._people.refresh(session)
            await self._ask(session)
            await asyncio.sleep(0.05)
        await self.sign_in(phone)
        await self.sign_in(next(self._phones))

    async def sign_in(self, phone: str) -> Session:
        """By a code; it is the same account each time."""
        session = await self._people.driver("driver", phone)
        subject = claims_of(session.access_token)["sub"]
        assert self.accounts.setdefault(phone, subject) == subject
        await self._ask(session)
        return session

    async def _ask(self, session: Session) -> None:
        for place in PLACES:
            async with self._http.get(place, headers={"Authorization": session.authorization}) as reply:
                self.asked += 1
                if reply.status != 200:
                    self.refused.append(f"{place}: {reply.status} {await reply.text()}")


async def test_security_40_all_keys_are_rotated_while_people_use_every_service(
    platform: Config, people: People, http: aiohttp.ClientSession
) -> None:
    drivers, done = Drivers(people, http), asyncio.Event()
    load = [asyncio.create_task(drivers.drive(done)) for _ in range(DRIVERS)]
    before = {name: report["current"] for name, report in (await _status(platform)).items()}
    await _ripen_signing_keys(platform)
    await asyncio.gather(
        asyncio.to_thread(forecourt, platform, "clients", "rotate-keys"),
        *(asyncio.to_thread(forecourt, platform, "keys", "rotate", service.name) for service in UPSTREAMS),
    )
    done.set()
    await asyncio.gather(*load)

    assert drivers.refused == []
    assert drivers.asked > 10 * len(PLACES) * DRIVERS
    assert len(set(drivers.accounts.values())) == 2 * DRIVERS
    for name, report in (await _status(platform)).items():
        if name in {service.name for service in UPSTREAMS}:
            assert report["current"] != before[name]
            kept = {kind: count for kind, count in report["uses"].items() if kind.endswith("keys") or kind == "logins"}
            assert {key for count in kept.values() for key in count} <= {report["current"]}, (name, kept)


async def _status(platform: Config) -> dict[str, dict]:
    return json.loads((await asyncio.to_thread(forecourt, platform, "keys", "status", "--json")).stdout)


async def _ripen_signing_keys(platform: Config) -> None:
    """Lets the next signing key be as old as it must be before it may sign: as good as waiting."""
    connection = await asyncpg.connect(service_environment(platform, "identity")["IDENTITY_POSTGRES_DSN"])
    try:
        await connection.execute(
            "UPDATE signing_keys SET published_at = published_at - $1::interval", JWKS_CACHE + MARGIN
        )
    finally:
        await connection.close()
