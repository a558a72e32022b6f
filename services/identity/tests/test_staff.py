"""`/v1/staff` on the running service: who sees and changes whom; what is taken away ends at once, everywhere."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from identity.domain.passwords import MAX_EMAIL_CHARACTERS
from identity.use_cases.everything import collect
from identity.use_cases.staff_commands import set_roles_of
from local_stack.config import Config
from local_stack.environment import kafka_credentials, service_environment
from schemas.events import AccessRevokedV1, StaffRoleChangedV1
from servicekit.access import Permission
from servicekit.app import Kit, build_app
from servicekit.auth import Principal, Requires
from servicekit.ids import new_id
from servicekit.settings import ServiceSettings
from servicekit.testkit import KafkaProbe, eventually, running, settings_from

from .conftest import Identity
from .staff_kit import Staff, new_address, new_staff, new_station, refresh, role

Answer = dict[str, Any]


async def staff_of(identity: Identity, staff: Staff) -> dict[str, list[Answer]]:
    """What they see: the roles of each, by id."""
    response = await identity.client.get("/v1/staff", headers=staff.headers)
    assert response.status_code == 200, response.text
    return {member["user_id"]: member["roles"] for member in response.json()["staff"]}


async def change(identity: Identity, actor: Staff, target: UUID, *roles: Answer) -> httpx.Response:
    """The answer to a change of roles."""
    return await identity.client.patch(f"/v1/staff/{target}", json={"roles": roles}, headers=actor.headers)


async def remove(identity: Identity, actor: Staff, target: UUID) -> httpx.Response:
    """The answer to a removal."""
    return await identity.client.delete(f"/v1/staff/{target}", headers=actor.headers)


def slug(response: httpx.Response) -> str:
    """A refusal's type."""
    return response.json()["type"].removeprefix("urn:forecourt:problem:")


async def test_each_sees_the_staff_of_their_places_only(identity: Identity) -> None:
    station = await new_station(identity, "aral")
    owner = await new_staff(identity, role("owner", "aral"))
    manager = await new_staff(identity, role("manager", stations=(station,)))
    both = await new_staff(identity, role("attendant", "shell", stations=(station,)))
    elsewhere = await new_staff(identity, role("owner", "shell"))
    at_station = {"role": "attendant", "operators": [], "station_ids": [str(station)]}
    assert (await staff_of(identity, owner))[str(both.user_id)] == [at_station]
    assert set(await staff_of(identity, owner)) == {str(one.user_id) for one in (owner, manager, both)}
    assert set(await staff_of(identity, manager)) == {str(one.user_id) for one in (manager, both)}
    assert (await staff_of(identity, elsewhere))[str(both.user_id)] == [
        {"role": "attendant", "operators": ["shell"], "station_ids": []}
    ]
    refused = await identity.client.get("/v1/staff", headers=both.headers)
    assert (refused.status_code, slug(refused)) == (403, "missing-scope")


async def test_a_list_pages_and_shows_who_it_is(identity: Identity) -> None:
    owner = await new_staff(identity, role("owner", "aral"))
    others = [await new_staff(identity, role("attendant", "aral")) for _ in range(3)]
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await identity.client.get("/v1/staff", params=query, headers=owner.headers)).json()
        seen += page["staff"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert [one["user_id"] for one in seen] == [str(one.user_id) for one in [*reversed(others), owner]]
    assert (seen[0]["email"], seen[0]["name"]) == (others[2].email, "canary-ada")
    bad = await identity.client.get("/v1/staff", params={"cursor": "x"}, headers=owner.headers)
    assert (bad.status_code, slug(bad)) == (400, "bad-cursor")


async def test_an_owner_changes_what_is_theirs_and_nothing_else(identity: Identity) -> None:
    owner = await new_staff(identity, role("owner", "aral"))
    other = await new_staff(identity, role("attendant", "aral", "shell"), role("analyst"))
    changed = await change(identity, owner, other.user_id, {"role": "manager", "operators": ["aral"]})
    assert changed.status_code == 200, changed.text
    assert changed.json()["roles"] == [{"role": "manager", "operators": ["aral"], "station_ids": []}]
    held = await identity.sql(
        "SELECT json_object_agg(role, operators) FROM staff_roles WHERE user_id = $1", other.user_id
    )
    assert json.loads(held) == {"analyst": [], "attendant": ["shell"], "manager": ["aral"]}


@pytest.mark.parametrize(
    ("wanted", "status", "reason"),
    [
        ({"role": "owner", "operators": ["shell"]}, 403, "outside-your-rights"),
        ({"role": "manager", "station_ids": ["0197f8a2-7c1e-7b7a-9d55-3f1b6f0c2a11"]}, 403, "outside-your-rights"),
        ({"role": "manager"}, 422, "invalid-input"),
        ({"role": "admin", "operators": ["aral"]}, 422, "invalid-input"),
        ({"role": "manager", "operators": ["aral"], "extra": 1}, 422, "invalid-input"),
        ({"role": "manager", "operators": [f"{number:050}" for number in range(150)]}, 403, "outside-your-rights"),
    ],
)
async def test_what_cannot_be_given_is_refused(identity: Identity, wanted: Answer, status: int, reason: str) -> None:
    owner, other = await new_staff(identity, role("owner", "aral")), await new_staff(identity, role("finance", "aral"))
    response = await change(identity, owner, other.user_id, wanted)
    assert (response.status_code, slug(response)) == (status, reason), response.text
    assert await identity.sql("SELECT role FROM staff_roles WHERE user_id = $1", other.user_id) == "finance"


async def test_a_manager_manages_attendants_of_their_stations_only(identity: Identity) -> None:
    station, other_station = await new_station(identity, "aral"), await new_station(identity, "aral")
    manager = await new_staff(identity, role("manager", stations=(station,)))
    peer = await new_staff(identity, role("manager", stations=(station,)))
    attendant = await new_staff(identity, role("attendant", stations=(station, other_station)))
    raised = await change(identity, manager, attendant.user_id, {"role": "manager", "station_ids": [str(station)]})
    assert (raised.status_code, slug(raised)) == (403, "outside-your-rights")
    refused = await remove(identity, manager, peer.user_id)
    assert (refused.status_code, slug(refused)) == (403, "outside-your-rights")
    assert (await remove(identity, manager, attendant.user_id)).status_code == 204
    left = await identity.sql("SELECT stations FROM staff_roles WHERE user_id = $1", attendant.user_id)
    assert left == [other_station]


async def test_security_20_staff_of_others_are_not_there(identity: Identity) -> None:
    owner, stranger = (
        await new_staff(identity, role("owner", "aral")),
        await new_staff(identity, role("owner", "shell")),
    )
    for target in (stranger.user_id, new_id()):
        answers = [
            await change(identity, owner, target, {"role": "attendant", "operators": ["aral"]}),
            await remove(identity, owner, target),
            await identity.client.post(
                f"/v1/staff/{target}/sign-in-resets", json={"lost": "password"}, headers=owner.headers
            ),
        ]
        assert {(one.status_code, slug(one)) for one in answers} == {(404, "staff-not-found")}


async def test_nobody_changes_their_own_roles_and_the_last_owner_stays(identity: Identity) -> None:
    owner, second = await new_staff(identity, role("owner", "aral")), await new_staff(identity, role("owner", "aral"))
    for response in (
        await remove(identity, owner, owner.user_id),
        await change(identity, owner, owner.user_id, {"role": "owner", "operators": ["aral"]}),
    ):
        assert (response.status_code, slug(response)) == (403, "own-roles")
    assert (await remove(identity, owner, second.user_id)).status_code == 204
    refused = await remove(identity, second, owner.user_id)  # by the token, or before that is known by the rights
    assert refused.status_code in (401, 404)
    assert await identity.sql("SELECT count(*) FROM staff_roles WHERE role = 'owner'") == 1


async def test_two_owners_who_remove_each_other_at_once_leave_one(identity: Identity) -> None:
    owners = [await new_staff(identity, role("owner", "aral")) for _ in range(2)]
    answers = await asyncio.gather(
        remove(identity, owners[0], owners[1].user_id), remove(identity, owners[1], owners[0].user_id)
    )
    assert sorted(one.status_code for one in answers)[0] == 204
    assert await identity.sql("SELECT count(*) FROM staff_roles WHERE role = 'owner'") == 1


async def test_managing_needs_a_fresh_sign_in(identity: Identity) -> None:
    owner = await new_staff(identity, role("owner", "aral"))
    await identity.sql("UPDATE sessions SET authenticated_at = authenticated_at - interval '6 min'")
    token = (await refresh(identity, owner.refresh_token)).json()["access_token"]
    stale = {"Authorization": f"Bearer {token}"}
    body = {"email": new_address(), "role": "attendant", "operators": ["aral"]}
    response = await identity.client.post("/v1/staff", json=body, headers=stale)
    assert (response.status_code, slug(response)) == (401, "step-up-required")
    assert (await identity.client.get("/v1/staff", headers=stale)).status_code == 200


async def test_a_machine_client_and_a_driver_manage_nobody(identity: Identity) -> None:
    token = await identity.token(await identity.new_client())
    for method, path in (("GET", "/v1/staff"), ("DELETE", f"/v1/staff/{new_id()}"), ("GET", "/v1/clients")):
        response = await identity.client.request(method, path, headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 403


@pytest.fixture
async def other_service(identity: Identity, infrastructure: Config) -> AsyncIterator[tuple[httpx.AsyncClient, FastAPI]]:
    """Another service, with a route that managers may call."""
    router = APIRouter()

    @router.get("/stations")
    async def stations(_: Annotated[Principal, Requires(Permission.STATIONS_WRITE)]) -> dict[str, bool]:
        return {"ok": True}

    settings = settings_from(
        _OtherSettings, {f"OTHER_{name.removeprefix('PRICING_')}": value
                         for name, value in service_environment(infrastructure, "pricing").items()},
        service="pricing", issuer=identity.settings.issuer, jwks_url=identity.settings.jwks_url,
    )  # fmt: skip

    async def start(kit: Kit) -> None:
        kit.watch_revocations()

    app = build_app(settings, title="Other", description="Another service.", start=start, routers=[router])
    async with running(app) as client:
        yield client, app


class _OtherSettings(ServiceSettings):
    model_config = ServiceSettings.model_config | {"env_prefix": "OTHER_"}


async def test_a_removed_role_bites_at_once_everywhere(
    identity: Identity, other_service: tuple[httpx.AsyncClient, FastAPI]
) -> None:
    other, app = other_service
    owner, manager = (
        await new_staff(identity, role("owner", "aral")),
        await new_staff(identity, role("manager", "aral")),
    )

    async def complete() -> bool:
        return app.state.verifier.revocations.is_complete

    await eventually(complete)
    assert (await other.get("/stations", headers=manager.headers)).status_code == 200
    assert (await identity.client.get("/v1/staff", headers=manager.headers)).status_code == 200
    assert (await remove(identity, owner, manager.user_id)).status_code == 204

    async def refused() -> bool:
        answers = [
            await other.get("/stations", headers=manager.headers),
            await identity.client.get("/v1/staff", headers=manager.headers),
        ]
        return [one.status_code for one in answers] == [401, 401]

    await eventually(refused)
    assert (await refresh(identity, manager.refresh_token)).json()["error"] == "invalid_grant"
    assert (await other.get("/stations", headers=owner.headers)).status_code == 200


async def test_fewer_rights_show_in_the_next_token(identity: Identity) -> None:
    owner, other = await new_staff(identity, role("owner", "aral")), await new_staff(identity, role("manager", "aral"))
    await change(identity, owner, other.user_id, {"role": "attendant", "operators": ["aral"]})
    token = (await refresh(identity, other.refresh_token)).json()
    scopes = token["scope"].split()
    assert "pumps:write" in scopes
    assert "staff:manage" not in scopes

    async def refused() -> bool:
        return (await identity.client.get("/v1/staff", headers=other.headers)).status_code == 401

    await eventually(refused)


async def test_a_change_is_told_once_and_a_change_of_nothing_is_not(
    identity: Identity, infrastructure: Config
) -> None:  # fmt: skip
    owner, other = await new_staff(identity, role("owner", "aral")), await new_staff(identity, role("finance", "aral"))
    for _ in range(2):
        assert (
            await change(identity, owner, other.user_id, {"role": "manager", "operators": ["aral"]})
        ).status_code == 200

    async def sent() -> bool:
        return await identity.sql("SELECT count(*) FROM outbox") == 0

    await eventually(sent)
    probe = KafkaProbe(kafka_credentials(infrastructure, "admin"))
    about = [one for one in await probe.read("identity.users") if one.key == str(other.user_id).encode()]
    told = [json.loads(one.value or b"") for one in about]
    changes = [one for one in told if "roles" in one]
    assert [one["roles"][0]["role"] for one in changes] == ["finance", "manager"]
    assert changes[-1]["changed_by"] == str(owner.user_id)
    assert StaffRoleChangedV1.model_validate(changes[-1]).version == 3
    theirs = [one for one in await probe.read("identity.revocations") if one.key == str(other.user_id).encode()]
    revoked = [AccessRevokedV1.model_validate_json(one.value or b"") for one in theirs]
    assert [one.lowest_version for one in revoked] == [2, 3]


async def test_a_platform_role_survives_and_a_driver_stays_signed_in(identity: Identity) -> None:
    owner = await new_staff(identity, role("owner", "aral"))
    driver = await new_staff(identity, role("attendant", "aral"))
    await identity.sql("UPDATE users SET is_driver = true WHERE id = $1", driver.user_id)
    assert (await remove(identity, owner, driver.user_id)).status_code == 204
    assert await identity.sql("SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL", driver.user_id)


async def test_every_change_is_audited_without_personal_data(identity: Identity) -> None:
    owner, other = await new_staff(identity, role("owner", "aral")), await new_staff(identity, role("manager", "aral"))
    await remove(identity, owner, other.user_id)
    await set_roles_of(identity.process, other.user_id, [role("finance", "aral")])
    log = await identity.sql("SELECT json_agg(json_build_array(actor, action, subject, details)) FROM audit_log")
    entries = [one for one in json.loads(log) if one[2] == str(other.user_id) and one[1] == "roles-changed"]
    assert [entry[0] for entry in entries] == ["operator", str(owner.user_id), "operator"]
    assert entries[1][3] == {"roles": []}
    assert "canary" not in log


async def test_long_addresses_and_odd_texts_are_no_server_error(identity: Identity) -> None:
    owner = await new_staff(identity, role("owner", "aral"))
    for email in ("x" * (MAX_EMAIL_CHARACTERS + 1), "a\0@x.example", "@@@", "a@" + "b" * 70 + ".example"):
        body = {"email": email, "role": "attendant", "operators": ["aral"]}
        response = await identity.client.post("/v1/staff", json=body, headers=owner.headers)
        assert response.status_code == 422
        assert email not in response.text


async def test_an_export_holds_what_colleagues_call_the_person(identity: Identity) -> None:
    ada = await new_staff(identity, role("owner", "aral"))
    known = await identity.store.transact(lambda tx: collect(identity.process, tx, ada.user_id))
    assert known["name_at_work"] == "canary-ada"
    assert [login.value for login in known["sign_in_ways"]] == [ada.email]
