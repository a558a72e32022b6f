"""Two accounts of one person become one: by a proof of each, with all they have, once, whatever happens meanwhile."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity.domain.consents import CURRENT, Document
from identity.domain.people import LoginKind
from identity.repository import linking
from identity.use_cases import merge_offers, merging, people
from local_stack.config import Config
from local_stack.environment import kafka_credentials
from servicekit.problems import Problem
from servicekit.store import StoreUnavailable
from servicekit.testkit import KafkaProbe, eventually

from .account_kit import Person, sign_in
from .conftest import Identity
from .platform_kit import Platforms, by_alipay, by_wechat, logins, new_openid

PHONE, WECHAT, ALIPAY = LoginKind.PHONE, LoginKind.WECHAT, LoginKind.ALIPAY
KEPT_BESIDE = {
    "audit_log": "what was done to whom stays",
    "sessions": "they end with the account",
    "staff_roles": "staff accounts are not merged",
    "credentials": "staff accounts are not merged",
    "recovery_codes": "staff accounts are not merged",
    "password_steps": "staff accounts are not merged",
    "familiar_networks": "staff accounts are not merged",
    "authorization_codes": "they live for a minute",
}
"""Tables about people that `merging.MOVES` leaves alone, with the reason."""


@pytest.fixture
def at(simulators: httpx.AsyncClient) -> Platforms:
    """The platforms."""
    return Platforms(simulators)


@dataclass
class Two:
    """A person who signed in by phone here and by WeChat there, before they thought of linking them."""

    here: Person
    there: UUID
    openid: str


@pytest.fixture
async def two(identity: Identity, at: Platforms) -> Two:
    here, openid = await sign_in(identity), new_openid()
    there = await by_wechat(identity.process, {"js_code": await at.js_code(openid)})
    return Two(here, there.user_id, openid)


async def _merge(identity: Identity, person: Person, proof: dict[str, str]) -> httpx.Response:
    return await identity.client.post("/v1/me/merges", json=proof, headers=person.headers)


def _problem(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].rpartition(":")[2]


async def _state(identity: Identity, user_id: UUID) -> str:
    return await identity.sql("SELECT state FROM users WHERE id = $1", user_id)


async def test_all_that_both_have_is_in_the_one_that_is_left(identity: Identity, two: Two, at: Platforms):
    response = await _merge(identity, two.here, await at.wechat_proof(two.openid))
    assert response.status_code == 200, response.text
    assert response.json()["user_id"] == str(two.here.id)
    assert response.json()["merged_user_id"] == str(two.there)
    assert await logins(identity.process, two.here.id) == {(PHONE, two.here.phone), (WECHAT, two.openid)}
    assert (await by_wechat(identity.process, {"js_code": await at.js_code(two.openid)})).user_id == two.here.id
    assert await _state(identity, two.there) == "merged"
    assert not await identity.sql("SELECT count(*) FROM personal_keys WHERE subject = $1", str(two.there))


async def test_settings_vehicles_and_consents_come_along_sealed_anew(identity: Identity, at: Platforms):
    kept, gone = await sign_in(identity), await sign_in(identity)
    consent = {"document": "marketing", "version": CURRENT[Document.MARKETING], "granted": True}
    for person, plate in ((kept, "B-CANARY 1"), (gone, "B-CANARY 2")):
        vehicle = {"plate": plate, "country": "DE", "name": "canary-car", "fuel": "e10"}
        response = await identity.client.post("/v1/me/vehicles", json=vehicle, headers=person.headers)
        assert response.status_code == 201, response.text
    await identity.client.put("/v1/me/consents", json=consent, headers=gone.headers)
    await identity.client.patch("/v1/me", json={"nickname": "canary-nickname"}, headers=gone.headers)
    openid = new_openid()
    await identity.client.post("/v1/me/identities", json=await at.wechat_proof(openid), headers=gone.headers)
    assert (await _merge(identity, kept, await at.wechat_proof(openid))).status_code == 200
    listed = (await identity.client.get("/v1/me/vehicles", headers=kept.headers)).json()["vehicles"]
    assert len({one["plate"] for one in listed}) == 2
    assert [one["is_default"] for one in listed].count(True) == 1
    account = (await identity.client.get("/v1/me", headers=kept.headers)).json()
    assert account["profile"]["nickname"] == "canary-nickname"
    history = (await identity.client.get("/v1/me/consents", headers=kept.headers)).json()["history"]
    assert [one["document"] for one in history] == ["marketing"]


async def test_settings_that_both_have_stay_those_of_the_account_that_is_left(identity: Identity, at: Platforms):
    kept, gone = await sign_in(identity), await sign_in(identity)
    for person, name in ((kept, "canary-kept"), (gone, "canary-gone")):
        await identity.client.patch("/v1/me", json={"nickname": name}, headers=person.headers)
    openid = new_openid()
    await identity.client.post("/v1/me/identities", json=await at.wechat_proof(openid), headers=gone.headers)
    await _merge(identity, kept, await at.wechat_proof(openid))
    account = (await identity.client.get("/v1/me", headers=kept.headers)).json()
    assert account["profile"]["nickname"] == "canary-kept"


async def test_everyone_hears_of_it_and_the_tokens_of_the_old_account_end(
    identity: Identity, at: Platforms, infrastructure: Config
):
    kept, gone = await sign_in(identity), await sign_in(identity)
    elsewhere = await sign_in(identity, kept.phone)
    openid = new_openid()
    await identity.client.post("/v1/me/identities", json=await at.wechat_proof(openid), headers=gone.headers)
    assert (await _merge(identity, kept, await at.wechat_proof(openid))).status_code == 200

    async def refused(person: Person) -> bool:
        return (await identity.client.get("/v1/me/sessions", headers=person.headers)).status_code == 401

    await eventually(lambda: refused(gone))
    await eventually(lambda: refused(elsewhere))
    assert not await refused(kept)
    probe = KafkaProbe(kafka_credentials(infrastructure, "admin"))

    async def told(topic: str) -> list[Any]:
        messages = await probe.read(topic)
        return [json.loads(one.value or b"") for one in messages if one.key == str(gone.id).encode()]

    async def told_of_merge() -> list[Any]:
        return [one for one in await told("identity.users") if "into_user_id" in one]

    async def told_of_tokens() -> set[tuple[str | None, int | None]]:
        return {(one["session_id"], one["lowest_version"]) for one in await told("identity.revocations")}

    async def all_tokens_end() -> bool:
        return {(str(gone.session_id), None), (None, 2)} <= await told_of_tokens()

    await eventually(all_tokens_end)
    merged = (await eventually(told_of_merge))[0]
    assert merged["into_user_id"] == str(kept.id)
    assert merged["version"] > 1
    entry = await identity.sql("SELECT actor FROM audit_log WHERE action = 'accounts-merged'")
    assert entry == str(kept.id)


async def test_the_same_once_more_changes_nothing(identity: Identity, two: Two, at: Platforms):
    await _merge(identity, two.here, await at.wechat_proof(two.openid))
    before = await identity.sql("SELECT count(*) FROM audit_log")
    again = await _merge(identity, two.here, await at.wechat_proof(two.openid))
    assert (again.status_code, again.json()["merged_user_id"]) == (200, None)
    assert await identity.sql("SELECT count(*) FROM audit_log") == before


async def test_what_was_just_proved_for_linking_need_not_be_proved_again(identity: Identity, two: Two, at: Platforms):
    taken = await identity.client.post(
        "/v1/me/identities", json=await at.wechat_proof(two.openid), headers=two.here.headers
    )
    offer = {"kind": "offer", "merge_offer": taken.json()["merge_offer"]}
    assert str(two.there) not in offer["merge_offer"]
    stranger = await sign_in(identity)
    assert _problem(await _merge(identity, stranger, offer)) == (422, "proof-refused")
    assert (await _merge(identity, two.here, offer)).json()["merged_user_id"] == str(two.there)
    assert (await _merge(identity, two.here, offer)).json()["merged_user_id"] is None


async def test_an_old_or_made_up_offer_is_none(identity: Identity, two: Two):
    with patch.object(merge_offers.time, "time", return_value=time.time() - merge_offers.LIFE_SECONDS - 1):
        old = merge_offers.make(identity.process, two.here.id, two.there)
    fresh = merge_offers.make(identity.process, two.here.id, two.there)
    for offer in (old, "AAAA", "x", fresh[:-8] + "AAAAAAA=", "A" * 100):
        response = await _merge(identity, two.here, {"kind": "offer", "merge_offer": offer})
        assert _problem(response) == (422, "proof-refused")
    assert await _state(identity, two.there) == "active"


async def test_a_login_of_nobody_is_to_be_linked_instead(identity: Identity, two: Two, at: Platforms):
    response = await _merge(identity, two.here, await at.wechat_proof(new_openid()))
    assert _problem(response) == (409, "identity-free")


async def test_staff_accounts_are_not_merged(identity: Identity, two: Two, at: Platforms):
    await identity.sql(
        "INSERT INTO staff_roles (user_id, role, operators, changed_at) VALUES ($1, 'manager', '{aral}', now())",
        two.there,
    )
    response = await _merge(identity, two.here, await at.wechat_proof(two.openid))
    assert _problem(response) == (409, "staff-account")
    assert await logins(identity.process, two.there) == {(WECHAT, two.openid)}


async def test_security_09_logins_that_came_by_a_merge_vouch_for_nothing_at_first(identity: Identity, at: Platforms):
    """Whoever broke in by WeChat merges an old account of their own into it: the owner's phone stays all the same."""
    owner, openid, open_id = await sign_in(identity), new_openid(), new_openid()
    await identity.client.post("/v1/me/identities", json=await at.wechat_proof(openid), headers=owner.headers)
    await by_alipay(identity.process, {"auth_code": await at.auth_code(open_id)})
    await identity.sql("UPDATE logins SET verified_at = verified_at - interval '1 year'")
    await identity.sql("UPDATE sessions SET methods = '{wechat}' WHERE id = $1", owner.session_id)
    assert (await _merge(identity, owner, await at.alipay_proof(open_id))).status_code == 200
    listed = (await identity.client.get("/v1/me/identities", headers=owner.headers)).json()["identities"]
    phone = next(one["id"] for one in listed if one["kind"] == "phone")
    unlink = await identity.client.post(
        f"/v1/me/identities/{phone}/unlink", json=await at.alipay_proof(open_id), headers=owner.headers
    )
    assert _problem(unlink) == (422, "proof-refused")
    assert (PHONE, owner.phone) in await logins(identity.process, owner.id)


async def test_dying_in_the_middle_leaves_two_whole_accounts(identity: Identity, two: Two, at: Platforms):
    proof = await at.wechat_proof(two.openid)
    died = patch.object(linking, "mark_merged", side_effect=StoreUnavailable("the process died here"))
    with died, pytest.raises(StoreUnavailable):
        await merging.merge_accounts(identity.process, two.here.id, two.here.session_id, proof)
    assert await logins(identity.process, two.here.id) == {(PHONE, two.here.phone)}
    assert await logins(identity.process, two.there) == {(WECHAT, two.openid)}
    again = await _merge(identity, two.here, await at.wechat_proof(two.openid))
    assert again.json()["merged_user_id"] == str(two.there)


async def test_each_into_the_other_at_the_same_time_leaves_one(identity: Identity, at: Platforms):
    """Both are locked in one order, so neither waits for ever; who comes second finds its own account gone."""
    one, other = await sign_in(identity), await sign_in(identity)
    openids = {one.id: new_openid(), other.id: new_openid()}
    for person in (one, other):
        proof = await at.wechat_proof(openids[person.id])
        await identity.client.post("/v1/me/identities", json=proof, headers=person.headers)
    proofs = [await at.wechat_proof(openids[other.id]), await at.wechat_proof(openids[one.id])]
    answers = await asyncio.gather(_merge(identity, one, proofs[0]), _merge(identity, other, proofs[1]))
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    states = sorted([await _state(identity, person.id) for person in (one, other)])
    assert states == ["active", "merged"]
    assert await identity.sql("SELECT count(DISTINCT user_id) FROM logins") == 1
    assert await identity.sql("SELECT count(*) FROM logins") == 4


async def test_a_sign_in_meets_a_merge_and_nobody_gets_a_third_account(identity: Identity, two: Two, at: Platforms):
    proof, codes = await at.wechat_proof(two.openid), [await at.js_code(two.openid) for _ in range(4)]
    merging_now = asyncio.create_task(_merge(identity, two.here, proof))
    signed_in = await asyncio.gather(*(by_wechat(identity.process, {"js_code": code}) for code in codes))
    assert (await merging_now).status_code == 200
    assert {one.user_id for one in signed_in} <= {two.here.id, two.there}
    assert await identity.sql("SELECT count(*) FROM users") == 2
    assert (await by_wechat(identity.process, {"js_code": await at.js_code(two.openid)})).user_id == two.here.id


@dataclass
class Model:
    """Whose each login is, as it should be."""

    owner: dict[tuple[LoginKind, str], UUID] = field(default_factory=dict)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("register"), st.integers(0, 5), st.integers(0, 5)),
        st.tuples(st.just("merge"), st.integers(0, 5), st.integers(0, 5)),
        st.tuples(st.just("link"), st.integers(0, 5), st.integers(0, 5)),
    ),
    min_size=3, max_size=10,
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
async def test_no_login_is_ever_lost_and_none_belongs_to_two(identity: Identity, steps: list[tuple[str, int, int]]):
    """Accounts that come, link and merge in any order, beside a dictionary."""
    await identity.sql("TRUNCATE users CASCADE")
    process, values, model = identity.process, [new_openid() for _ in range(6)], Model()
    kinds = [(WECHAT, ALIPAY)[number % 2] for number in range(6)]

    async def owner_of(number: int) -> UUID:
        async def work(tx: Any) -> UUID:
            return (await people.find_or_register_driver(process, tx, kinds[number], values[number])).id

        return await identity.store.transact(work)

    for what, one, other in steps:
        mine = await owner_of(one)
        assert model.owner.setdefault((kinds[one], values[one]), mine) == mine
        if what == "merge" and (theirs := model.owner.get((kinds[other], values[other]))) is not None:
            offer = {"kind": "offer", "merge_offer": merge_offers.make(process, mine, theirs)}
            await merging.merge_accounts(process, mine, None, offer)
            model.owner = {login: mine if holder == theirs else holder for login, holder in model.owner.items()}
        if what == "link" and (kinds[other], values[other]) not in model.owner:
            await identity.store.transact(
                lambda tx, mine=mine, other=other: people.add_login(process, tx, mine, kinds[other], values[other])
            )
            model.owner[kinds[other], values[other]] = mine
        for holder in set(model.owner.values()):
            assert await logins(process, holder) == {login for login, of in model.owner.items() if of == holder}
        assert await identity.sql("SELECT count(*) FROM logins") == len(model.owner)


async def test_each_table_about_people_moves_or_says_why_not(identity: Identity):
    """A table that comes later and names a person must be thought of when two accounts become one."""
    named = await identity.sql(
        """SELECT array_agg(DISTINCT table_name::text) FROM information_schema.columns
           WHERE table_schema = current_schema() AND column_name IN ('user_id', 'subject')"""
    )
    plumbing = {"personal_keys", "erasures"}
    moved = {"logins", "vehicles", "consents", "exports"}  # and users.profile
    assert set(named) - plumbing - moved == KEPT_BESIDE.keys() & set(named)
    assert len(merging.MOVES) == len(moved) + 1


async def test_too_many_ways_together_are_refused_before_anything_moves(identity: Identity, two: Two, at: Platforms):
    async def add(tx: Any) -> None:
        for _ in range(9):
            await people.add_login(identity.process, tx, two.here.id, ALIPAY, new_openid())

    await identity.store.transact(add)
    response = await _merge(identity, two.here, await at.wechat_proof(two.openid))
    assert _problem(response) == (409, "too-many-identities")
    assert await logins(identity.process, two.there) == {(WECHAT, two.openid)}


async def test_an_account_that_went_elsewhere_meanwhile_is_gone(identity: Identity, two: Two, at: Platforms):
    stranger = await sign_in(identity)
    offer = {"kind": "offer", "merge_offer": merge_offers.make(identity.process, stranger.id, two.there)}
    await _merge(identity, two.here, await at.wechat_proof(two.openid))
    assert _problem(await _merge(identity, stranger, offer)) == (409, "account-gone")
    with pytest.raises(Problem, match="not here any more"):
        await merging.merge_accounts(identity.process, two.there, None, offer | {
            "merge_offer": merge_offers.make(identity.process, two.there, stranger.id)
        })  # fmt: skip
    assert await logins(identity.process, stranger.id) == {(PHONE, stranger.phone)}
