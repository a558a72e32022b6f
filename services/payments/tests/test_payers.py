"""Who a driver is at WeChat and Alipay: bound by a code, sealed, used to charge, taken along, forgotten."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from payments.domain.provider_words import Provider
from payments.use_cases import payers
from payments.use_cases.people import PeopleData
from servicekit.ids import new_id
from servicekit.problems import Problem

from .conftest import Payments
from .provider_kit import Played, played

BOTH = (Provider.WECHAT, Provider.ALIPAY)


@pytest.fixture(scope="module")
async def platforms() -> AsyncIterator[Played]:
    async with played() as world:
        yield world


@pytest.fixture
def world(platforms: Played, payments: Payments, monkeypatch: pytest.MonkeyPatch) -> Played:
    """The platforms, which the service asks."""
    channels = {provider: platforms.channel(provider) for provider in BOTH}
    monkeypatch.setattr(payments.process, "channels", channels)
    return platforms


async def code_of(world: Played, provider: Provider, name: str = "o-canary-payer") -> str:
    """What the phone gets from the platform for a person."""
    field = "openid" if provider is Provider.WECHAT else "open_id"
    login = (await world.controls.post(f"/control/{provider}/logins", json={field: name})).json()
    return login.get("auth_code") or login.get("code") or login["js_code"]


async def bind(payments: Payments, driver: str, provider: Provider, code: str) -> Any:
    return await payments.client.put(f"/v1/me/payers/{provider}", json={"code": code}, headers=payments.driver(driver))


async def payer(payments: Payments, driver: str, provider: Provider) -> str:
    return await payments.store.transact(lambda tx: payers.payer_of(payments.process, tx, driver, provider))


@pytest.mark.parametrize("provider", BOTH)
async def test_a_driver_binds_sees_and_forgets_a_payer(payments: Payments, world: Played, provider: Provider) -> None:
    driver = str(new_id())
    answer = await bind(payments, driver, provider, await code_of(world, provider))
    assert (answer.status_code, answer.json()["provider"]) == (200, provider)
    shown = (await payments.client.get("/v1/me/payers", headers=payments.driver(driver))).json()
    assert [one["provider"] for one in shown["payers"]] == [provider]
    assert "canary" not in str(shown)
    assert await payer(payments, driver, provider) == "o-canary-payer"
    assert b"canary" not in await payments.sql("SELECT payer_id FROM payers")
    path, headers = f"/v1/me/payers/{provider}", payments.driver(driver)
    assert (await payments.client.delete(path, headers=headers)).status_code == 204
    assert (await payments.client.delete(path, headers=headers)).status_code == 404
    with pytest.raises(Problem) as caught:
        await payer(payments, driver, provider)
    assert (caught.value.status, caught.value.slug) == (409, "payer-missing")
    assert "PUT /v1/me/payers" in caught.value.detail


async def test_a_code_is_good_once_and_the_next_payer_takes_the_place_of_the_first(
    payments: Payments, world: Played
) -> None:
    driver, code = str(new_id()), await code_of(world, Provider.WECHAT, "o-canary-1")
    assert (await bind(payments, driver, Provider.WECHAT, code)).status_code == 200
    answer = await bind(payments, driver, Provider.WECHAT, code)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:forecourt:problem:code-refused")
    assert await payer(payments, driver, Provider.WECHAT) == "o-canary-1"
    await bind(payments, driver, Provider.WECHAT, await code_of(world, Provider.WECHAT, "o-canary-2"))
    assert await payer(payments, driver, Provider.WECHAT) == "o-canary-2"


async def test_another_driver_sees_nothing_of_it(payments: Payments, world: Played) -> None:
    await bind(payments, str(new_id()), Provider.WECHAT, await code_of(world, Provider.WECHAT))
    other = payments.driver()
    assert (await payments.client.get("/v1/me/payers", headers=other)).json() == {"payers": []}
    assert (await payments.client.delete("/v1/me/payers/wechat", headers=other)).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"), [({}, 422), ({"code": ""}, 422), ({"code": "汽"}, 422), ({"code": "x", "openid": "y"}, 422)]
)
async def test_what_is_no_code_is_refused(payments: Payments, world: Played, body: dict[str, str], status: int) -> None:
    answer = await payments.client.put("/v1/me/payers/wechat", json=body, headers=payments.driver())
    assert answer.status_code == status
    unknown = await payments.client.put("/v1/me/payers/cash", json={"code": "x"}, headers=payments.driver())
    assert unknown.status_code == 422


async def test_a_platform_that_is_away_or_distrusts_the_person_binds_nobody(payments: Payments, world: Played) -> None:
    await world.controls.put("/control/wechat/mood", json={"high_risk": ["o-canary-risk"]})
    risky = await bind(payments, str(new_id()), Provider.WECHAT, await code_of(world, Provider.WECHAT, "o-canary-risk"))
    assert (risky.status_code, risky.json()["type"]) == (409, "urn:forecourt:problem:payer-refused")
    await world.controls.put("/control/wechat/mood", json={"down": True})
    away = await bind(payments, str(new_id()), Provider.WECHAT, "0abc")
    await world.controls.put("/control/wechat/mood", json={})
    assert (away.status_code, away.headers["Retry-After"]) == (503, "1")
    assert await payments.sql("SELECT count(*) FROM payers") == 0


async def test_a_provider_that_is_not_offered_is_told(payments: Payments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments.process, "channels", {})
    answer = await bind(payments, str(new_id()), Provider.ALIPAY, "x")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:forecourt:problem:method-not-offered")
    assert (await payments.client.post("/v1/webhooks/alipay", content=b"a=1")).status_code == 404


async def test_a_payer_is_exported_taken_along_and_erased(payments: Payments, world: Played) -> None:
    driver, into = str(new_id()), str(new_id())
    people = PeopleData(payments.process)
    for provider in BOTH:
        await bind(payments, driver, provider, await code_of(world, provider, f"o-canary-{provider}"))
    await bind(payments, into, Provider.ALIPAY, await code_of(world, Provider.ALIPAY, "o-canary-own"))
    exported = (await people.collect(driver))["payers"]
    assert {one["payer_id"] for one in exported} == {"o-canary-wechat", "o-canary-alipay"}
    await payments.store.transact(lambda tx: people.merge(tx, driver, into))
    assert await payer(payments, into, Provider.WECHAT) == "o-canary-wechat"
    assert await payer(payments, into, Provider.ALIPAY) == "o-canary-own"
    assert (await people.collect(driver))["payers"] == []
    erased = await payments.store.transact(lambda tx: people.erase(tx, into))
    assert erased["payers"] == 2
    assert await payments.sql("SELECT count(*) FROM payers") == 0
