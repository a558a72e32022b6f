"""A driver takes everything along and is forgotten: in every store, topic, log and trace of a whole platform."""

import io
import json
import secrets
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from analytics.domain.pseudonyms import VIEWS, Pseudonyms
from local_stack.canaries import SERVER_DATABASES, hunt_in_stack, mongo, postgres
from local_stack.config import Config
from local_stack.environment import kafka_credentials, service_environment
from schemas.events import OrderCompletedV1
from schemas.vocabulary import Fuel
from servicekit.ids import new_id
from servicekit.testkit import KafkaProbe, canary_phone, eventually

from ..platform_kit import forecourt
from .operations import Api
from .people import People, Session, claims_of

PLACE = {"lat": 52.520017, "lon": 13.404954}
NOT_RESTORED = {"outbox", "audit_log", "audit_head"}
"""Tables that a test cannot put back to what they were."""
SERVICES = {"analytics", "identity", "loyalty", "payments", "pricing", "stations"}
REMEMBERED = {
    "identity.erasures", "pricing.erasures", "payments.erasures", "loyalty.erasures", "stations.people",
    "analytics.gone", "analytics.people",
}  # fmt: skip
"""Where it stands, by id, that somebody is gone."""
KEPT = {
    "identity.users", "identity.audit_log", "identity.outbox", "loyalty.purchases", "analytics.station_drivers.g1",
    "analytics.station_hours.g1",
}  # fmt: skip


@dataclass
class Leaver:
    """A driver, and all that can be searched for."""

    session: Session
    phone: str
    said: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Of the account."""
        return claims_of(self.session.access_token)["sub"]

    @property
    def headers(self) -> dict[str, str]:
        """With the access token."""
        return {"Authorization": self.session.authorization}


@pytest.fixture(scope="module")
async def station_id(people: People, api: Api) -> str:
    """A station that can be reviewed."""
    operator = f"op-{secrets.token_hex(4)}"
    machine = await people.machine(operator, [operator])
    around = {"operator": operator, "external_id": secrets.token_hex(8)}
    answer = await api.ask(api.operations["post", "/v1/stations"], machine.authorization, around)
    assert answer.status == 201, answer.text
    return answer.document["station_id"]


@pytest.fixture
async def leaver(platform: Config, people: People, http: aiohttp.ClientSession, station_id: str) -> Leaver:
    """Somebody who left something in every service."""
    phone, mark = canary_phone(), secrets.token_hex(6)
    leaver = Leaver(await people.driver("leaver", phone), phone)
    said = {
        "plate": f"CANARY{mark[:6].upper()}", "vehicle": f"canary-car-{mark}", "nickname": f"canary-name-{mark}",
        "note": f"canary-note-{mark}", "review": f"canary-review-{mark}",
        "title": f"canary-title-{mark}",
    }  # fmt: skip
    alert = {"fuel": "e5", "radius_m": 5_000, "threshold_mills": 1, "currency": "EUR"} | PLACE
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/me/vehicles", {"plate": said["plate"], "country": "DE", "name": said["vehicle"]}),
        ("PATCH", "/v1/me", {"nickname": said["nickname"]}),
        ("PUT", "/v1/me/consents", {"document": "marketing", "version": "2026-11-01", "granted": True}),
        ("PUT", f"/v1/me/favourites/{station_id}", {"note": said["note"]}),
        ("POST", f"/v1/stations/{station_id}/reviews", {"stars": 4, "text": said["review"]}),
        ("POST", "/v1/me/price-alerts", alert),
        ("POST", "/v1/invoice-titles", {"kind": "individual", "name": said["title"]}),
    ]
    for method, path, body in requests:
        async with http.request(method, path, json=body, headers=leaver.headers) as reply:
            assert reply.status in {200, 201}, (path, await reply.text())
    leaver.said = said
    await _fuel(platform, leaver, station_id)
    return leaver


async def _fuel(config: Config, leaver: Leaver, station_id: str) -> None:
    """The least order there can be, paid before fuelling: views and loyalty know of it."""
    order = OrderCompletedV1(
        order_id=new_id(), version=4, driver_id=leaver.id, station_id=UUID(station_id), operator="demo-oil",
        pump_id="1", fuel=Fuel.E5, mode="prepaid", price_mills=1_700, currency="EUR", paid_minor=1, used_minor=1,
        volume_ml=1, method="wechat",
        occurred_at=datetime.now(UTC),
    )  # fmt: skip
    await KafkaProbe(kafka_credentials(config, "payments")).publish(order)

    async def known() -> bool:
        return any((await _documents_naming(config, leaver.id)).get("analytics.driver_months.g1", ()))

    await eventually(known, timeout_seconds=60.0)


async def _archive(http: aiohttp.ClientSession, leaver: Leaver) -> dict[str, str]:
    """The archive's files."""
    async with http.post("/v1/me/export", headers=leaver.headers) as reply:
        export = await reply.json()
        assert reply.status == 202, export

    async def ready() -> str | None:
        async with http.get(f"/v1/me/export/{export['export_id']}", headers=leaver.headers) as reply:
            return (await reply.json())["archive_url"]

    url = await eventually(ready, timeout_seconds=60.0)
    assert url is not None
    async with http.get(url, headers=leaver.headers) as reply:
        assert (reply.status, reply.content_type) == (200, "application/zip")
        with zipfile.ZipFile(io.BytesIO(await reply.read())) as files:
            return {name: files.read(name).decode() for name in files.namelist()}


async def _erase(http: aiohttp.ClientSession, leaver: Leaver) -> None:
    async with http.delete("/v1/me", params={"confirm": "erase"}, headers=leaver.headers) as reply:
        assert reply.status == 204, await reply.text()


async def _until_gone(config: Config, leaver: Leaver) -> None:
    """Pricing and stations have heard of it, and have nothing any more."""

    async def gone() -> bool:
        async with postgres(config) as connection:
            rows = await _rows_naming(connection, leaver.id)
        documents = await _documents_naming(config, leaver.id)
        left = {place for place, found in {**rows, **documents}.items() if found}
        return REMEMBERED <= left <= REMEMBERED | KEPT

    await eventually(gone, timeout_seconds=60.0)


async def _rows_naming(connection: asyncpg.Connection, user_id: str) -> dict[str, list[asyncpg.Record]]:
    """The rows of every table in which the id is."""
    tables = await connection.fetch(
        """SELECT schemaname || '.' || tablename FROM pg_tables
           WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"""
    )
    return {
        table: await connection.fetch(f"SELECT * FROM {table} t WHERE t::text LIKE $1", f"%{user_id}%")  # noqa: S608
        for [table] in tables
    }


async def _documents_naming(config: Config, user_id: str) -> dict[str, list[dict[str, Any]]]:
    """The documents of every collection in which the id is, or the name that analytics has for it."""
    found: dict[str, list[dict[str, Any]]] = {}
    key = service_environment(config, "analytics")["ANALYTICS_PSEUDONYM_KEY"]
    pseudonym = Pseudonyms(key, VIEWS).of(user_id)
    names = (user_id, pseudonym.hex(), str(pseudonym))
    with mongo(config) as client:
        for database in set(await client.list_database_names()) - SERVER_DATABASES:
            for name in await client[database].list_collection_names():
                documents = await client[database][name].find().to_list(None)
                found[f"{database}.{name}"] = [one for one in documents if any(name in str(one) for name in names)]
    return found


async def test_security_42_a_driver_takes_everything_along_and_leaves_nothing(
    platform: Config, http: aiohttp.ClientSession, leaver: Leaver
) -> None:
    files = await _archive(http, leaver)
    assert {f"{service}.json" for service in SERVICES} <= files.keys()
    everything = "\n".join(files.values())
    assert [what for what, text in leaver.said.items() if text not in everything] == []
    assert leaver.phone in files["identity.json"]
    assert json.loads(files["pricing.json"])["price_alerts"][0].items() >= PLACE.items()
    await _erase(http, leaver)
    await _until_gone(platform, leaver)
    known = [leaver.phone, leaver.phone.removeprefix("+"), *leaver.said.values()]
    leaks = await hunt_in_stack(platform, known, everywhere=True)
    assert [leak for leak in leaks if any(value in leak.text for value in known)] == []
    report = json.loads(forecourt(platform, "personal-data", "report", leaver.id, "--json").stdout)["services"]
    assert {one["service"] for one in report} == SERVICES
    assert all(one["erased_at"] and not one["left"] for one in report), report


async def test_the_search_would_have_found_the_driver(platform: Config, leaver: Leaver) -> None:
    """What is sealed is not found, and what is not is: the places of the alerts, which are deleted."""
    leaks = await hunt_in_stack(platform, [str(PLACE["lat"])], everywhere=True)
    assert any(leak.place.startswith("pricing.price_alerts") for leak in leaks)


async def test_security_42_restored_databases_forget_again(
    platform: Config, http: aiohttp.ClientSession, leaver: Leaver
) -> None:
    async with postgres(platform) as connection:
        rows = await _rows_naming(connection, leaver.id)
        documents = await _documents_naming(platform, leaver.id)
        assert all(rows[table] for table in ("identity.vehicles", "identity.logins", "pricing.price_alerts"))
        assert sum(map(len, documents.values())) >= 3
        await _erase(http, leaver)
        await _until_gone(platform, leaver)
        await _put_back(connection, rows, leaver.id)
    await _put_documents_back(platform, documents, leaver.id)
    still = forecourt(platform, "personal-data", "report", leaver.id, "--json", check=False)
    assert still.returncode == 1
    assert all(one["left"] for one in json.loads(still.stdout)["services"]), still.stdout
    told = json.loads(forecourt(platform, "personal-data", "reapply-erasures", "--json").stdout)
    assert told["had_come_back"] == 1
    await _until_gone(platform, leaver)
    forecourt(platform, "personal-data", "report", leaver.id)


async def _put_back(connection: asyncpg.Connection, rows: dict[str, list[asyncpg.Record]], user_id: str) -> None:
    """As a restore would: also what the services know of the erasure is gone, but for the inbox."""
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")  # rows come in any order
        for table, found in rows.items():
            schema, name = table.split(".")
            if name in NOT_RESTORED:
                continue
            named = f"FROM {table} t WHERE t::text LIKE $1"
            if await connection.fetchval(f"SELECT EXISTS (SELECT {named})", f"%{user_id}%"):
                await connection.execute(f"DELETE {named}", f"%{user_id}%")
            if found:
                columns = list(found[0].keys())
                await connection.copy_records_to_table(name, schema_name=schema, records=found, columns=columns)


async def _put_documents_back(config: Config, documents: dict[str, list[dict[str, Any]]], user_id: str) -> None:
    """As a restore would: what has come to name the person since is gone, and what did is back."""
    since = await _documents_naming(config, user_id)
    with mongo(config) as client:
        for place, found in since.items():
            database, _, name = place.partition(".")
            await client[database][name].delete_many({"_id": {"$in": [one["_id"] for one in found]}})
        for place, found in documents.items():
            database, _, name = place.partition(".")
            for document in found:
                await client[database][name].replace_one({"_id": document["_id"]}, document, upsert=True)
