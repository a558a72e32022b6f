"""A driver signed in by a code here and by WeChat there: one person afterwards, with all that both accounts had."""

from typing import Any

import aiohttp
import pytest

from local_stack.config import Config
from local_stack.services import SERVICE_BY_NAME
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .operations import Api
from .people import People, Session

OPERATOR = "two-accounts"


@pytest.fixture(scope="module")
async def station_ids(api: Api, people: People) -> list[str]:
    """Two stations that a driver may like."""
    machine = await people.machine("two-accounts", [OPERATOR])
    register = api.operations["post", "/v1/stations"]
    answers = [
        await api.ask(register, machine.authorization, {"operator": OPERATOR, "external_id": f"{new_id()}"})
        for _ in range(2)
    ]
    return [answer.document["station_id"] for answer in answers]


async def js_code(platform: Config, openid: str) -> str:
    """What the person's WeChat gives the app."""
    url = SERVICE_BY_NAME["simulators"].url(platform)
    answer = aiohttp.request("POST", f"{url}/control/wechat/logins", json={"openid": openid})
    async with answer as reply:
        return (await reply.json())["js_code"]


async def favourites(http: aiohttp.ClientSession, who: Session) -> set[str]:
    """The stations that somebody likes."""
    async with http.get("/v1/me/favourites", headers={"Authorization": who.authorization}) as reply:
        return {one["station_id"] for one in (await reply.json())["favourites"]}


async def ask(http: aiohttp.ClientSession, method: str, path: str, who: Session, **body: Any) -> tuple[int, Any]:
    """Status and document of an answer."""
    async with http.request(method, path, json=body, headers={"Authorization": who.authorization}) as reply:
        return reply.status, await reply.json(content_type=None)


async def test_what_both_accounts_liked_is_in_the_one_that_is_left(
    platform: Config, http: aiohttp.ClientSession, people: People, station_ids: list[str]
):
    openid = f"canary-{new_id()}"
    by_code = await people.driver("by-code")
    by_wechat = await people.driver_by_wechat("by-wechat", await js_code(platform, openid))
    for who, station_id in zip((by_code, by_wechat), station_ids, strict=True):
        status, answer = await ask(http, "PUT", f"/v1/me/favourites/{station_id}", who)
        assert status in {200, 201, 204}, answer
    proof = {"kind": "wechat", "js_code": await js_code(platform, openid)}
    status, taken = await ask(http, "POST", "/v1/me/identities", by_code, **proof)
    assert (status, taken["type"]) == (409, "urn:forecourt:problem:identity-taken")
    offer = {"kind": "offer", "merge_offer": taken["merge_offer"]}
    status, merged = await ask(http, "POST", "/v1/me/merges", by_code, **offer)
    assert status == 200, merged
    assert {one["kind"] for one in merged["identities"]} == {"phone", "wechat"}

    async def likes_both() -> bool:
        return await favourites(http, by_code) == set(station_ids)

    async def old_token_is_refused() -> bool:
        return (await ask(http, "GET", "/v1/me/favourites", by_wechat))[0] == 401

    await eventually(likes_both)
    await eventually(old_token_is_refused)
    again = await people.driver_by_wechat("again", await js_code(platform, openid))
    assert await favourites(http, again) == set(station_ids)
