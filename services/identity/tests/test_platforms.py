"""WeChat's and Alipay's protocols, spoken with the simulators over a real socket, in good and bad moods."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from identity.providers.alipay import Alipay
from identity.providers.wechat import Wechat
from identity.settings import Settings
from local_stack.platforms import new_rsa_key
from servicekit.outbound import CodeRefused, Outbound, PersonRefused, PlatformAway, TooOften
from servicekit.testkit import canary_phone

from .platform_kit import Platforms, new_openid


@dataclass
class Adapters:
    wechat: Wechat
    alipay: Alipay
    http: Outbound
    at: Platforms


@pytest.fixture
async def adapters(settings: Settings, simulators: httpx.AsyncClient) -> AsyncIterator[Adapters]:
    """Both, over connections of their own."""
    assert settings.wechat
    assert settings.alipay
    at = Platforms(simulators)
    async with Outbound() as http:
        yield Adapters(Wechat(settings.wechat, http), Alipay(settings.alipay, http), http, at)
    await at.mood("wechat")
    await at.mood("alipay")


async def test_wechat_says_whose_code_it_is(adapters: Adapters):
    openid = new_openid()
    assert await adapters.wechat.openid_of(await adapters.at.js_code(openid)) == openid


async def test_alipay_says_whose_code_it_is(adapters: Adapters):
    open_id = new_openid()
    assert await adapters.alipay.user_of(await adapters.at.auth_code(open_id)) == open_id


async def test_an_app_of_alipay_s_older_kind_knows_people_by_user_id(adapters: Adapters):
    await adapters.at.mood("alipay", user_id=True)
    assert await adapters.alipay.user_of(await adapters.at.auth_code("2088canary01")) == "2088canary01"


@pytest.mark.parametrize("numeric", [False, True])
async def test_wechat_tells_the_number_that_the_person_gave(adapters: Adapters, numeric: bool):
    await adapters.at.mood("wechat", number_country_code=numeric)
    phone = canary_phone()
    assert await adapters.wechat.phone_of(await adapters.at.phone_code(phone)) == phone
    abroad = await adapters.at.phone_code("+4915100000000", country_code="49")
    assert await adapters.wechat.phone_of(abroad) == "+4915100000000"


async def test_codes_are_good_once_and_only_for_what_they_are_for(adapters: Adapters):
    at, wechat = adapters.at, adapters.wechat
    js_code, phone_code = await at.js_code(new_openid()), await at.phone_code(canary_phone())
    for code in (phone_code, "0made-up"):
        with pytest.raises(CodeRefused):
            await wechat.openid_of(code)
    with pytest.raises(CodeRefused):
        await wechat.phone_of(js_code)
    await wechat.openid_of(js_code)
    await wechat.phone_of(phone_code)
    with pytest.raises(CodeRefused, match="40163"):
        await wechat.openid_of(js_code)
    with pytest.raises(CodeRefused):
        await wechat.phone_of(phone_code)
    auth_code = await at.auth_code(new_openid())
    await adapters.alipay.user_of(auth_code)
    for code in (auth_code, "made-up"):
        with pytest.raises(CodeRefused, match=r"isv\.code-invalid"):
            await adapters.alipay.user_of(code)


async def test_a_busy_wechat_is_asked_again_a_few_times(adapters: Adapters):
    code = await adapters.at.js_code("canary-busy")
    await adapters.at.mood("wechat", busy=2)
    assert await adapters.wechat.openid_of(code) == "canary-busy"
    code = await adapters.at.js_code("canary-busy")
    await adapters.at.mood("wechat", busy=3)
    with pytest.raises(PlatformAway, match="-1"):
        await adapters.wechat.openid_of(code)


async def test_a_code_is_never_sent_again_after_an_unknown_outcome(adapters: Adapters, settings: Settings):
    """Alipay's busy answer and a timeout leave open what became of the code."""
    at = adapters.at
    code = await at.auth_code("canary-unknown")
    await at.mood("alipay", busy=1)
    with pytest.raises(PlatformAway, match=r"isp\.unknow-error"):
        await adapters.alipay.user_of(code)
    assert await adapters.alipay.user_of(code) == "canary-unknown"  # once more by us, and not by the adapter
    assert settings.wechat
    assert settings.alipay
    impatient = {"timeout_seconds": 0.3}
    wechat = Wechat(settings.wechat.model_copy(update=impatient), adapters.http)
    alipay = Alipay(settings.alipay.model_copy(update=impatient), adapters.http)
    for platform in ("wechat", "alipay"):
        await at.mood(platform, slow_seconds=5)
    with pytest.raises(PlatformAway, match="no answer"):
        await wechat.openid_of(await at.js_code(new_openid()))
    with pytest.raises(PlatformAway, match="no answer"):
        await alipay.user_of(await at.auth_code(new_openid()))


async def test_a_platform_that_is_down_is_away(adapters: Adapters):
    for platform in ("wechat", "alipay"):
        await adapters.at.mood(platform, down=True)
    with pytest.raises(PlatformAway, match="502"):
        await adapters.wechat.openid_of("0code")
    with pytest.raises(PlatformAway, match="502"):
        await adapters.alipay.user_of("code")


async def test_rate_limits_and_risky_people_are_told_apart(adapters: Adapters):
    at, openid = adapters.at, new_openid()
    await at.mood("wechat", high_risk=[openid])
    with pytest.raises(PersonRefused):
        await adapters.wechat.openid_of(await at.js_code(openid))
    for _ in range(99):
        with pytest.raises(PersonRefused):
            await adapters.wechat.openid_of(await at.js_code(openid))
    with pytest.raises(TooOften) as caught:
        await adapters.wechat.openid_of(await at.js_code(openid))
    assert caught.value.retry_after_seconds == 60
    await at.mood("alipay", limited=True)
    with pytest.raises(TooOften):
        await adapters.alipay.user_of("code")


@pytest.mark.parametrize("lie", ["unsigned", "forged"])
async def test_an_answer_that_alipay_did_not_sign_is_none(adapters: Adapters, lie: str):
    await adapters.at.mood("alipay", **{lie: True})
    with pytest.raises(PlatformAway, match="did not sign"):
        await adapters.alipay.user_of(await adapters.at.auth_code(new_openid()))
    with pytest.raises(PlatformAway, match="did not sign"):  # an error as well: it would be CodeRefused
        await adapters.alipay.user_of("made-up")


async def test_a_number_that_was_given_to_another_app_or_long_ago_is_refused(adapters: Adapters):
    await adapters.at.mood("wechat", watermark_appid="wx-another")
    with pytest.raises(PlatformAway, match="watermark"):
        await adapters.wechat.phone_of(await adapters.at.phone_code(canary_phone()))
    for age in (3600, -3600):
        await adapters.at.mood("wechat", watermark_age_seconds=age)
        with pytest.raises(CodeRefused, match="long ago"):
            await adapters.wechat.phone_of(await adapters.at.phone_code(canary_phone()))


async def test_an_access_token_that_ended_early_is_fetched_anew_once(adapters: Adapters):
    at, phone = adapters.at, canary_phone()
    assert await adapters.wechat.phone_of(await at.phone_code(phone)) == phone
    await at.end_wechat_tokens()
    assert await adapters.wechat.phone_of(await at.phone_code(phone)) == phone


async def test_wrong_credentials_are_our_fault_and_logged_without_them(
    adapters: Adapters, settings: Settings, caplog: pytest.LogCaptureFixture
):
    assert settings.wechat
    assert settings.alipay
    async with Outbound() as http:
        for change in ({"app_id": "wx-another"}, {"app_secret": SecretStr("canary-secret")}):
            stranger = Wechat(settings.wechat.model_copy(update=change), http)
            for ask in (stranger.openid_of, stranger.phone_of):
                with caplog.at_level(logging.ERROR), pytest.raises(PlatformAway, match=r"40013|40125"):
                    await ask("0code")
        alipay = Alipay(settings.alipay.model_copy(update={"app_id": "another"}), http)
        with pytest.raises(PlatformAway, match=r"isv\.invalid-app-id"):
            await alipay.user_of("code")
        from_another = settings.alipay.model_copy(update={"app_private_key": SecretStr(new_rsa_key())})
        with pytest.raises(PlatformAway, match=r"isv\.invalid-signature"):
            await Alipay(from_another, http).user_of("code")
    assert "wechat refuses us" in caplog.text
    assert "canary-secret" not in caplog.text


async def test_security_08_a_session_key_is_dropped_while_the_answer_is_read(
    adapters: Adapters, monkeypatch: pytest.MonkeyPatch
):
    answers: list[object] = []
    ask = adapters.wechat._ask_once

    async def overheard(*arguments: object, **request: object) -> object:
        answers.append(answer := await ask(*arguments, **request))  # pyright: ignore[reportArgumentType]
        return answer

    monkeypatch.setattr(adapters.wechat, "_ask_once", overheard)
    openid = await adapters.wechat.openid_of(await adapters.at.js_code(new_openid()))
    assert [repr(answer) for answer in answers] == [f"_Session(errcode=0, openid={openid!r})"]
    sources = (Path(__file__).parents[1] / "src").rglob("*")
    named = [path.name for path in sources if path.suffix in (".py", ".sql") and "session_key" in path.read_text()]
    assert named == ["wechat.py"]  # the comment that says so
