"""Exports: everything of every service, once, however services and processes come and go."""

import asyncio
import io
import json
import time
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from identity.domain.exports import MAX_WAIT, wait_after
from identity.settings import Settings
from identity.use_cases import exports
from identity.use_cases.exports import collect_next
from identity.use_cases.other_services import SELF
from servicekit.auth import Verifier
from servicekit.testkit import eventually

from .account_kit import Person, bearer, sign_in
from .conftest import Identity
from .other_services_kit import NAMES, Others, running_others


@pytest.fixture
async def others() -> AsyncIterator[Others]:
    async with running_others() as others:
        yield others


@pytest.fixture(autouse=True)
def look_seconds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How often the service looks for work by itself."""
    monkeypatch.setattr(exports, "LOOK_SECONDS", getattr(request, "param", 0.02))


BY_HAND = pytest.mark.parametrize("look_seconds", [3_600.0], indirect=True)
"""The test does the service's work."""


@pytest.fixture
async def settings(settings: Settings, others: Others) -> Settings:
    """Of a service that asks the test's own services."""
    chosen = settings.model_copy(update={"personal_data_urls": others.urls})
    others.verifier = Verifier(chosen)
    return chosen


async def _ask(identity: Identity, person: Person) -> dict[str, Any]:
    reply = await identity.client.post("/v1/me/export", headers=person.headers)
    assert reply.status_code == 202, reply.text
    return reply.json()


async def _look(identity: Identity, person: Person, export: dict[str, Any]) -> dict[str, Any]:
    return (await identity.client.get(f"/v1/me/export/{export['export_id']}", headers=person.headers)).json()


async def _until(identity: Identity, person: Person, export: dict[str, Any], **expected: Any) -> dict[str, Any]:
    async def reached() -> dict[str, Any] | None:
        seen = await _look(identity, person, export)
        return seen if seen.items() >= expected.items() else None

    found = await eventually(reached)
    assert found is not None
    return found


async def _download(identity: Identity, person: Person, export: dict[str, Any]) -> httpx.Response:
    return await identity.client.get(f"/v1/me/export/{export['export_id']}/archive", headers=person.headers)


async def _now_due(identity: Identity) -> None:
    """As good as waiting."""
    await identity.sql("UPDATE exports SET next_try_at = now() WHERE status = 'collecting'")


async def test_an_archive_holds_what_every_service_knows(identity: Identity, others: Others) -> None:
    anna = await sign_in(identity)
    vehicle = {"plate": "B-CANARY1", "country": "DE", "name": "canary-car"}
    await identity.client.post("/v1/me/vehicles", json=vehicle, headers=anna.headers)
    await identity.client.patch("/v1/me", json={"nickname": "canary-anna"}, headers=anna.headers)
    export = await _until(identity, anna, await _ask(identity, anna), status="ready")
    assert export["archive_url"] == f"/v1/me/export/{export['export_id']}/archive"
    reply = await _download(identity, anna, export)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/zip")
    assert reply.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(reply.content)) as files:
        assert set(files.namelist()) == {"README.en.txt", "README.zh.txt", *(f"{n}.json" for n in (*NAMES, "identity"))}
        assert [json.loads(files.read(f"{name}.json")) for name in NAMES] == [others.data[name] for name in NAMES]
        own = json.loads(files.read("identity.json"))
        assert "stations.json" in files.read("README.zh.txt").decode()
    assert own["sign_in_ways"][0]["value"] == anna.phone
    assert own["vehicles"][0]["details"]["plate"] == "B-CANARY1"
    assert own["settings"]["nickname"] == "canary-anna"
    assert own["sessions"][0]["device"] == "canary-device"
    assert {"registered", "login-added", "export-requested"} <= {one["action"] for one in own["log"]}
    assert "canary" not in await identity.sql("SELECT string_agg(encode(sealed, 'escape'), '') FROM export_parts")


async def test_services_are_asked_as_identity_itself_for_a_minute(identity: Identity, others: Others) -> None:
    anna = await sign_in(identity)
    await _until(identity, anna, await _ask(identity, anna), status="ready")
    assert {(asker.subject, frozenset(asker.scopes)) for asker in others.askers} == {
        (str(SELF), frozenset({"personal-data:read"}))
    }


async def test_one_is_collected_at_a_time_and_a_new_one_replaces_the_old(identity: Identity, others: Others) -> None:
    anna = await sign_in(identity)
    others.down = {"pricing"}
    asked = await asyncio.gather(*(_ask(identity, anna) for _ in range(5)))
    assert len({one["export_id"] for one in asked}) == 1
    others.down.clear()
    await _now_due(identity)
    await _until(identity, anna, asked[0], status="ready")
    newer = await _ask(identity, anna)
    assert newer["export_id"] != asked[0]["export_id"]
    assert (await _download(identity, anna, asked[0])).status_code == 404


async def test_an_answer_that_makes_no_sense_is_waited_out(identity: Identity, others: Others) -> None:
    stranger = {"subject": "01930b5e-7c1a-7000-8000-0d5f6e7a8b90"}
    for answer in (None, stranger, {"service": "stations"}, {"data": [1]}):
        anna = await sign_in(identity)
        others.instead = {"pricing": answer}
        export = await _until(identity, anna, await _ask(identity, anna), waits_for=["pricing"])
        others.instead = {}
        await _now_due(identity)
        await _until(identity, anna, export, status="ready", waits_for=[])


async def test_a_service_that_is_down_delays_and_the_others_are_asked_once(identity: Identity, others: Others) -> None:
    anna = await sign_in(identity)
    others.down = {"pricing"}
    export = await _until(identity, anna, await _ask(identity, anna), waits_for=["pricing"], status="collecting")
    early = await _download(identity, anna, export)
    assert (early.status_code, early.json()["type"]) == (409, "urn:forecourt:problem:export-not-ready")
    others.down.clear()
    await _now_due(identity)
    await _until(identity, anna, export, status="ready")
    assert others.asked["stations"] == 1


async def test_after_a_day_it_has_failed_and_can_be_asked_for_anew(identity: Identity, others: Others) -> None:
    anna = await sign_in(identity)
    others.down = {"stations"}
    export = await _until(identity, anna, await _ask(identity, anna), waits_for=["stations"])
    await identity.sql("UPDATE exports SET give_up_at = now()")
    await _until(identity, anna, export, status="failed", archive_url=None)
    assert await identity.sql("SELECT count(*) FROM export_parts") == 0
    others.down.clear()
    await _until(identity, anna, await _ask(identity, anna), status="ready")


@BY_HAND
async def test_whoever_dies_while_collecting_leaves_it_to_the_next(identity: Identity, others: Others) -> None:
    anna = await sign_in(identity)
    others.let_through.clear()
    export = await _ask(identity, anna)
    dying = asyncio.create_task(collect_next(identity.process))
    await eventually(lambda: _asked(others))
    dying.cancel()
    await asyncio.wait([dying])
    others.let_through.set()
    assert not await collect_next(identity.process), "it is leased"
    await _now_due(identity)
    assert await collect_next(identity.process)
    await _until(identity, anna, export, status="ready")


async def _asked(others: Others) -> bool:
    return others.asked.total() == len(NAMES)


@BY_HAND
async def test_of_many_processes_one_collects(identity: Identity, others: Others) -> None:
    anna = await sign_in(identity)
    export = await _ask(identity, anna)
    await asyncio.gather(*(collect_next(identity.process) for _ in range(4)))
    await _until(identity, anna, export, status="ready")
    assert others.asked == dict.fromkeys(NAMES, 1)


@BY_HAND
async def test_what_comes_for_somebody_who_was_erased_meanwhile_is_dropped(identity: Identity, others: Others) -> None:
    anna = await sign_in(identity)
    others.let_through.clear()
    await _ask(identity, anna)
    collecting = asyncio.create_task(collect_next(identity.process))
    await eventually(lambda: _asked(others))
    assert (await identity.client.delete("/v1/me?confirm=erase", headers=anna.headers)).status_code == 204
    others.let_through.set()
    assert await collecting
    kept = "SELECT (SELECT count(*) FROM export_parts) + (SELECT count(*) FROM personal_keys)"
    assert await identity.sql(kept) == 0


async def test_what_is_too_large_fails_instead_of_filling_the_database(identity: Identity, others: Others) -> None:
    anna = await sign_in(identity)
    others.data["stations"] = {"notes": ["x" * (15 * 2**20)]}
    others.data["pricing"] = {"notes": ["y" * (6 * 2**20)]}
    export = await _until(identity, anna, await _ask(identity, anna), status="failed")
    assert (await _download(identity, anna, export)).status_code == 409


async def test_an_archive_is_kept_for_a_week(identity: Identity) -> None:
    anna = await sign_in(identity)
    export = await _until(identity, anna, await _ask(identity, anna), status="ready")
    await identity.sql("UPDATE exports SET expires_at = now()")
    assert (await _download(identity, anna, export)).status_code == 404

    async def forgotten() -> bool:
        return await identity.sql("SELECT count(*) FROM export_parts") == 0

    await eventually(forgotten)


async def test_nobody_else_and_no_stale_sign_in_takes_an_archive(identity: Identity) -> None:
    anna, bert = await sign_in(identity), await sign_in(identity)
    export = await _until(identity, anna, await _ask(identity, anna), status="ready")
    assert (await _download(identity, bert, export)).status_code == 404
    path = f"/v1/me/export/{export['export_id']}"
    assert (await identity.client.get(path, headers=bert.headers)).status_code == 404
    stale = await bearer(identity.process, anna.id, anna.session_id, auth_time=int(time.time()) - 301)
    for method, url in (("POST", "/v1/me/export"), ("GET", f"{path}/archive")):
        reply = await identity.client.request(method, url, headers=stale)
        assert (reply.status_code, reply.json()["type"]) == (401, "urn:forecourt:problem:step-up-required")
    assert (await identity.client.get(path, headers=stale)).status_code == 200


def test_waits_grow_and_have_an_end() -> None:
    waits = [wait_after(attempts) for attempts in range(1, 200)]
    assert waits == sorted(waits)
    assert waits[-1] == MAX_WAIT
