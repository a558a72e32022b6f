"""Erasing a person: nothing is left, nothing comes in late, and a restored database forgets again."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from identity.domain.caller import Caller
from identity.domain.oauth import OAuthError
from identity.domain.people import SignedIn
from identity.providers.people_topic import Gone, read_gone
from identity.repository import apps
from identity.repository.erasures import ERASED_TABLES, KEPT_COLUMNS
from identity.settings import Settings
from identity.use_cases import erasure, erasure_proof, otp, sessions
from identity.use_cases.exports import collect_next
from identity.use_cases.merging import MOVES, merge_again
from local_stack.config import Config
from local_stack.environment import kafka_credentials, service_environment
from local_stack.secrets import KAFKA_ADMIN
from schemas.events import UserErasedV1, UserMergedV1, UserRegisteredV1
from servicekit.auth import Verifier
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.testkit import KafkaProbe, eventually

from .account_kit import Person, sign_in
from .conftest import Identity
from .other_services_kit import NAMES, Others, running_others


@pytest.fixture
async def others() -> AsyncIterator[Others]:
    async with running_others() as others:
        yield others


@pytest.fixture
async def settings(settings: Settings, others: Others) -> Settings:
    """Of a service that asks the test's own services."""
    chosen = settings.model_copy(update={"personal_data_urls": others.urls})
    others.verifier = Verifier(chosen)
    return chosen


async def _person_with_everything(identity: Identity) -> Person:
    """Somebody of whom there is a row in every table that drivers have rows in."""
    anna = await sign_in(identity)
    post, headers = identity.client.post, anna.headers
    await post("/v1/me/vehicles", json={"plate": "B-CANARY1", "country": "DE"}, headers=headers)
    consent = {"document": "marketing", "version": "2026-11-01", "granted": True}
    await identity.client.put("/v1/me/consents", json=consent, headers=headers)
    await identity.client.patch("/v1/me", json={"nickname": "canary-anna"}, headers=headers)
    await post("/v1/me/export", headers=headers)
    await collect_next(identity.process)
    await otp.request_code(identity.process, anna.phone, "canary-device", Caller("203.0.113.7"))
    return anna


async def _erase(identity: Identity, person: Person) -> None:
    reply = await identity.client.delete("/v1/me?confirm=erase", headers=person.headers)
    assert reply.status_code == 204, reply.text


async def _rows_naming(identity: Identity, user_id: UUID) -> dict[str, int]:
    """How many rows of each table have the id in any column."""
    tables = await identity.sql(
        "SELECT array_agg(tablename::text) FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'outbox'"
    )
    found = {
        table: await identity.sql(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE $1', f"%{user_id}%")  # noqa: S608
        for table in tables
    }
    return {table: count for table, count in found.items() if count}


async def test_security_42_erasing_leaves_nothing_of_a_person(identity: Identity) -> None:
    anna, bert = await _person_with_everything(identity), await _person_with_everything(identity)
    before = await _rows_naming(identity, anna.id)
    assert before.keys() >= {"users", "logins", "vehicles", "consents", "exports", "sessions", "personal_keys"}
    berts_code = await identity.sql("SELECT id FROM otp_requests ORDER BY id DESC LIMIT 1")
    await _erase(identity, anna)
    assert (await _rows_naming(identity, anna.id)).keys() == {"users", "erasures", "audit_log"}
    assert (
        await identity.sql("SELECT state || coalesce(profile::text, '') FROM users WHERE id = $1", anna.id) == "erased"
    )
    assert await identity.sql("SELECT array_agg(id) FROM otp_requests") == [berts_code]
    of_others = "SELECT count(*) FROM sms_messages WHERE otp_request_id IS DISTINCT FROM $1"
    assert await identity.sql(of_others, berts_code) == 0
    assert await _rows_naming(identity, bert.id) == before, "the other keeps everything"
    counts = json.loads(await identity.sql("SELECT erased::text FROM erasures WHERE subject = $1", str(anna.id)))
    assert (
        counts.items() >= {"vehicles": 1, "consents": 1, "exports": 1, "sessions": 1, "logins": 1, "codes": 1}.items()
    )
    assert counts["data_keys"] == counts["profiles"] == 1


async def test_security_42_what_a_backup_has_cannot_be_read_any_more(identity: Identity) -> None:
    anna = await _person_with_everything(identity)
    async with identity.store.connection() as connection:
        backup = await connection.fetch("SELECT id, user_id, sealed, is_default, created_at FROM vehicles")
        keys = await identity.process.vault.boxes(connection, [str(anna.id)])
        assert keys
    await _erase(identity, anna)
    async with identity.store.connection() as connection:
        assert await identity.process.vault.boxes(connection, [str(anna.id)]) == {}
    assert "CANARY" not in str(backup).upper()


async def test_everyone_is_told_and_the_token_is_refused_at_once(identity: Identity, infrastructure: Config) -> None:
    anna = await sign_in(identity)
    await _erase(identity, anna)

    async def refused() -> bool:
        return (await identity.client.get("/v1/me", headers=anna.headers)).status_code == 401

    await eventually(refused)
    gone = await _published(identity, anna.id)
    assert gone.version == 2


async def _published(identity: Identity, user_id: UUID) -> UserErasedV1:
    async def told() -> UserErasedV1 | None:
        return (await read_gone(identity.settings)).erased.get(user_id)

    found = await eventually(told)
    assert found is not None
    return found


async def test_the_phone_makes_a_new_account_afterwards(identity: Identity) -> None:
    anna = await sign_in(identity)
    await _erase(identity, anna)
    again = await sign_in(identity, anna.phone)
    assert again.id != anna.id
    account = (await identity.client.get("/v1/me", headers=again.headers)).json()
    assert account["profile"]["nickname"] is None


async def test_it_must_be_meant(identity: Identity) -> None:
    anna = await sign_in(identity)
    for query in ("", "?confirm=yes", "?confirm="):
        assert (await identity.client.delete(f"/v1/me{query}", headers=anna.headers)).status_code == 422
    assert (await identity.client.get("/v1/me", headers=anna.headers)).status_code == 200


async def test_staff_are_removed_by_whoever_manages_them_first(identity: Identity) -> None:
    anna = await sign_in(identity)
    await identity.sql(
        "INSERT INTO staff_roles (user_id, role, operators, changed_at) VALUES ($1, 'manager', '{aral}', now())",
        anna.id,
    )
    reply = await identity.client.delete("/v1/me?confirm=erase", headers=anna.headers)
    assert (reply.status_code, reply.json()["type"]) == (409, "urn:forecourt:problem:still-staff")
    assert await identity.sql("SELECT state FROM users WHERE id = $1", anna.id) == "active"


async def test_of_two_requests_one_erases(identity: Identity) -> None:
    anna = await _person_with_everything(identity)
    replies = await asyncio.gather(
        *(identity.client.delete("/v1/me?confirm=erase", headers=anna.headers) for _ in range(4))
    )
    assert sorted(reply.status_code for reply in replies) == [204, 401, 401, 401]
    assert await identity.sql("SELECT count(*) FROM audit_log WHERE action = 'erased'") == 1


@asynccontextmanager
async def _erasing(identity: Identity, user_id: UUID) -> AsyncIterator[None]:
    """An erasure that has done its work and commits at the end of the block."""
    async with identity.store.connection() as connection, connection.transaction():
        await erasure.erase_account(identity.process, connection, user_id, str(user_id))
        yield


LATE: list[tuple[str, str, Any]] = [
    ("POST", "/v1/me/vehicles", {"plate": "B-CANARY2", "country": "DE"}), ("PATCH", "/v1/me", {"locale": "en"}),
    ("PUT", "/v1/me/consents", {"document": "marketing", "version": "2026-11-01", "granted": True}),
    ("POST", "/v1/me/export", None), ("GET", "/v1/me", None), ("GET", "/v1/me/vehicles", None),
]  # fmt: skip


async def test_what_comes_while_a_person_is_erased_finds_nobody(identity: Identity) -> None:
    for method, path, body in LATE:
        anna = await _person_with_everything(identity)
        async with _erasing(identity, anna.id):
            late = asyncio.create_task(identity.client.request(method, path, json=body, headers=anna.headers))
            await eventually(lambda: _waits(identity))
        assert (await late).status_code == 401, path
        assert (await _rows_naming(identity, anna.id)).keys() == {"users", "erasures", "audit_log"}, path


async def _waits(identity: Identity) -> bool:
    return await identity.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") > 0


async def test_a_sign_in_that_was_proved_before_opens_no_session_of_somebody_erased(identity: Identity) -> None:
    anna = await sign_in(identity)

    async def open_late(tx: Connection) -> None:
        app = await apps.find_app(tx, "forecourt-app")
        assert app is not None
        signed_in = SignedIn(anna.id, ("otp",), datetime.now(UTC))
        await sessions.open_session(identity.process, tx, signed_in, app, Caller("203.0.113.7"))

    async with _erasing(identity, anna.id):
        late = asyncio.create_task(identity.store.transact(open_late))
        await eventually(lambda: _waits(identity))
    with pytest.raises(OAuthError, match="closed"):
        await late
    assert (await _rows_naming(identity, anna.id)).keys() == {"users", "erasures", "audit_log"}


async def test_an_erasure_that_dies_before_its_end_has_done_nothing(identity: Identity) -> None:
    anna = await _person_with_everything(identity)
    before = await _rows_naming(identity, anna.id)
    with pytest.raises(ZeroDivisionError):
        async with _erasing(identity, anna.id):
            raise ZeroDivisionError
    assert await _rows_naming(identity, anna.id) == before
    assert (await identity.client.get("/v1/me", headers=anna.headers)).status_code == 200


async def test_accounts_that_were_merged_into_one_go_with_it(identity: Identity) -> None:
    anna, bert = await sign_in(identity), await _person_with_everything(identity)

    async def merge(tx: Connection) -> None:
        for move in MOVES:
            await move(identity.process, tx, bert.id, anna.id)
        await identity.process.vault.shred(tx, str(bert.id))
        await tx.execute(
            "UPDATE users SET state = 'merged', merged_into = $2, profile = NULL, ended_at = now() WHERE id = $1",
            bert.id, anna.id,
        )  # fmt: skip

    await identity.store.transact(merge)
    await _erase(identity, anna)
    for one in (anna, bert):
        assert (await _rows_naming(identity, one.id)).keys() <= {"users", "erasures", "audit_log"}
        await _published(identity, one.id)


async def test_every_table_that_names_a_person_is_erased_or_says_why_it_is_kept(identity: Identity) -> None:
    """A new table of people's things cannot be forgotten: this fails until it is in one of the two lists."""
    rows = await identity.sql(
        """SELECT array_agg(DISTINCT ARRAY[table_name::text, column_name::text]) FROM (
               SELECT c.table_name, c.column_name FROM information_schema.columns c
               WHERE c.table_schema = current_schema() AND c.column_name = 'user_id'
               UNION
               SELECT r.conrelid::regclass::text, a.attname FROM pg_constraint r
               JOIN pg_attribute a ON a.attrelid = r.conrelid AND a.attnum = ANY(r.conkey)
               WHERE r.contype = 'f' AND r.confrelid = 'users'::regclass
           ) AS named"""
    )
    named = {tuple(row) for row in rows}
    kept = {tuple(name.split(".")) for name in KEPT_COLUMNS}
    cascading = {("recovery_codes", "user_id")}
    assert named - kept - cascading == {(table, "user_id") for table in ERASED_TABLES}


def test_that_one_was_erased_is_the_last_word() -> None:
    one, other, now = new_id(), new_id(), datetime.now(UTC)
    erased = UserErasedV1(user_id=one, version=3, occurred_at=now)
    merged = UserMergedV1(user_id=one, version=2, into_user_id=other, occurred_at=now)
    for events in ((merged, erased), (erased, merged)):
        gone = Gone()
        for event in (UserRegisteredV1(user_id=other, version=1, kind="driver", occurred_at=now), *events, None):
            gone.take(event)
        assert (gone.erased, gone.merged) == ({one: erased}, {})


TABLES = ("users", "logins", "vehicles", "consents", "sessions", "personal_keys")


async def _dump(identity: Identity) -> dict[str, list[asyncpg.Record]]:
    async with identity.store.connection() as connection:
        return {table: await connection.fetch(f"SELECT * FROM {table}") for table in TABLES}  # noqa: S608


async def _restore(identity: Identity, dump: dict[str, list[asyncpg.Record]]) -> None:
    async with identity.store.connection() as connection, connection.transaction():
        await connection.execute(f"TRUNCATE {', '.join(TABLES)}, erasures CASCADE")
        for table, rows in dump.items():
            if rows:
                await connection.copy_records_to_table(table, records=rows, columns=list(rows[0].keys()))


def _command(identity: Identity, infrastructure: Config, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = service_environment(infrastructure, "identity") | {
        "IDENTITY_ISSUER": identity.settings.issuer, "IDENTITY_JWKS_URL": identity.settings.jwks_url,
        "IDENTITY_PERSONAL_DATA_URLS": json.dumps(identity.settings.personal_data_urls),
    }  # fmt: skip
    python_path = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
    return subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-m", "identity.commands", *arguments], env=environment | python_path, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip


async def test_security_42_a_restored_database_forgets_again(
    identity: Identity, infrastructure: Config, others: Others
) -> None:
    anna, bert = await _person_with_everything(identity), await sign_in(identity)
    dump = await _dump(identity)
    await _erase(identity, anna)
    first = await _published(identity, anna.id)
    await _restore(identity, dump)
    assert (await _rows_naming(identity, anna.id)).keys() >= {"logins", "vehicles", "personal_keys"}
    result = await asyncio.to_thread(_command, identity, infrastructure, "reapply-erasures", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["had_come_back"] == 1
    assert (await _rows_naming(identity, anna.id)).keys() == {"users", "erasures", "audit_log"}
    assert await identity.sql("SELECT state FROM users WHERE id = $1", bert.id) == "active"

    async def told_again() -> bool:
        messages = await KafkaProbe(kafka_credentials(infrastructure, KAFKA_ADMIN)).read("identity.users")
        events = [
            one for one in messages if one.key == str(anna.id).encode() and "UserErased" in one.headers["ce_type"]
        ]
        return len(events) == 2 and len({one.headers["ce_id"] for one in events}) == 2

    await eventually(told_again)
    assert (await _published(identity, anna.id)).version > first.version
    again = await asyncio.to_thread(_command, identity, infrastructure, "reapply-erasures", "--json")
    assert json.loads(again.stdout)["had_come_back"] == 0


async def test_a_restored_database_merges_again(identity: Identity, infrastructure: Config) -> None:
    anna, bert, chris = [await sign_in(identity) for _ in range(3)]
    dump = await _dump(identity)
    chain = [(anna.id, bert.id), (bert.id, chris.id)]
    for told in [UserMergedV1(user_id=a, into_user_id=b, version=4, occurred_at=datetime.now(UTC)) for a, b in chain]:
        assert await identity.store.transact(lambda tx, told=told: merge_again(identity.process, tx, told))
    await eventually(lambda: _all_merged(identity, {anna.id: bert.id, bert.id: chris.id}))
    await _restore(identity, dump)
    result = await asyncio.to_thread(_command, identity, infrastructure, "reapply-erasures", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["were_apart"] == 2
    owners = await identity.sql("SELECT array_agg(DISTINCT user_id) FROM logins")
    assert owners == [chris.id]
    assert await identity.sql("SELECT count(*) FROM logins") == 3
    assert (await sign_in(identity, anna.phone)).id == chris.id


async def _all_merged(identity: Identity, expected: dict[UUID, UUID]) -> bool:
    merged = (await read_gone(identity.settings)).merged
    return {one: merged[one].into_user_id for one in expected if one in merged} == expected


async def test_nothing_is_merged_into_an_account_that_the_backup_never_had(identity: Identity) -> None:
    anna = await sign_in(identity)
    told = UserMergedV1(user_id=anna.id, into_user_id=new_id(), version=4, occurred_at=datetime.now(UTC))
    with pytest.raises(LookupError):
        await identity.store.transact(lambda tx: merge_again(identity.process, tx, told))
    assert (await identity.client.get("/v1/me", headers=anna.headers)).status_code == 200


async def test_whoever_the_backup_never_had_is_told_of_all_the_same(identity: Identity) -> None:
    told = UserErasedV1(user_id=new_id(), version=7, occurred_at=datetime.now(UTC))
    assert not await identity.store.transact(lambda tx: erasure.erase_again(identity.process, tx, told))
    assert (await _published(identity, told.user_id)).version == 8


async def test_the_report_says_what_is_left_until_nothing_is(
    identity: Identity, infrastructure: Config, others: Others
) -> None:
    anna = await _person_with_everything(identity)
    from_others = {name: {"notes": 1} for name in NAMES}
    statements = {one.service: one for one in await erasure_proof.report(identity.process, anna.id)}
    assert statements["identity"].left.items() >= {"vehicles": 1, "logins": 1, "data_keys": 1, "accounts": 1}.items()
    assert {name: dict(statements[name].left) for name in NAMES} == from_others
    await _erase(identity, anna)
    gone = {"data": {"notes": []}, "erased_at": "2026-05-01T12:00:00Z", "erased": {"notes": 1}}
    others.instead = dict.fromkeys(NAMES, gone)
    result = await asyncio.to_thread(_command, identity, infrastructure, "report-person", str(anna.id), "--json")
    report = json.loads(result.stdout)["services"]
    assert result.returncode == 0, result.stdout + result.stderr
    assert [(one["service"], one["left"], bool(one["erased_at"])) for one in report] == [
        ("identity", {}, True), ("pricing", {}, True), ("stations", {}, True)
    ]  # fmt: skip
    others.down = {"stations"}
    silent = await asyncio.to_thread(_command, identity, infrastructure, "report-person", str(anna.id))
    assert silent.returncode == 1
    assert "stations answers 503" in silent.stdout


async def test_an_operator_erases_on_request_and_must_repeat_the_id(identity: Identity, infrastructure: Config) -> None:
    anna, other = await sign_in(identity), str(new_id())

    def erase(user_id: str, confirmed: str) -> subprocess.CompletedProcess[str]:
        return _command(identity, infrastructure, "erase-person", user_id, f"--confirm={confirmed}", "--json")

    wrong = await asyncio.to_thread(erase, str(anna.id), other)
    assert wrong.returncode == 2
    assert await identity.sql("SELECT state FROM users WHERE id = $1", anna.id) == "active"
    right = await asyncio.to_thread(erase, str(anna.id), str(anna.id))
    assert json.loads(right.stdout)["erased"]["logins"] == 1
    nobody = await asyncio.to_thread(erase, other, other)
    assert (nobody.returncode, nobody.stderr) == (1, "error: nobody has this id, or the person is gone already\n")
