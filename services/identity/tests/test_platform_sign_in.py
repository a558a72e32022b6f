"""Signing in with WeChat and Alipay on the running service, the simulators and the real store."""

import asyncio
import json
from unittest.mock import patch
from uuid import UUID

import httpx
import pytest

from identity.domain.linking import MAX_LOGINS
from identity.domain.oauth import OAuthError
from identity.domain.people import LoginKind
from identity.use_cases import people
from servicekit.store import StoreUnavailable
from servicekit.testkit import canary_phone, eventually

from .account_kit import sign_in
from .conftest import Identity
from .platform_kit import Platforms, by_alipay, by_wechat, logins, new_openid

GRANT = "urn:forecourt:grant:"


async def _ask(identity: Identity, platform: str, **fields: str) -> httpx.Response:
    form = {"grant_type": GRANT + platform, "client_id": "forecourt-app"} | fields
    return await identity.client.post("/v1/oauth/token", data=form)


async def _who(identity: Identity, response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return (await identity.verifier().verify(response.json()["access_token"])).subject


async def test_a_person_new_to_us_gets_one_account_and_finds_it_again(identity: Identity, at: Platforms):
    openid, open_id = new_openid(), new_openid()
    by_wechat = [
        await _who(identity, await _ask(identity, "wechat", js_code=await at.js_code(openid))) for _ in range(2)
    ]
    by_alipay = [
        await _who(identity, await _ask(identity, "alipay", auth_code=await at.auth_code(open_id))) for _ in range(2)
    ]
    assert len({*by_wechat, *by_alipay}) == 2
    assert by_wechat[0] == by_wechat[1] != by_alipay[0] == by_alipay[1]
    assert await logins(identity.process, UUID(by_wechat[0])) == {(LoginKind.WECHAT, openid)}


async def test_first_sign_ins_at_the_same_time_make_one_account(identity: Identity, at: Platforms):
    openid = new_openid()
    codes = [await at.js_code(openid) for _ in range(5)]
    people = await asyncio.gather(*(by_wechat(identity.process, {"js_code": code}) for code in codes))
    assert len({one.user_id for one in people}) == 1
    assert {one.methods for one in people} == {("wechat",)}


async def test_security_08_a_code_signs_in_once(identity: Identity, at: Platforms):
    js_code, auth_code = await at.js_code(new_openid()), await at.auth_code(new_openid())
    answers = await asyncio.gather(*(_ask(identity, "wechat", js_code=js_code) for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [200, 400, 400, 400, 400]
    assert {one.json()["error"] for one in answers if one.status_code == 400} == {"invalid_grant"}
    assert (await _ask(identity, "alipay", auth_code=auth_code)).status_code == 200
    assert (await _ask(identity, "alipay", auth_code=auth_code)).json()["error"] == "invalid_grant"


async def test_security_08_no_session_key_comes_back_or_is_kept(
    identity: Identity, at: Platforms, simulators: httpx.AsyncClient
):
    """What WeChat answers is heard on the way: its session_key is nowhere afterwards."""
    keys: list[str] = []
    send = identity.process.http.send

    async def overheard(*arguments: str, **request: object) -> tuple[int, bytes]:
        status, body = await send(*arguments, **request)  # pyright: ignore[reportArgumentType]
        keys.append(json.loads(body)["session_key"])
        return status, body

    with patch.object(identity.process.http, "send", overheard):
        response = await _ask(identity, "wechat", js_code=await at.js_code(new_openid()))
    assert response.status_code == 200
    assert len(keys) == 1
    assert keys[0] not in response.text
    tables = await identity.sql(
        """SELECT array_agg(DISTINCT table_name::text) FROM information_schema.tables
           WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"""
    )
    for table in tables:
        found = f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE $1'  # noqa: S608 - the names of our own tables
        assert not await identity.sql(found, f"%{keys[0]}%"), table


async def test_a_missing_or_impossible_code_is_asked_for(identity: Identity):
    assert (await _ask(identity, "wechat")).json()["error"] == "invalid_request"
    assert (await _ask(identity, "alipay")).json()["error"] == "invalid_request"
    for code in ("é", "x" * 129, "a\x00b"):
        assert (await _ask(identity, "wechat", js_code=code)).json()["error"] == "invalid_grant"


async def test_wechat_with_the_phone_button_makes_one_account_of_both(identity: Identity, at: Platforms):
    openid, phone = new_openid(), canary_phone()
    form = {"js_code": await at.js_code(openid), "phone_code": await at.phone_code(phone)}
    signed_in = await by_wechat(identity.process, form)
    assert await logins(identity.process, signed_in.user_id) == {(LoginKind.WECHAT, openid), (LoginKind.PHONE, phone)}
    assert (await sign_in(identity, phone)).id == signed_in.user_id


async def test_a_known_phone_brings_the_new_openid_into_its_account(identity: Identity, at: Platforms):
    owner, openid = await sign_in(identity), new_openid()
    form = {"js_code": await at.js_code(openid), "phone_code": await at.phone_code(owner.phone)}
    assert (await by_wechat(identity.process, form)).user_id == owner.id
    assert await logins(identity.process, owner.id) == {(LoginKind.WECHAT, openid), (LoginKind.PHONE, owner.phone)}


async def test_a_known_openid_takes_a_free_number_only_where_it_has_none(identity: Identity, at: Platforms):
    openid, first, second = new_openid(), canary_phone(), canary_phone()
    person = await by_wechat(identity.process, {"js_code": await at.js_code(openid)})
    for phone in (first, second):
        form = {"js_code": await at.js_code(openid), "phone_code": await at.phone_code(phone)}
        assert (await by_wechat(identity.process, form)).user_id == person.user_id
    assert await logins(identity.process, person.user_id) == {(LoginKind.WECHAT, openid), (LoginKind.PHONE, first)}


async def test_a_full_account_keeps_out_nobody_who_proved_its_phone(identity: Identity, at: Platforms):
    owner = await sign_in(identity)
    for number in range(MAX_LOGINS):
        form = {"js_code": await at.js_code(new_openid()), "phone_code": await at.phone_code(owner.phone)}
        assert (await by_wechat(identity.process, form)).user_id == owner.id
        assert len(await logins(identity.process, owner.id)) == min(number + 2, MAX_LOGINS)


async def test_two_accounts_stay_two_at_a_sign_in(identity: Identity, at: Platforms):
    owner, openid = await sign_in(identity), new_openid()
    person = await by_wechat(identity.process, {"js_code": await at.js_code(openid)})
    form = {"js_code": await at.js_code(openid), "phone_code": await at.phone_code(owner.phone)}
    assert (await by_wechat(identity.process, form)).user_id == person.user_id
    assert await logins(identity.process, person.user_id) == {(LoginKind.WECHAT, openid)}
    assert await logins(identity.process, owner.id) == {(LoginKind.PHONE, owner.phone)}


async def test_security_09_a_number_that_the_app_only_says_is_linked_to_nobody(identity: Identity, at: Platforms):
    """A phone comes into an account by a code of the phone button and not by its number, whatever field it is in."""
    victim, openid = await sign_in(identity), new_openid()
    said = {"phone": victim.phone, "phone_code": victim.phone, "phoneNumber": victim.phone}
    with pytest.raises(OAuthError, match="does not know this code"):
        await by_wechat(identity.process, {"js_code": await at.js_code(openid), **said})
    del said["phone_code"]
    person = await by_wechat(identity.process, {"js_code": await at.js_code(openid), **said})
    assert person.user_id != victim.id
    assert await logins(identity.process, person.user_id) == {(LoginKind.WECHAT, openid)}


async def test_security_09_a_number_that_another_app_was_given_links_nothing(identity: Identity, at: Platforms):
    victim, openid = await sign_in(identity), new_openid()
    await at.mood("wechat", watermark_appid="wx-another")
    form = {"js_code": await at.js_code(openid), "phone_code": await at.phone_code(victim.phone)}
    with pytest.raises(OAuthError):
        await by_wechat(identity.process, form)
    assert await logins(identity.process, victim.id) == {(LoginKind.PHONE, victim.phone)}


async def test_a_number_of_no_phone_is_refused(identity: Identity, at: Platforms):
    form = {"js_code": await at.js_code(new_openid()), "phone_code": await at.phone_code("+86123")}
    with pytest.raises(OAuthError, match="none to use"):
        await by_wechat(identity.process, form)


@pytest.mark.parametrize("platform", ["wechat", "alipay"])
async def test_a_platform_that_is_down_says_so_and_another_code_works_later(
    identity: Identity, at: Platforms, platform: str
):
    field = {"wechat": "js_code", "alipay": "auth_code"}[platform]
    make = {"wechat": at.js_code, "alipay": at.auth_code}[platform]
    openid = new_openid()
    await at.mood(platform, down=True)
    response = await _ask(identity, platform, **{field: await make(openid)})
    assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
    await at.mood(platform)
    assert (await _ask(identity, platform, **{field: await make(openid)})).status_code == 200


async def test_a_rate_limit_and_a_risky_person_are_told_apart(identity: Identity, at: Platforms):
    openid = new_openid()
    await at.mood("wechat", high_risk=[openid])
    response = await _ask(identity, "wechat", js_code=await at.js_code(openid))
    assert (response.status_code, response.json()["error"]) == (400, "access_denied")
    await at.mood("alipay", limited=True)
    response = await _ask(identity, "alipay", auth_code="code")
    assert (response.status_code, response.headers["retry-after"]) == (429, "60")


async def test_dying_after_the_platform_spent_the_code_leaves_nothing_and_a_new_code_works(
    identity: Identity, at: Platforms
):
    openid, phone = new_openid(), canary_phone()
    form = {"js_code": await at.js_code(openid), "phone_code": await at.phone_code(phone)}
    with (
        patch.object(people.audit, "append", side_effect=StoreUnavailable("the process died here")),
        pytest.raises(StoreUnavailable),
    ):
        await by_wechat(identity.process, form)
    assert not await identity.sql("SELECT count(*) FROM users")
    with pytest.raises(OAuthError, match="get a new one"):
        await by_wechat(identity.process, form)
    again = {"js_code": await at.js_code(openid), "phone_code": await at.phone_code(phone)}
    signed_in = await by_wechat(identity.process, again)
    assert await logins(identity.process, signed_in.user_id) == {(LoginKind.WECHAT, openid), (LoginKind.PHONE, phone)}


async def test_nobody_signs_in_with_a_platform_that_is_not_set_up(identity: Identity):
    identity.process.wechat = identity.process.alipay = None
    for sign_in_by, form in ((by_wechat, {"js_code": "x"}), (by_alipay, {"auth_code": "x"})):
        with pytest.raises(OAuthError, match="Nobody signs in") as caught:
            await sign_in_by(identity.process, form)
        assert caught.value.code == "unsupported_grant_type"


async def test_the_phone_hears_that_an_openid_was_linked_to_its_account(
    identity: Identity, at: Platforms, simulators: httpx.AsyncClient
):
    owner = await sign_in(identity)
    form = {"js_code": await at.js_code(new_openid()), "phone_code": await at.phone_code(owner.phone)}
    await by_wechat(identity.process, form)

    async def heard() -> list[object]:
        return (await simulators.get("/control/sms/messages", params={"phone": owner.phone})).json()

    assert "登录方式" in str(await eventually(heard))
