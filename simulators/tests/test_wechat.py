"""The simulated WeChat on a clock of its own: what its codes and tokens live for."""

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from servicekit.testkit import running
from simulators import wechat
from simulators.wechat import WechatPlatform, WechatSettings

QUERY = {"appid": "wx1", "secret": "right", "grant_type": "authorization_code"}


class Clock:
    """Seconds that pass when a test says so."""

    now = 1_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platform(clock: Clock) -> WechatPlatform:
    return WechatPlatform(WechatSettings(app_id="wx1", app_secret=SecretStr("right")), clock)


@pytest.fixture
def app(platform: WechatPlatform) -> FastAPI:
    app = FastAPI()
    app.include_router(wechat.router(platform))
    app.include_router(wechat.control_router(platform))
    return app


async def test_a_code_lives_five_minutes(app: FastAPI, clock: Clock):
    async with running(app) as client:
        for age, error in ((299, None), (301, 40029)):
            code = (await client.post("/control/wechat/logins", json={"openid": "canary"})).json()["js_code"]
            clock.now += age
            answer = (await client.get("/sns/jscode2session", params=QUERY | {"js_code": code})).json()
            assert answer.get("errcode") == error


@pytest.mark.parametrize(
    ("change", "error"), [({"appid": "wx2"}, 40013), ({"secret": "wrong"}, 40125), ({"grant_type": "x"}, 40002)]
)
async def test_whoever_is_not_the_app_gets_nothing_and_spends_no_code(
    app: FastAPI, change: dict[str, str], error: int
):  # fmt: skip
    async with running(app) as client:
        code = (await client.post("/control/wechat/logins", json={"openid": "canary"})).json()["js_code"]
        answer = await client.get("/sns/jscode2session", params=QUERY | {"js_code": code} | change)
        assert answer.json()["errcode"] == error
        answer = await client.get("/sns/jscode2session", params=QUERY | {"js_code": code})
        assert answer.json()["openid"] == "canary"


async def test_a_person_s_codes_are_exchanged_a_hundred_times_a_minute(platform: WechatPlatform, clock: Clock):
    assert not any(platform.exceeds_limit("canary") for _ in range(100))
    assert platform.exceeds_limit("canary")
    assert not platform.exceeds_limit("canary-other")
    clock.now += 61
    assert not platform.exceeds_limit("canary")


async def test_the_stable_token_stays_the_same_until_shortly_before_its_end(platform: WechatPlatform, clock: Clock):
    first, life = platform.access_token(fresh=False)
    clock.now += life - 301
    assert platform.access_token(fresh=False) == (first, 301)
    clock.now += 2
    second, _ = platform.access_token(fresh=False)
    assert second != first
    assert [platform.token_error(token) for token in (first, second, "made-up")] == [0, 0, 40001]
    clock.now += 300
    assert platform.token_error(first) == 42001
    third, _ = platform.access_token(fresh=True)
    assert [platform.token_error(token) for token in (second, third)] == [40001, 0]
