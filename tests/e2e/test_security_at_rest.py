"""What lies in the databases: nobody's number, address, id at a platform, plate or name, however it is written."""

import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import asyncpg
import pytest

from forecourt.sign_in import SignIns
from identity.repository.key_rotation import FADING, USES
from local_stack import keyrings
from local_stack.canaries import SERVER_DATABASES, Hunt, mongo, postgres
from local_stack.config import Config
from local_stack.services import SERVICE_BY_NAME
from servicekit.keyring import parse_keys
from servicekit.testkit import canary_phone

from .people import People, Session

LISTED_ELSEWHERE = frozenset(USES.values()) | FADING


class Somebodies:
    """People of each kind, who leave in the database whatever such people leave there."""

    def __init__(self, config: Config, people: People, http: aiohttp.ClientSession) -> None:
        self._config, self._people, self._http = config, people, http
        self._mark = secrets.token_hex(4)
        self.known: list[str] = []

    async def come(self) -> None:
        """All of them."""
        await self._driver()
        await self._waiting()
        await self._at_platforms()
        await self._staff()

    async def _driver(self) -> None:
        phone = self._note(canary_phone())
        self._note(phone.removeprefix("+86"))
        driver = await self._people.driver("driver", phone)
        plate = f"沪ACANARY{secrets.randbelow(100):02}"
        await self._ask(driver, "PATCH", "/v1/me", {"nickname": self._note(f"canary-nick-{self._mark}")})
        vehicle = {"plate": plate, "country": "DE", "name": self._note(f"canary-car-{self._mark}")}
        made = await self._ask(driver, "POST", "/v1/me/vehicles", vehicle, {"Idempotency-Key": secrets.token_hex(8)})
        self._note(made["plate"])

    async def _waiting(self) -> None:
        """Somebody who has asked for a code and not come back."""
        asked = {"phone": self._note(canary_phone()), "device_id": self._note(f"canary-device-{self._mark}")}
        async with self._http.post("/v1/otp-requests", json=asked) as reply:
            assert reply.status == 202, await reply.text()

    async def _at_platforms(self) -> None:
        sign_ins = SignIns(self._config, self._http)
        await sign_ins.driver_with_wechat(self._note(f"canary-wechat-{self._mark}"))
        logins = f"{SERVICE_BY_NAME['simulators'].url(self._config)}/control/alipay/logins"
        async with self._http.post(logins, json={"open_id": self._note(f"canary-alipay-{self._mark}")}) as reply:
            login = await reply.json()
        await sign_ins.token("forecourt-app", "urn:forecourt:grant:alipay", auth_code=login["auth_code"])

    async def _staff(self) -> None:
        """An owner, who signed in, and somebody who was invited and has not come."""
        hired = await self._people.hire(f"owner-{self._mark}", ["owner"], [f"operator-{self._mark}"])
        self._note(hired.email)
        self._note(f"canary-owner-{self._mark}")
        owner = await self._people.sign_in("owner", hired)
        invited = self._note(f"canary-invited-{self._mark}@canary-forecourt.example")
        where = {"role": "attendant", "operators": [f"operator-{self._mark}"]}
        await self._ask(owner, "POST", "/v1/staff", {"email": invited} | where)

    async def _ask(
        self, who: Session, method: str, path: str, body: dict[str, Any], more: dict[str, str] | None = None
    ) -> Any:
        headers = {"Authorization": who.authorization} | (more or {})
        async with self._http.request(method, path, json=body, headers=headers) as reply:
            assert reply.status < 300, await reply.text()
            return await reply.json(content_type=None)

    def _note(self, value: str) -> str:
        self.known.append(value)
        return value


@pytest.fixture(scope="module")
async def somebodies(platform: Config, people: People, http: aiohttp.ClientSession) -> Somebodies:
    made = Somebodies(platform, people, http)
    await made.come()
    return made


@pytest.fixture
async def database(platform: Config) -> AsyncIterator[asyncpg.Connection]:
    async with postgres(platform) as connection:
        yield connection


async def test_security_39_nothing_of_a_person_lies_open_in_a_database(
    platform: Config, somebodies: Somebodies, database: asyncpg.Connection
) -> None:
    hunt = Hunt(somebodies.known)
    await hunt.postgres(database)
    with mongo(platform) as client:
        for name in set(await client.list_database_names()) - SERVER_DATABASES:
            await hunt.mongo(client[name])
    assert hunt.leaks == []
    for table in ("logins", "personal_keys", "vehicles", "otp_requests", "invitations", "credentials", "sessions"):
        assert await database.fetchval(f"SELECT count(*) FROM identity.{table}"), f"nobody left anything in {table}"  # noqa: S608 - constants


async def test_security_39_hash_without_a_key_would_be_found(
    somebodies: Somebodies, database: asyncpg.Connection
) -> None:
    phone, hunt = somebodies.known[0], Hunt(somebodies.known)
    transaction = database.transaction()
    await transaction.start()
    await database.execute("ALTER TABLE identity.users ADD COLUMN found_by bytea")
    await database.execute("UPDATE identity.users SET found_by = sha256($1)", phone.encode())
    await hunt.postgres(database, ["users"])
    await transaction.rollback()
    assert {leak.place for leak in hunt.leaks} == {"identity.users.found_by"}


async def test_security_40_rotation_knows_every_column_that_the_key_ring_made(
    platform: Config, somebodies: Somebodies, database: asyncpg.Connection
) -> None:
    """A column that it did not know would be lost with the key that made it."""
    ids = parse_keys(keyrings.path(platform, "identity").read_text()).by_id
    rows = await database.fetch(
        """SELECT table_name, column_name, data_type FROM information_schema.columns JOIN pg_tables
           ON tablename = table_name AND schemaname = table_schema WHERE table_schema = 'identity'"""
    )
    found = set()
    for table, column, _ in rows:
        values = await database.fetch(f'SELECT "{column}" AS value FROM identity."{table}"')  # noqa: S608 - the catalogue's names
        if any(_made_by(ids, row["value"]) for row in values):
            found.add((table, column))
    assert found >= {("logins", "hash"), ("personal_keys", "sealed_key"), ("signing_keys", "sealed_private")}
    assert found <= LISTED_ELSEWHERE


def _made_by(ids: Any, value: Any) -> bool:
    if isinstance(value, bytes):
        return value[:8] in ids
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return any(one.hex() in text for one in ids)
