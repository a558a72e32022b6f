"""One-time codes in the running service, from the request to the session: their life, and every way to abuse them."""

import asyncio
import hashlib
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity.domain.caller import Caller
from identity.domain.limits import SLOTS, Limit
from identity.domain.oauth import OAuthError
from identity.domain.otp import CODE_LIFE, CodeState, DeadCode, UnknownPrefix
from identity.repository.limits import take
from identity.use_cases import otp, prefixes
from servicekit.ids import new_id
from servicekit.problems import Problem
from servicekit.testkit import canary_phone, eventually

from .conftest import Identity
from .otp_help import DEVICE, ask, ask_as_stranger, limit, pass_time, sent_code, sign_in, wrong

FOREIGN_PHONES = [f"+491511234{number:04}" for number in range(100)]
"""Of another prefix than the canaries'."""


@pytest.fixture(autouse=True)
async def phones(simulators: httpx.AsyncClient) -> httpx.AsyncClient:
    """The simulated providers, with no messages and no faults."""
    await simulators.delete("/control/sms")
    return simulators


def assert_refused(response: httpx.Response, status: int = 400) -> str:
    """It is the one refusal of codes; returns its text."""
    assert (response.status_code, response.json()["error"]) == (status, "invalid_grant"), response.text
    return response.json()["error_description"]


async def test_code_signs_a_new_driver_in_and_the_same_one_again(identity: Identity, phones: httpx.AsyncClient) -> None:
    phone = canary_phone()
    subjects = set()
    for _ in range(2):
        tokens = (await sign_in(identity, *await sent_code(identity, phones, phone))).json()
        principal = await identity.verifier().verify(tokens["access_token"])
        assert principal.roles == {"driver"}
        assert principal.authenticated_at is not None
        subjects.add(principal.subject)
    assert len(subjects) == 1
    assert await identity.sql("SELECT count(*) FROM users") == 1


async def test_request_says_when_the_code_ends_and_the_next_may_come(identity: Identity) -> None:
    phone, before = canary_phone(), datetime.now(UTC)
    answers = [(await ask(identity, phone)).json() for _ in range(3)]
    resend = [datetime.fromisoformat(answer["resend_at"]) - before for answer in answers]
    ends = [datetime.fromisoformat(answer["expires_at"]) - before for answer in answers]
    assert all(timedelta(minutes=5) <= end < timedelta(minutes=5, seconds=20) for end in ends)
    assert all(timedelta(seconds=30) <= wait < timedelta(seconds=50) for wait in resend[:2])
    assert timedelta(minutes=9) < resend[2] <= timedelta(minutes=11)


@pytest.mark.parametrize(
    "body",
    [
        {"phone": "+8613800138000"},
        {"phone": "+8613800138000", "device_id": "short"},
        {"phone": "+8613800138000", "device_id": "has spaces in it"},
        {"phone": "+8613800138000", "device_id": DEVICE, "admin": True},
        {"phone": "+8610123456789", "device_id": DEVICE},
        {"phone": "+18005550123", "device_id": DEVICE},
        {"phone": "nobody", "device_id": DEVICE},
        {"phone": {"$ne": ""}, "device_id": DEVICE},
        {"phone": "+86\x001380", "device_id": DEVICE},
    ],
)
async def test_bad_requests_are_refused_and_repeat_nothing(identity: Identity, body: dict[str, Any]) -> None:
    response = await identity.client.post("/v1/otp-requests", json=body)
    assert response.status_code == 422, response.text
    assert str(body["phone"]) not in response.json()["detail"]
    assert await identity.sql("SELECT count(*) FROM otp_requests") == 0


@pytest.mark.parametrize("form", [{}, {"request_id": str(new_id())}, {"code": "123456"}, {"request_id": ""}])
async def test_grant_without_request_or_code_is_malformed(identity: Identity, form: dict[str, str]) -> None:
    fields = {"grant_type": "urn:forecourt:grant:otp", "client_id": "forecourt-app"} | form
    response = await identity.client.post("/v1/oauth/token", data=fields)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


async def test_security_01_code_is_stored_only_as_a_salted_keyed_hash(
    identity: Identity, phones: httpx.AsyncClient
) -> None:
    request_id, code = await sent_code(identity, phones, canary_phone())
    assert re.fullmatch(r"\d{6}", code)
    await eventually(lambda: _is_sent(identity, request_id))
    stored = await identity.sql("SELECT string_agg(r::text, '') FROM otp_requests r")
    salts = [request_id.encode(), request_id.replace("-", "").encode(), b""]
    for salt in salts:
        for text in (salt + code.encode(), salt + b" " + code.encode(), code.encode() + salt):
            assert hashlib.sha256(text).hexdigest() not in stored
            assert text.hex() not in stored
    same = [otp._code_hashes(identity.process, new_id(), code)[0] for _ in range(2)]
    assert same[0] != same[1]


async def _is_sent(identity: Identity, request_id: str) -> bool:
    return await identity.sql(
        """SELECT sent_at IS NOT NULL AND NOT EXISTS (SELECT FROM sms_messages) FROM otp_requests WHERE id = $1""",
        request_id,
    )  # fmt: skip


async def test_security_02_code_dies_in_five_minutes(identity: Identity, phones: httpx.AsyncClient) -> None:
    request_id, code = await sent_code(identity, phones, canary_phone())
    await pass_time(identity, timedelta(minutes=5))
    assert_refused(await sign_in(identity, request_id, code))


async def test_security_02_code_dies_on_first_use(identity: Identity, phones: httpx.AsyncClient) -> None:
    request_id, code = await sent_code(identity, phones, canary_phone())
    assert (await sign_in(identity, request_id, code)).status_code == 200
    assert_refused(await sign_in(identity, request_id, code))


async def test_security_02_code_dies_after_five_wrong_tries(identity: Identity, phones: httpx.AsyncClient) -> None:
    request_id, code = await sent_code(identity, phones, canary_phone())
    for _ in range(5):
        assert_refused(await sign_in(identity, request_id, wrong(code)))
    assert_refused(await sign_in(identity, request_id, code))


async def test_fifth_try_may_still_be_right(identity: Identity, phones: httpx.AsyncClient) -> None:
    request_id, code = await sent_code(identity, phones, canary_phone())
    for _ in range(4):
        assert_refused(await sign_in(identity, request_id, wrong(code)))
    assert (await sign_in(identity, request_id, code)).status_code == 200


async def test_security_02_of_two_racing_right_tries_one_wins(identity: Identity, phones: httpx.AsyncClient) -> None:
    request_id, code = await sent_code(identity, phones, canary_phone())
    answers = await asyncio.gather(*(sign_in(identity, request_id, code) for _ in range(8)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 7}


async def test_security_02_racing_guesses_are_counted_one_by_one(identity: Identity, phones: httpx.AsyncClient) -> None:
    request_id, code = await sent_code(identity, phones, canary_phone())
    guesses = [f"{(int(code) + number) % 10**6:06}" for number in range(1, 30)]
    await asyncio.gather(*(sign_in(identity, request_id, guess) for guess in guesses))
    assert await identity.sql("SELECT wrong_tries FROM otp_requests") == 5
    assert_refused(await sign_in(identity, request_id, code))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["right", "wrong", "wait"]), min_size=1, max_size=12))
async def test_service_does_as_the_rule_says(identity: Identity, phones: httpx.AsyncClient, steps: list[str]) -> None:
    """Whatever is tried in whatever order, the stored code is as good as the pure one."""
    request_id, code = await sent_code(identity, phones, canary_phone())
    now = datetime.now(UTC)
    state = CodeState(now + CODE_LIFE - timedelta(seconds=5))
    for step in steps:
        if step == "wait":
            now += timedelta(seconds=100)
            await pass_time(identity, timedelta(seconds=100))
            continue
        try:
            state = state.tried(is_right=step == "right", now=now)
            expected = step == "right"
        except DeadCode:
            expected = False
        response = await sign_in(identity, request_id, code if step == "right" else wrong(code))
        assert (response.status_code == 200) == expected, steps


async def test_security_03_code_is_good_for_its_own_request_only(identity: Identity, phones: httpx.AsyncClient) -> None:
    phone = canary_phone()
    first, first_code = await sent_code(identity, phones, phone)
    second, second_code = await sent_code(identity, phones, phone)
    others, others_code = await sent_code(identity, phones, canary_phone())
    if len({first_code, second_code, others_code}) == 3:
        texts = {
            assert_refused(await sign_in(identity, request_id, code))
            for request_id, code in [
                (first, second_code), (second, first_code), (others, first_code), (str(new_id()), first_code),
                ("no-uuid", first_code),
            ]
        }  # fmt: skip
        assert len(texts) == 1
    assert (await sign_in(identity, first, first_code)).status_code == 200


async def test_security_03_device_must_be_the_requests(identity: Identity, phones: httpx.AsyncClient) -> None:
    request_id, code = await sent_code(identity, phones, canary_phone())
    with pytest.raises(OAuthError, match="not right"):
        await otp.prove(identity.process, request_id, code, "another-device")
    assert await otp.prove(identity.process, request_id, code, DEVICE)


async def _wear_out(identity: Identity, phones: httpx.AsyncClient, phone: str) -> tuple[str, str]:
    """Ten wrong tries for a phone, over several codes and from as many addresses; the last code is still good."""
    request_id, code = "", ""
    for tries in (5, 4, 1):
        request_id, code = await sent_code(identity, phones, phone, device_id=f"device-{new_id()}")
        for number in range(tries):
            assert_refused(await sign_in(identity, request_id, wrong(code), address=f"198.51.100.{number}"))
    return request_id, code


async def test_security_04_wrong_tries_of_a_phone_are_limited_whatever_the_address(
    identity: Identity, phones: httpx.AsyncClient
) -> None:
    phone = canary_phone()
    request_id, code = await _wear_out(identity, phones, phone)
    refused = await sign_in(identity, request_id, code, address="203.0.113.99")
    assert_refused(refused, 429)
    assert 60 <= int(refused.headers["retry-after"]) <= 3600
    await pass_time(identity, timedelta(minutes=11))
    request_id, code = await sent_code(identity, phones, phone, device_id="another-device")
    for _ in range(12):
        assert_refused(await sign_in(identity, request_id, code), 429)
    await pass_time(identity, timedelta(minutes=56))  # an hour and a slot since the last wrong try, not since a refusal
    request_id, code = await sent_code(identity, phones, phone, device_id="another-device")
    assert (await sign_in(identity, request_id, code)).status_code == 200


async def test_security_04_strangers_lock_no_owner_out_of_their_own_device(
    identity: Identity, phones: httpx.AsyncClient
) -> None:
    phone = canary_phone()
    assert (await sign_in(identity, *await sent_code(identity, phones, phone))).status_code == 200
    await pass_time(identity, timedelta(minutes=11))
    await _wear_out(identity, phones, phone)
    await pass_time(identity, timedelta(minutes=11))
    assert (await sign_in(identity, *await sent_code(identity, phones, phone))).status_code == 200


async def test_security_04_wrong_tries_of_a_day_are_limited_too(identity: Identity, phones: httpx.AsyncClient) -> None:
    phone = canary_phone()
    for _ in range(2):
        await _wear_out(identity, phones, phone)
        await pass_time(identity, timedelta(hours=2))
    assert_refused(await sign_in(identity, *await sent_code(identity, phones, phone, device_id="yet-another")), 429)


async def test_security_05_a_phone_gets_three_codes_in_ten_minutes(identity: Identity) -> None:
    phone = canary_phone()
    answers = await asyncio.gather(*(ask_as_stranger(identity, phone) for _ in range(12)))
    assert Counter(answer.status_code for answer in answers) == {202: 3, 429: 9}
    await pass_time(identity, timedelta(minutes=9))
    assert (await ask(identity, phone)).status_code == 429
    await pass_time(identity, timedelta(minutes=2))
    assert (await ask(identity, phone)).status_code == 202


async def test_security_05_a_phone_gets_ten_codes_a_day_by_strangers_and_its_owner_more(
    identity: Identity, phones: httpx.AsyncClient
) -> None:
    phone = canary_phone()
    assert (await sign_in(identity, *await sent_code(identity, phones, phone))).status_code == 200
    sent = 1
    for _ in range(6):
        await pass_time(identity, timedelta(minutes=11))
        answers = [await ask_as_stranger(identity, phone) for _ in range(3)]
        sent += sum(answer.status_code == 202 for answer in answers)
    assert sent == 10
    assert (await ask(identity, phone)).status_code == 202


@pytest.mark.parametrize(
    ("limits", "how"),
    [
        ({"sends_per_network": 4}, {"address": "198.51.100.20"}),
        ({"sends_per_network": 4}, {"address": "2001:db8:1:2:{number}::1"}),
        ({"sends_per_device": 4}, {"device_id": "device-of-a-flood"}),
        ({"sends_per_prefix": 4}, {}),
        ({"sends_per_day": 4}, {}),
    ],
    ids=["address", "network", "device", "prefix", "day"],
)
async def test_security_05_floods_over_many_phones_end(
    identity: Identity, limits: dict[str, int], how: dict[str, str]
) -> None:
    limit(identity, **limits)
    last: dict[str, str] = {}
    for number in range(4):
        chosen = {name: value.format(number=number) for name, value in how.items()}
        chosen.setdefault("address", f"203.0.113.{number}")
        chosen.setdefault("device_id", f"device-{new_id()}")
        assert (await ask(identity, canary_phone(), **chosen)).status_code == 202
        last = chosen
    refused = await ask(identity, canary_phone(), **last)
    assert refused.status_code == 429
    if how or "sends_per_prefix" in limits:
        assert (await ask_as_stranger(identity, FOREIGN_PHONES[0])).status_code == 202
    else:
        assert (await ask_as_stranger(identity, FOREIGN_PHONES[0])).status_code == 429


async def test_security_05_refused_requests_count_nowhere(identity: Identity) -> None:
    """A flood that one limit stops does not use up what others share."""
    limit(identity, sends_per_day=5)
    phone = canary_phone()
    for _ in range(10):
        await ask_as_stranger(identity, phone)
    answers = [(await ask_as_stranger(identity, canary_phone())).status_code for _ in range(3)]
    assert answers == [202, 202, 429]


async def test_security_05_every_limit_answers_alike(identity: Identity) -> None:
    phone = canary_phone()
    answers = [[await ask_as_stranger(identity, phone) for _ in range(4)][-1]]
    for limits in ({"sends_per_prefix": 1}, {"sends_per_day": 1}, {"sends_per_network": 1}):
        limit(identity, **limits)
        await ask(identity, canary_phone())
        answers.append(await ask(identity, canary_phone()))
    bodies = [answer.json() | {"trace_id": ""} for answer in answers]
    assert {answer.status_code for answer in answers} == {429}
    assert all(body == bodies[0] for body in bodies)
    assert all(int(answer.headers["retry-after"]) % 60 == 0 for answer in answers)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(0, 400), min_size=3, max_size=20), most=st.integers(1, 4))
async def test_counts_let_as_many_through_as_the_limit_says_and_never_more(
    identity: Identity, steps: list[int], most: int
) -> None:
    """No window holds more, and nothing is refused that a window and a tenth would let through.

    A slow machine adds some seconds to the clock of the test.
    """
    tried, accepted, clock = Limit("test", str(new_id()), most, 600), list[int](), 0
    for step in steps:
        clock += step
        await pass_time(identity, timedelta(seconds=step))
        (usage,) = await identity.store.transact(lambda tx: take(tx, [tried]))
        near = sum(clock - 590 < moment for moment in accepted)
        far = sum(clock - 662 <= moment for moment in accepted)
        assert usage.is_full or near < most
        assert not usage.is_full or far >= most
        if not usage.is_full:
            accepted.append(clock)
    slots = await identity.sql("SELECT count(*) FROM limit_counts WHERE key = $1 AND ends_at > now()", tried.key)
    assert slots <= 2 * SLOTS


async def _pump(identity: Identity, count: int, verified: int, phones: httpx.AsyncClient) -> None:
    """Codes sent to many phones of the canaries' prefix, of which so many come back; then their time is over."""
    for number in range(count):
        phone = canary_phone()
        response = await ask_as_stranger(identity, phone)
        assert response.status_code == 202
        if number < verified:
            message = await eventually(lambda phone=phone: _newest(phones, phone))
            (code,) = re.findall(r"\d{6}", message["text"])
            await otp.prove(identity.process, response.json()["request_id"], code)
    await eventually(lambda: _nothing_waits(identity))
    await pass_time(identity, timedelta(minutes=12))
    await otp.judge_ended(identity.process)


async def _newest(phones: httpx.AsyncClient, phone: str) -> Any:
    messages = (await phones.get("/control/sms/messages", params={"phone": phone})).json()
    return messages[-1] if messages else None


async def _nothing_waits(identity: Identity) -> bool:
    return await identity.sql(
        "SELECT NOT EXISTS (SELECT FROM sms_messages) AND NOT EXISTS (SELECT FROM otp_requests WHERE sent_at IS NULL)"
    )


async def test_security_06_a_prefix_whose_codes_do_not_come_back_is_blocked_for_a_while(
    identity: Identity, phones: httpx.AsyncClient
) -> None:
    limit(identity, judged_sends=10, block_hours=6)
    owner = canary_phone()
    assert (await sign_in(identity, *await sent_code(identity, phones, owner))).status_code == 200
    await _pump(identity, 10, 1, phones)
    assert (await ask_as_stranger(identity, canary_phone())).status_code == 429
    assert (await ask_as_stranger(identity, FOREIGN_PHONES[1])).status_code == 202
    assert (await ask(identity, owner)).status_code == 202, "its owner's own device"
    await pass_time(identity, timedelta(hours=6))
    assert (await ask_as_stranger(identity, canary_phone())).status_code == 202


async def test_operator_sees_and_ends_a_block(identity: Identity, phones: httpx.AsyncClient) -> None:
    limit(identity, judged_sends=3)
    await _pump(identity, 3, 0, phones)
    (rate,) = await prefixes.list_prefixes(identity.process)
    assert rate.prefix == "+86199"
    assert rate.blocked_until is not None
    await prefixes.unblock_prefix(identity.process, "+86199")
    assert (await ask_as_stranger(identity, canary_phone())).status_code == 202
    assert await identity.sql("SELECT count(*) FROM audit_log WHERE action = 'prefix-unblocked'") == 1
    with pytest.raises(UnknownPrefix, match="not blocked"):
        await prefixes.unblock_prefix(identity.process, "+86199")


async def test_security_06_a_prefix_of_people_is_not_blocked(identity: Identity, phones: httpx.AsyncClient) -> None:
    limit(identity, judged_sends=10)
    await _pump(identity, 10, 3, phones)
    assert (await ask_as_stranger(identity, canary_phone())).status_code == 202


async def test_security_06_codes_that_no_provider_took_are_not_held_against_a_prefix(
    identity: Identity, phones: httpx.AsyncClient
) -> None:
    limit(identity, judged_sends=5)
    for provider in ("aliyun", "twilio"):
        code = {"aliyun": "isv.MOBILE_NUMBER_ILLEGAL", "twilio": "21211"}[provider]
        fault = {"provider": provider, "kind": "error", "code": code, "times": 100}
        await phones.post("/control/sms/faults", json=fault)
    for _ in range(6):
        await ask_as_stranger(identity, canary_phone())
    await eventually(lambda: _no_messages(identity))
    await pass_time(identity, timedelta(minutes=12))
    await otp.judge_ended(identity.process)
    assert (await ask_as_stranger(identity, canary_phone())).status_code == 202


async def _no_messages(identity: Identity) -> bool:
    return await identity.sql("SELECT NOT EXISTS (SELECT FROM sms_messages)")


async def _work_of(identity: Identity, monkeypatch: pytest.MonkeyPatch, phone: str) -> tuple[list[str], int]:
    """All that the database is asked for one request, and the request's status; what runs beside it is not counted."""
    asked, own_task = list[str](), asyncio.current_task()

    def noting(method: Any) -> Any:
        async def noted(self: Any, query: str, *rest: Any, **more: Any) -> Any:
            if asyncio.current_task() is own_task:
                asked.append(query)
            return await method(self, query, *rest, **more)

        return noted

    status = 202
    with monkeypatch.context() as patch:
        for name in ("_execute", "execute"):
            patch.setattr(asyncpg.Connection, name, noting(getattr(asyncpg.Connection, name)))
        try:
            await otp.request_code(identity.process, phone, DEVICE, Caller("198.51.100.7"))
        except Problem as problem:
            status = problem.status
    return asked, status


async def test_security_07_known_and_unknown_phones_get_the_same_reply_for_the_same_work(
    identity: Identity, phones: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, unknown = canary_phone(), canary_phone()
    owners = await sent_code(identity, phones, known, device_id="device-of-its-real-owner")
    assert (await sign_in(identity, *owners)).status_code == 200
    await pass_time(identity, timedelta(minutes=11))
    answers = [await ask(identity, phone) for phone in (known, unknown)]
    assert _shape(answers[0]) == _shape(answers[1])
    work = [await _work_of(identity, monkeypatch, phone) for phone in (known, unknown)]
    assert work[0] == work[1]
    assert (len(work[0][0]) >= 6, work[0][1]) == (True, 202)
    answers = [[await ask(identity, phone) for _ in range(2)][-1] for phone in (known, unknown)]
    assert _shape(answers[0]) == _shape(answers[1])
    refused = [await _work_of(identity, monkeypatch, phone) for phone in (known, unknown)]
    assert refused[0] == refused[1]
    assert refused[0][1] == 429


def _shape(response: httpx.Response) -> Any:
    """An answer without what is new each time."""
    body = {name: value if isinstance(value, int) else type(value) for name, value in response.json().items()}
    return response.status_code, body, len(response.content), sorted(response.headers)


async def test_two_codes_at_once_make_one_account(identity: Identity, phones: httpx.AsyncClient) -> None:
    phone = canary_phone()
    codes = [await sent_code(identity, phones, phone) for _ in range(3)]
    answers = await asyncio.gather(*(sign_in(identity, *code) for code in codes))
    assert [answer.status_code for answer in answers] == [200] * 3
    assert await identity.sql("SELECT count(*) FROM users") == 1


async def test_what_is_over_is_deleted(identity: Identity, phones: httpx.AsyncClient) -> None:
    assert (await sign_in(identity, *await sent_code(identity, phones, canary_phone()))).status_code == 200
    await sent_code(identity, phones, canary_phone())
    await pass_time(identity, timedelta(days=200))
    await otp.judge_ended(identity.process)
    await otp.judge_ended(identity.process)
    for table in ("otp_requests", "sms_messages", "limit_counts", "familiar_devices"):
        assert await identity.sql(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608


async def test_forgotten_phone_leaves_nothing(identity: Identity, phones: httpx.AsyncClient) -> None:
    phone = canary_phone()
    assert (await sign_in(identity, *await sent_code(identity, phones, phone))).status_code == 200
    await identity.store.transact(lambda tx: otp.forget_phone(identity.process, tx, phone))
    assert await identity.sql("SELECT count(*) FROM familiar_devices") == 0
    assert await identity.sql("SELECT count(*) FROM otp_requests") == 0
