"""Ways to sign in, added and taken away on the running service: proofs of both, and everything that follows."""

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from identity.domain.linking import MAX_LOGINS, SETTLED_AFTER
from identity.domain.people import LoginKind
from identity.use_cases import people
from servicekit.access import Role
from servicekit.ids import new_id
from servicekit.testkit import canary_phone, eventually

from .account_kit import Person, bearer, sign_in
from .conftest import Identity
from .otp_help import sent_code, wrong
from .platform_kit import Platforms, by_alipay, by_wechat, logins, new_openid

PHONE, WECHAT, ALIPAY = LoginKind.PHONE, LoginKind.WECHAT, LoginKind.ALIPAY


async def _link(identity: Identity, person: Person, proof: dict[str, str], **headers: str) -> httpx.Response:
    return await identity.client.post("/v1/me/identities", json=proof, headers=person.headers | headers)


async def _unlink(identity: Identity, person: Person, login: str, proof: dict[str, str]) -> httpx.Response:
    return await identity.client.post(f"/v1/me/identities/{login}/unlink", json=proof, headers=person.headers)


async def _id_of(identity: Identity, person: Person, kind: LoginKind) -> str:
    response = await identity.client.get("/v1/me/identities", headers=person.headers)
    return next(one["id"] for one in response.json()["identities"] if one["kind"] == kind)


async def _phone_proof(identity: Identity, simulators: httpx.AsyncClient, phone: str) -> dict[str, str]:
    request_id, code = await sent_code(identity, simulators, phone)
    return {"kind": "phone", "request_id": request_id, "code": code}


async def _actions(identity: Identity, person: Person) -> list[str]:
    return await identity.sql(
        "SELECT array_agg(action ORDER BY sequence) FROM audit_log WHERE subject = $1", str(person.id)
    )


async def _age_logins(identity: Identity, person: Person, age: timedelta = SETTLED_AFTER) -> None:
    await identity.sql(
        "UPDATE logins SET verified_at = verified_at - $2::interval WHERE user_id = $1", person.id, age
    )  # fmt: skip


async def _is_refused(identity: Identity, person: Person) -> bool:
    return (await identity.client.get("/v1/me", headers=person.headers)).status_code == 401


def _problem(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].rpartition(":")[2]


async def test_a_person_adds_wechat_and_alipay_and_signs_in_with_them(identity: Identity, at: Platforms):
    person, openid, open_id = await sign_in(identity), new_openid(), new_openid()
    for proof in (await at.wechat_proof(openid), await at.alipay_proof(open_id)):
        response = await _link(identity, person, proof)
        assert response.status_code == 201, response.text
        assert openid not in response.text
        assert open_id not in response.text
    assert (await by_wechat(identity.process, {"js_code": await at.js_code(openid)})).user_id == person.id
    assert (await by_alipay(identity.process, {"auth_code": await at.auth_code(open_id)})).user_id == person.id
    listed = (await identity.client.get("/v1/me/identities", headers=person.headers)).json()["identities"]
    assert [one["kind"] for one in listed] == ["phone", "wechat", "alipay"]
    assert await _actions(identity, person) == ["registered", "login-added", "login-added", "login-added"]


async def test_a_person_of_wechat_adds_a_phone_which_hears_of_it(
    identity: Identity, at: Platforms, simulators: httpx.AsyncClient
):
    person, phone = await sign_in(identity), canary_phone()
    assert (await _link(identity, person, await _phone_proof(identity, simulators, phone))).status_code == 201
    assert await logins(identity.process, person.id) == {(PHONE, person.phone), (PHONE, phone)}

    async def heard(number: str) -> bool:
        found = await simulators.get("/control/sms/messages", params={"phone": number})
        return any("登录方式" in one["text"] for one in found.json())

    await eventually(lambda: heard(phone))
    await eventually(lambda: heard(person.phone))


async def test_other_sessions_end_when_something_is_added(identity: Identity, at: Platforms):
    person = await sign_in(identity)
    elsewhere = await sign_in(identity, person.phone)
    await _link(identity, person, await at.wechat_proof(new_openid()))
    await eventually(lambda: _is_refused(identity, elsewhere))
    assert not await _is_refused(identity, person)


async def test_the_same_once_more_changes_nothing(identity: Identity, at: Platforms):
    person, openid = await sign_in(identity), new_openid()
    first = await _link(identity, person, await at.wechat_proof(openid))
    elsewhere = await sign_in(identity, person.phone)
    again = await _link(identity, person, await at.wechat_proof(openid))
    assert again.json() == first.json()
    assert not await _is_refused(identity, elsewhere)


async def test_security_09_linking_takes_a_fresh_proof_of_what_is_added(
    identity: Identity, at: Platforms, simulators: httpx.AsyncClient
):
    person, victim = await sign_in(identity), await sign_in(identity)
    request_id, code = await sent_code(identity, simulators, victim.phone)
    spent = await at.wechat_proof(new_openid())
    await by_wechat(identity.process, {"js_code": spent["js_code"]})
    for proof in (
        {"kind": "phone", "request_id": request_id, "code": wrong(code)},
        {"kind": "phone", "request_id": str(new_id()), "code": code},
        {"kind": "wechat", "js_code": "0guessed"},
        {"kind": "alipay", "auth_code": "guessed"},
        spent,
    ):
        assert _problem(await _link(identity, person, proof)) == (422, "proof-refused"), proof
    for bare in ({"kind": "phone", "phone": victim.phone}, {"kind": "wechat", "openid": "o1"}, {"kind": "email"}, {}):
        assert _problem(await _link(identity, person, bare)) == (422, "invalid-input"), bare
    assert await logins(identity.process, person.id) == {(PHONE, person.phone)}


async def test_security_10_ways_to_sign_in_change_only_after_a_fresh_sign_in(
    identity: Identity, at: Platforms, simulators: httpx.AsyncClient
):
    """A token that was stolen an hour ago, or refreshed for a month, adds no phone and takes none away."""
    person, phone = await sign_in(identity), canary_phone()
    await _link(identity, person, await at.wechat_proof(new_openid()))
    stale = await bearer(identity.process, person.id, person.session_id, auth_time=int(time.time()) - 301)
    old = Person(person.id, person.phone, person.session_id, stale)
    proof = await _phone_proof(identity, simulators, phone)
    login = await _id_of(identity, person, PHONE)
    own = await _phone_proof(identity, simulators, person.phone)
    for response in (
        await _link(identity, old, proof), await _unlink(identity, old, login, own),
        await identity.client.post("/v1/me/merges", json=proof, headers=old.headers),
    ):  # fmt: skip
        assert _problem(response) == (401, "step-up-required")
        assert 'max_age="300"' in response.headers["www-authenticate"]
    assert (await _link(identity, person, proof)).status_code == 201  # the proof itself was good all the time
    assert (PHONE, phone) in await logins(identity.process, person.id)


async def test_security_09_what_is_another_s_is_not_taken_over(identity: Identity, at: Platforms):
    person, openid = await sign_in(identity), new_openid()
    owner = await by_wechat(identity.process, {"js_code": await at.js_code(openid)})
    response = await _link(identity, person, await at.wechat_proof(openid))
    assert _problem(response) == (409, "identity-taken")
    assert str(owner.user_id) not in response.text
    assert await logins(identity.process, owner.user_id) == {(WECHAT, openid)}
    assert await logins(identity.process, person.id) == {(PHONE, person.phone)}


async def test_two_people_who_add_the_same_at_once_do_not_both_get_it(identity: Identity, at: Platforms):
    people, openid = [await sign_in(identity) for _ in range(4)], new_openid()
    proofs = [await at.wechat_proof(openid) for _ in people]
    answers = await asyncio.gather(*(_link(identity, *pair) for pair in zip(people, proofs, strict=True)))
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]


async def test_an_account_has_a_bounded_number_of_ways_in(identity: Identity, at: Platforms):
    person = await sign_in(identity)
    answers = [await _link(identity, person, await at.wechat_proof(new_openid())) for _ in range(MAX_LOGINS)]
    assert [one.status_code for one in answers] == [*[201] * (MAX_LOGINS - 1), 409]
    assert _problem(answers[-1]) == (409, "too-many-identities")
    assert len(await logins(identity.process, person.id)) == MAX_LOGINS


async def test_a_way_in_goes_with_its_own_proof_and_comes_back_to_nobody(
    identity: Identity, at: Platforms, simulators: httpx.AsyncClient
):
    person, openid = await sign_in(identity), new_openid()
    await _link(identity, person, await at.wechat_proof(openid))
    elsewhere, login = await sign_in(identity, person.phone), await _id_of(identity, person, WECHAT)
    response = await _unlink(identity, person, login, await at.wechat_proof(openid))
    assert [one["kind"] for one in response.json()["identities"]] == ["phone"]
    await eventually(lambda: _is_refused(identity, elsewhere))
    assert (await by_wechat(identity.process, {"js_code": await at.js_code(openid)})).user_id != person.id
    assert "login-removed" in await _actions(identity, person)
    assert _problem(await _unlink(identity, person, login, await at.wechat_proof(openid))) == (404, "no-such-identity")


async def test_security_09_unlinking_takes_a_proof_of_what_goes(identity: Identity, at: Platforms):
    person, openid, open_id = await sign_in(identity), new_openid(), new_openid()
    await _link(identity, person, await at.wechat_proof(openid))
    await _link(identity, person, await at.alipay_proof(open_id))
    phone = await _id_of(identity, person, PHONE)
    for proof in (await at.wechat_proof(openid), await at.wechat_proof(new_openid())):
        assert _problem(await _unlink(identity, person, phone, proof)) == (422, "proof-refused")
    assert len(await logins(identity.process, person.id)) == 3


async def test_a_lost_phone_goes_where_two_other_ways_agree(identity: Identity, at: Platforms):
    person, openid, open_id = await sign_in(identity), new_openid(), new_openid()
    await _link(identity, person, await at.wechat_proof(openid))
    await _link(identity, person, await at.alipay_proof(open_id))
    phone = await _id_of(identity, person, PHONE)
    await identity.sql("UPDATE sessions SET methods = '{wechat}' WHERE id = $1", person.session_id)
    assert (await _unlink(identity, person, phone, await at.alipay_proof(open_id))).status_code == 422
    await _age_logins(identity, person)
    assert (await _unlink(identity, person, phone, await at.wechat_proof(openid))).status_code == 422
    assert (await _unlink(identity, person, phone, await at.alipay_proof(open_id))).status_code == 200
    assert await logins(identity.process, person.id) == {(WECHAT, openid), (ALIPAY, open_id)}


async def test_the_last_way_in_stays_and_so_do_those_of_others(
    identity: Identity, at: Platforms, simulators: httpx.AsyncClient
):
    person, other = await sign_in(identity), await sign_in(identity)
    own = await _id_of(identity, person, PHONE)
    proof = await _phone_proof(identity, simulators, person.phone)
    assert _problem(await _unlink(identity, person, own, proof)) == (409, "last-identity")
    foreign = await _id_of(identity, other, PHONE)
    assert (await _unlink(identity, person, foreign, await at.wechat_proof(new_openid()))).status_code == 404
    assert await logins(identity.process, other.id) == {(PHONE, other.phone)}


async def test_two_ways_that_go_at_the_same_time_leave_one(identity: Identity, at: Platforms):
    person, openids = await sign_in(identity), [new_openid(), new_openid()]
    await identity.sql("DELETE FROM logins WHERE user_id = $1", person.id)

    async def give(openid: str) -> None:
        await identity.store.transact(
            lambda tx: people.add_login(identity.process, tx, person.id, WECHAT, openid)
        )  # fmt: skip

    for openid in openids:
        await give(openid)
    listed = (await identity.client.get("/v1/me/identities", headers=person.headers)).json()["identities"]
    proofs = [await at.wechat_proof(openid) for openid in openids]
    pairs = zip(listed, proofs, strict=True)
    answers = await asyncio.gather(*(_unlink(identity, person, one["id"], proof) for one, proof in pairs))
    assert sorted(one.status_code for one in answers) == [200, 409]
    assert len(await logins(identity.process, person.id)) == 1


async def test_staff_keep_to_their_password_and_second_factor(identity: Identity, at: Platforms):
    async def hire(tx: Any) -> UUID:
        user = await people.register(identity.process, tx, is_driver=False)
        await people.add_login(identity.process, tx, user.id, LoginKind.EMAIL, "boss@canary-forecourt.example")
        return user.id

    staff = await identity.store.transact(hire)
    session = new_id()
    headers = await bearer(identity.process, staff, session, (Role.OWNER,))
    person = Person(staff, "", session, headers)
    assert _problem(await _link(identity, person, await at.wechat_proof(new_openid()))) == (409, "staff-account")
    assert await logins(identity.process, staff) == {(LoginKind.EMAIL, "boss@canary-forecourt.example")}


async def test_a_platform_that_is_away_or_wants_a_pause_is_told_as_a_problem(identity: Identity, at: Platforms):
    person = await sign_in(identity)
    await at.mood("wechat", down=True)
    response = await _link(identity, person, {"kind": "wechat", "js_code": "0code"})
    assert (*_problem(response), "retry-after" in response.headers) == (503, "platform-away", True)
    await at.mood("alipay", limited=True)
    response = await _link(identity, person, {"kind": "alipay", "auth_code": "code"})
    assert (*_problem(response), response.headers["retry-after"]) == (429, "too-many-requests", "60")


async def test_an_account_that_is_gone_takes_nothing_in(identity: Identity, at: Platforms):
    person = await sign_in(identity)
    await identity.sql("DELETE FROM logins WHERE user_id = $1", person.id)
    await identity.sql("UPDATE users SET state = 'erased', ended_at = now() WHERE id = $1", person.id)
    assert (await _link(identity, person, await at.wechat_proof(new_openid()))).status_code == 401
    assert not await identity.sql("SELECT count(*) FROM logins")
