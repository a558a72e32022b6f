"""`/v1/clients`: staff make machine clients of their own places, and end them with all their tokens."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from identity.domain.clients import ClientSpec
from identity.use_cases import clients
from identity.use_cases.clients import NewSecret
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .conftest import SPEC, Identity
from .staff_kit import Staff, new_staff, new_station, role

WANTED = {"name": "till", "scopes": ["prices:write", "pumps:write"], "operators": ["aral"]}


@pytest.fixture
async def owner(identity: Identity) -> Staff:
    """An owner of aral."""
    return await new_staff(identity, role("owner", "aral"))


async def make(identity: Identity, staff: Staff, key: str | None = None, **changes: Any) -> httpx.Response:
    """The answer to whoever makes a client."""
    headers = staff.headers | {"Idempotency-Key": key or str(uuid4())}
    return await identity.client.post("/v1/clients", json=WANTED | changes, headers=headers)


async def rotate(
    identity: Identity, staff: Staff, client_id: str, key: str | None = None, **body: Any
) -> httpx.Response:
    """The answer to whoever rotates a secret."""
    headers = staff.headers | {"Idempotency-Key": key or str(uuid4())}
    return await identity.client.post(f"/v1/clients/{client_id}/secrets", json=body, headers=headers)


async def token_status(identity: Identity, client_id: str, secret: str) -> int:
    """How the token endpoint answers the client."""
    form = {"grant_type": "client_credentials"}
    return (await identity.client.post("/v1/oauth/token", data=form, auth=(client_id, secret))).status_code


def slug(response: httpx.Response) -> str:
    """A refusal's type."""
    return response.json()["type"].removeprefix("urn:forecourt:problem:")


async def test_a_client_is_made_listed_rotated_and_revoked(identity: Identity, owner: Staff) -> None:
    made = await make(identity, owner)
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    client_id, first = made.json()["client_id"], made.json()["client_secret"]
    assert await token_status(identity, client_id, first) == 200
    second = (await rotate(identity, owner, client_id, overlap_seconds=0)).json()["client_secret"]
    assert [await token_status(identity, client_id, one) for one in (first, second)] == [401, 200]
    listed = await identity.client.get("/v1/clients", headers=owner.headers)
    assert [one["client_id"] for one in listed.json()["clients"]] == [client_id]
    assert "secret" not in listed.text
    for _ in range(2):
        assert (await identity.client.delete(f"/v1/clients/{client_id}", headers=owner.headers)).status_code == 204
    assert await token_status(identity, client_id, second) == 401
    assert slug(await rotate(identity, owner, client_id)) == "client-revoked"
    assert await identity.sql("SELECT count(*) FROM audit_log WHERE action = 'client-revoked'") == 1


async def test_the_same_key_gives_the_same_secret_which_is_stored_nowhere(identity: Identity, owner: Staff) -> None:
    first, again = await make(identity, owner, "key-1"), await make(identity, owner, "key-1")
    assert first.json() == again.json()
    assert await identity.sql("SELECT count(*) FROM clients") == 1
    assert slug(await make(identity, owner, "key-1", name="another")) == "idempotency-key-reused"
    rotated = await rotate(identity, owner, first.json()["client_id"], "key-2")
    assert (await rotate(identity, owner, first.json()["client_id"], "key-2")).json() == rotated.json()
    for table in ("clients", "idempotency_keys"):
        stored = await identity.sql(f"SELECT string_agg(t::text, '') FROM {table} t")  # noqa: S608
        for answer in (first, rotated):
            assert answer.json()["client_secret"].encode().hex() not in stored
            assert answer.json()["client_secret"] not in stored
    missing = await identity.client.post("/v1/clients", json=WANTED, headers=owner.headers)
    assert (missing.status_code, slug(missing)) == (400, "idempotency-key-missing")


async def test_a_reply_that_cannot_be_opened_is_not_made_up(identity: Identity, owner: Staff) -> None:
    await make(identity, owner, "key-1")
    await identity.sql("UPDATE idempotency_keys SET reply = decode(repeat('00', 60), 'hex')")
    assert slug(await make(identity, owner, "key-1")) == "reply-gone"


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"operators": ["shell"]}, 403, "outside-your-rights"),
        ({"operators": ["aral", "shell"]}, 403, "outside-your-rights"),
        ({"station_ids": [str(new_id())]}, 403, "outside-your-rights"),
        ({"scopes": ["price-rules:write"]}, 403, "outside-your-rights"),
        ({"operators": []}, 422, "impossible-client"),
        ({"scopes": ["staff:manage"]}, 422, "impossible-client"),
        ({"scopes": []}, 422, "invalid-input"),
        ({"name": " "}, 422, "invalid-input"),
        ({"extra": 1}, 422, "invalid-input"),
    ],
)
async def test_no_client_has_more_than_its_maker(
    identity: Identity, owner: Staff, changes: dict[str, Any], status: int, reason: str
) -> None:
    response = await make(identity, owner, **changes)
    assert (response.status_code, slug(response)) == (status, reason), response.text
    assert await identity.sql("SELECT count(*) FROM clients") == 0


async def test_a_manager_makes_clients_of_their_stations(identity: Identity) -> None:
    station, other = await new_station(identity, "aral"), await new_station(identity, "aral")
    manager = await new_staff(identity, role("manager", stations=(station,)), role("attendant", stations=(other,)))
    made = await make(identity, manager, operators=[], station_ids=[str(station)])
    assert made.status_code == 201, made.text
    refused = await make(identity, manager, name="other", operators=[], station_ids=[str(other)])
    assert slug(refused) == "outside-your-rights"


async def foreign(identity: Identity) -> list[NewSecret]:
    """Clients that an owner of aral may not touch."""
    specs = [
        ClientSpec("theirs", ("prices:write",), ("shell",)),
        ClientSpec("of both", ("prices:write",), ("aral", "shell")),
        ClientSpec("of an unknown station", ("prices:write",), ("aral",), (new_id(),)),
        ClientSpec("of no place", ("price-rules:write",)),
    ]
    return [await identity.new_client(spec) for spec in specs]


async def test_security_20_foreign_clients_are_not_there(identity: Identity, owner: Staff) -> None:
    strangers = [str(made.client.id) for made in await foreign(identity)]
    ours = str((await identity.new_client(ClientSpec("ours", ("prices:write",), ("aral",)))).client.id)
    listed = (await identity.client.get("/v1/clients", headers=owner.headers)).json()["clients"]
    assert [one["client_id"] for one in listed] == [ours]
    for client_id in (*strangers, str(new_id())):
        answers = [
            await identity.client.delete(f"/v1/clients/{client_id}", headers=owner.headers),
            await rotate(identity, owner, client_id),
        ]
        assert {(one.status_code, slug(one)) for one in answers} == {(404, "client-not-found")}
    assert await identity.sql("SELECT count(*) FROM clients WHERE revoked_at IS NOT NULL") == 0


async def test_a_name_is_its_makers(identity: Identity, owner: Staff) -> None:
    await identity.new_client(ClientSpec("till", ("prices:write",), ("shell",)))
    assert (await make(identity, owner)).status_code == 201
    taken = await make(identity, owner)
    assert (taken.status_code, slug(taken)) == (409, "name-taken")
    second = await new_staff(identity, role("owner", "aral"))
    assert (await make(identity, second)).status_code == 201


async def test_the_list_pages(identity: Identity, owner: Staff) -> None:
    made = [(await make(identity, owner, name=f"till {number}")).json()["client_id"] for number in range(3)]
    first = (await identity.client.get("/v1/clients", params={"limit": 2}, headers=owner.headers)).json()
    rest = (
        await identity.client.get("/v1/clients", params={"cursor": first["next_cursor"]}, headers=owner.headers)
    ).json()
    assert [one["client_id"] for one in [*first["clients"], *rest["clients"]]] == made[::-1]
    assert rest["next_cursor"] is None


async def refused_soon(identity: Identity, token: str) -> None:
    """Waits until the service knows that the token is revoked."""

    async def refused() -> bool:
        headers = {"Authorization": f"Bearer {token}"}
        return (await identity.client.get("/v1/clients", headers=headers)).status_code == 401

    await eventually(refused)


async def test_tokens_of_a_revoked_client_end_at_once(identity: Identity, owner: Staff) -> None:
    made = (await make(identity, owner)).json()
    form = {"grant_type": "client_credentials"}
    answer = await identity.client.post("/v1/oauth/token", data=form, auth=(made["client_id"], made["client_secret"]))
    await identity.client.delete(f"/v1/clients/{made['client_id']}", headers=owner.headers)
    await refused_soon(identity, answer.json()["access_token"])


async def test_commands_that_take_rights_away_end_tokens_too(identity: Identity) -> None:
    narrow = ClientSpec(SPEC.name, SPEC.scopes[:1], SPEC.operators)
    wide = ClientSpec(SPEC.name, SPEC.scopes, (*SPEC.operators, "shell"))
    created = await identity.new_client()
    token = await identity.token(created)
    for spec, version in ((wide, 1), (narrow, 2), (narrow, 2)):
        replaced = await clients.create_client(
            identity.process, spec, replace_existing=True, overlap=timedelta(hours=1)
        )
        assert replaced.client.access_version == version
    await refused_soon(identity, token)
    fresh = await identity.token(replaced)
    assert (await identity.verifier().verify(fresh)).scopes == {"prices:write"}
    for _ in range(2):
        await clients.revoke_client(identity.process, created.client.id)
    await refused_soon(identity, fresh)
    assert await version_of(identity, created.client.id) == 3


async def version_of(identity: Identity, client_id: UUID) -> int:
    """The stored version of its rights."""
    return await identity.sql("SELECT access_version FROM clients WHERE id = $1", client_id)
