"""The sign-in page: who is sent where, with what, and who is not."""

import asyncio
import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from pyotp.totp import TOTP

from forecourt.sms import code_from
from identity.domain.people import StaffRole
from identity.repository import codes
from identity.use_cases.staff_commands import NewStaff, make_staff
from servicekit.ids import new_id
from servicekit.testkit import canary_phone, eventually

from .conftest import Identity
from .oauth_kit import (
    APP,
    AUTHORIZE,
    CALLBACK,
    CONSOLE,
    TOKEN,
    Asking,
    Browser,
    claims_of,
    code_by_phone,
    manager,
    new_pkce,
    refresh_form,
    returned,
)

PASSWORD = "a canary sings at dawn"
THIRD_PARTY = "other-maps"  # no canary: an app is nobody's secret, and its id is in every address


async def exchange(identity: Identity, asking: Asking, code: str, **form: str) -> httpx.Response:
    """The answer to the code, with fields changed or, where they are empty, left out."""
    return await identity.client.post(TOKEN, data=asking.exchange(code) | form)


def assert_refused(response: httpx.Response, error: str) -> None:
    assert (response.status_code, response.json()["error"]) == (400, error), response.text


def assert_stays(response: httpx.Response, text: str = "") -> None:
    """The browser is sent nowhere, and nothing can be made of the page."""
    assert response.status_code == 400, response.text
    assert "location" not in response.headers
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "<form" not in response.text
    assert text in response.text


async def new_staff(identity: Identity, *roles: StaffRole) -> NewStaff:
    email = f"mei-{new_id()}@canary-forecourt.example"
    return await make_staff(identity.process, email, PASSWORD, "canary-mei", roles, replace_existing=False)


# The way a driver goes


async def test_a_driver_signs_in_by_phone(identity: Identity, simulators: httpx.AsyncClient) -> None:
    asking, phone = Asking(), canary_phone()
    back = await code_by_phone(identity, simulators, phone, asking)
    assert (back["state"], back["iss"]) == (asking.state, identity.settings.issuer)
    response = await exchange(identity, asking, back["code"], device_name="canary-phone")
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    claims = claims_of(body["access_token"])
    assert (claims["roles"], claims["amr"], claims["scope"]) == (["driver"], ["otp", "sms"], body["scope"])
    assert claims["auth_time"] <= claims["iat"]
    held = {"Authorization": f"Bearer {body['access_token']}"}
    (session,) = (await identity.client.get("/v1/me/sessions", headers=held)).json()["sessions"]
    assert session["device"] == "canary-phone"
    again = await code_by_phone(identity, simulators, canary_phone(), Asking())
    assert again["code"] != back["code"]


async def test_the_same_phone_is_the_same_person(identity: Identity, simulators: httpx.AsyncClient) -> None:
    phone, subjects = canary_phone(), set()
    for _ in range(2):
        asking = Asking()
        back = await code_by_phone(identity, simulators, phone, asking, scope="driver nonsense")
        body = (await exchange(identity, asking, back["code"])).json()
        assert body["scope"] == "driver"
        subjects.add(claims_of(body["access_token"])["sub"])
    assert len(subjects) == 1


async def test_staff_sign_in_by_password_and_second_factor(identity: Identity) -> None:
    staff = await new_staff(identity, manager("Aral"))
    for code in (TOTP(staff.enrolment.secret).now(), staff.recovery_codes[0]):
        asking, browser = Asking(CONSOLE, "http://127.0.0.1:49152/signed-in"), Browser(identity.client)
        await browser.open(asking.query)
        await browser.press("password", email=staff.email.upper(), password=PASSWORD)
        back = returned(await browser.press("second_factor", code=f" {code} "), asking.redirect_uri)
        claims = claims_of((await exchange(identity, asking, back["code"])).json()["access_token"])
        assert (claims["roles"], claims["amr"]) == (["manager"], ["pwd", "otp", "mfa"])
        assert claims["grants"] == [{"role": "manager", "operators": ["Aral"], "stations": []}]
        assert "staff:manage" in claims["scope"].split()
    signed_in = "SELECT count(*) FROM audit_log WHERE action = 'signed-in' AND subject = $1"
    assert await identity.sql(signed_in, str(staff.user_id)) == 2


async def test_wrong_passwords_and_codes_are_told_alike(identity: Identity) -> None:
    staff, answers = await new_staff(identity, manager("Aral")), []
    for email, password in ((staff.email, "wrong"), ("nobody@canary-forecourt.example", PASSWORD)):
        browser = Browser(identity.client)
        await browser.open(Asking(CONSOLE, "https://console.forecourt.example/signed-in").query)
        step = await browser.press("password", email=email, password=password)
        assert step.status_code == 200
        wrong = await browser.press("second_factor", code=TOTP(staff.enrolment.secret).now())
        answers.append((wrong.status_code, "The e-mail address, the password or the code is not right." in wrong.text))
    assert answers == [(400, True)] * 2


async def test_a_wrong_code_is_told_in_the_readers_language(identity: Identity, simulators: httpx.AsyncClient) -> None:
    phone, asked_at = canary_phone(), datetime.now(UTC)
    browser = Browser(identity.client, **{"Accept-Language": "zh-CN,zh;q=0.9"})
    page = await browser.open(Asking().query)
    assert '<html lang="zh">' in page.text
    assert (await browser.press("phone", phone="12")).status_code == 400
    assert 'role="alert"' in browser.page.text
    await browser.press("phone", phone=phone)
    code = await code_from(str(simulators.base_url), phone, asked_at)
    wrong = await browser.press("code", code=f"{(int(code) + 1) % 10**6:06}")
    assert wrong.status_code == 400
    assert "验证码不正确或已失效" in wrong.text
    returned(await browser.press("code", code=code))


async def test_too_many_codes_are_told_with_the_time_to_wait(identity: Identity) -> None:
    phone = canary_phone()
    browser = Browser(identity.client)
    for _ in range(4):
        await browser.open(Asking().query)
        await browser.press("phone", phone=phone)
    last = browser.page
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) > 0
    assert "Wait" in last.text


async def test_cancel_goes_back_with_a_denial(identity: Identity) -> None:
    asking, browser = Asking(), Browser(identity.client)
    await browser.open(asking.query)
    back = returned(await browser.press("cancel"))
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", asking.state, identity.settings.issuer)
    assert "code" not in back
    assert await identity.sql("SELECT count(*) FROM authorization_requests") == 0


async def test_an_app_on_a_phone_gets_its_code_by_its_own_scheme(
    identity: Identity, simulators: httpx.AsyncClient
) -> None:
    asking = Asking(redirect_uri="forecourt://signed-in")
    back = await code_by_phone(identity, simulators, canary_phone(), asking)
    assert (await exchange(identity, asking, back["code"])).status_code == 200


# Apps of others


@pytest.fixture
async def third_party(identity: Identity) -> Any:
    """An app that is not ours, and whose name is an attack."""
    await identity.sql(
        "INSERT INTO apps VALUES ($1, $2, $3, $4, false, now())", THIRD_PARTY, "<script>alert(1)</script>",
        ["account", "driver"], ["https://maps.example/in"],
    )  # fmt: skip
    yield Asking(THIRD_PARTY, "https://maps.example/in")
    for table in ("authorization_codes", "authorization_requests", "sessions", "apps"):
        await identity.sql(f"DELETE FROM {table} WHERE client_id = $1", THIRD_PARTY)  # noqa: S608


async def test_the_person_is_asked_before_another_app_gets_anything(
    identity: Identity, simulators: httpx.AsyncClient, third_party: Asking
) -> None:
    for action in ("approve", "cancel"):
        browser, phone, asked_at = Browser(identity.client), canary_phone(), datetime.now(UTC)
        await browser.open(third_party.query | {"scope": "driver"})
        assert "<script>" not in browser.page.text
        await browser.press("phone", phone=phone)
        page = await browser.press("code", code=await code_from(str(simulators.base_url), phone, asked_at))
        assert page.status_code == 200
        assert "vehicles" in page.text
        assert await identity.sql("SELECT count(*) FROM authorization_codes") == 0
        back = returned(await browser.press(action), third_party.redirect_uri)
        if action == "approve":
            body = (await exchange(identity, third_party, back["code"])).json()
            assert body["scope"] == "driver"
            await identity.sql("DELETE FROM authorization_codes")
        else:
            assert back["error"] == "access_denied"


async def test_another_app_cannot_skip_the_consent_or_take_proofs_itself(
    identity: Identity, third_party: Asking
) -> None:
    browser = Browser(identity.client)
    page = await browser.open(third_party.query)
    sign_in = page.text.split('name="sign_in" value="')[1].split('"')[0]
    skipped = await identity.client.post(AUTHORIZE, data={"sign_in": sign_in, "action": "approve"})
    assert skipped.status_code == 200
    assert "location" not in skipped.headers
    proof = {
        "grant_type": "urn:forecourt:grant:otp",
        "client_id": THIRD_PARTY,
        "request_id": str(new_id()),
        "code": "1",
    }
    assert_refused(await identity.client.post(TOKEN, data=proof), "unauthorized_client")


# 11: PKCE


async def test_security_11_pkce_with_s256_is_required(identity: Identity) -> None:
    asking = Asking()
    for changed in (
        {"code_challenge": ""}, {"code_challenge_method": ""}, {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"}, {"code_challenge": "short"}, {"code_challenge": "!" * 43},
        {"code_challenge": "", "code_challenge_method": ""},
    ):  # fmt: skip
        back = returned(await Browser(identity.client).open(asking.query | changed))
        assert (back["error"], back["state"], back["iss"]) == (
            "invalid_request", asking.state, identity.settings.issuer
        )  # fmt: skip
    assert await identity.sql("SELECT count(*) FROM authorization_requests") == 0


async def test_security_11_a_code_needs_its_verifier(identity: Identity, simulators: httpx.AsyncClient) -> None:
    asking = Asking()
    back = await code_by_phone(identity, simulators, canary_phone(), asking)
    challenge, other = asking.pkce[1], new_pkce()[0]
    wrong = {"": "invalid_request", challenge: "invalid_grant", other: "invalid_grant", "v" * 42: "invalid_request"}
    for verifier, error in wrong.items():
        assert_refused(await exchange(identity, asking, back["code"], code_verifier=verifier), error)
    assert (await exchange(identity, asking, back["code"])).status_code == 200


# 12: redirect URIs


FOREIGN_URIS = (
    "", "https://evil.example/", CALLBACK + "/", CALLBACK + "?next=https://evil.example", CALLBACK + "#x",
    "https://app.forecourt.example.evil.example/signed-in", "https://app.forecourt.example@evil.example/signed-in",
    "//evil.example/signed-in", "javascript:alert(1)", "http://127.0.0.1:1@evil.example/signed-in",
    'https://evil.example/"', "https://evil.example/\\", "https://evil.example/\u202e", "\x00", "x" * 5_000,
)  # fmt: skip


async def test_security_12_nobody_is_sent_to_a_foreign_uri(identity: Identity) -> None:
    """Whatever else is wrong with the request, or right."""
    for uri in FOREIGN_URIS:
        for more in ({}, {"response_type": "token"}, {"code_challenge": ""}, {"prompt": "none"}, {"scope": "x"}):
            page = await Browser(identity.client).open(Asking(redirect_uri=uri).query | more)
            assert_stays(page, "redirect_uri")
            assert "evil" not in page.text, "anybody could write on our page"


async def test_security_12_an_unknown_app_gets_nothing(identity: Identity) -> None:
    for client_id in ("", "no-such-app", "FORECOURT-APP", "\x00", "x' OR '1'='1", str(new_id()), "é"):
        assert_stays(await Browser(identity.client).open(Asking(client_id).query), "client_id")


async def test_security_12_a_parameter_that_comes_twice_is_refused(identity: Identity) -> None:
    for name in ("redirect_uri", "client_id", "state", "scope", "response_type"):
        query = urlencode(Asking().query | {"scope": "driver"}) + f"&{name}=other"
        assert_stays(await Browser(identity.client).open(query))


async def test_security_12_the_code_is_bound_to_its_redirect_uri(
    identity: Identity, simulators: httpx.AsyncClient
) -> None:
    asking = Asking()
    back = await code_by_phone(identity, simulators, canary_phone(), asking)
    for uri in ("", "forecourt://signed-in", CALLBACK + "/"):
        assert_refused(await exchange(identity, asking, back["code"], redirect_uri=uri), "invalid_grant")
    assert (await exchange(identity, asking, back["code"])).status_code == 200


# 13: codes


async def test_security_13_a_second_use_ends_what_came_of_the_first(
    identity: Identity, simulators: httpx.AsyncClient
) -> None:
    asking = Asking()
    back = await code_by_phone(identity, simulators, canary_phone(), asking)
    tokens = (await exchange(identity, asking, back["code"])).json()
    held = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await identity.client.get("/v1/me", headers=held)).status_code == 200
    assert_refused(await exchange(identity, asking, back["code"]), "invalid_grant")
    assert_refused(await identity.client.post(TOKEN, data=refresh_form(tokens["refresh_token"])), "invalid_grant")

    async def access_is_over() -> bool:
        return (await identity.client.get("/v1/me", headers=held)).status_code == 401

    await eventually(access_is_over)
    reasons = "SELECT array_agg(details->>'reason') FROM audit_log WHERE action = 'session-stolen'"
    assert await identity.sql(reasons) == ["code_reused"]


async def test_security_13_of_two_exchanges_at_once_none_is_left(
    identity: Identity, simulators: httpx.AsyncClient
) -> None:
    """One wins, and the other shows that the code is in two hands: so nobody keeps what it gave."""
    asking = Asking()
    back = await code_by_phone(identity, simulators, canary_phone(), asking)
    answers = await asyncio.gather(*(exchange(identity, asking, back["code"]) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400]
    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert await identity.sql("SELECT count(*) FROM sessions") == 1
    assert_refused(await identity.client.post(TOKEN, data=refresh_form(won["refresh_token"])), "invalid_grant")


async def test_security_13_a_code_lives_for_a_minute(identity: Identity, simulators: httpx.AsyncClient) -> None:
    for seconds, status in ((58, 200), (60, 400)):
        asking = Asking()
        back = await code_by_phone(identity, simulators, canary_phone(), asking)
        await identity.sql(
            "UPDATE authorization_codes SET created_at = created_at - make_interval(secs => $1)", float(seconds)
        )
        assert (await exchange(identity, asking, back["code"])).status_code == status


async def test_security_13_a_code_of_another_app_is_none(identity: Identity, simulators: httpx.AsyncClient) -> None:
    """Mix-up: what one app got by mistake, or stole, is of no use to it."""
    asking = Asking()
    back = await code_by_phone(identity, simulators, canary_phone(), asking)
    assert_refused(await exchange(identity, asking, back["code"], client_id=CONSOLE), "invalid_grant")
    machine = await identity.new_client()
    form = asking.exchange(back["code"]) | {"client_id": str(machine.client.id), "client_secret": machine.secret}
    assert_refused(await identity.client.post(TOKEN, data=form), "unauthorized_client")
    assert (await exchange(identity, asking, back["code"])).status_code == 200


async def test_a_code_of_somebody_who_is_gone_is_none(identity: Identity, simulators: httpx.AsyncClient) -> None:
    asking = Asking()
    back = await code_by_phone(identity, simulators, canary_phone(), asking)
    await identity.sql("UPDATE users SET state = 'erased', ended_at = now()")
    assert_refused(await exchange(identity, asking, back["code"]), "invalid_grant")
    assert await identity.sql("SELECT count(*) FROM sessions") == 0


async def test_security_13_what_is_no_code_is_refused(identity: Identity) -> None:
    assert_refused(await exchange(identity, Asking(), ""), "invalid_request")
    for code in ("nonsense", "\x00", "é" * 100):
        assert_refused(await exchange(identity, Asking(), code), "invalid_grant")


# 14: grants that OAuth 2.1 has not


async def test_security_14_no_tokens_come_by_redirect(identity: Identity) -> None:
    for kind in ("token", "id_token", "code token", "", "none"):
        back = returned(await Browser(identity.client).open(Asking().query | {"response_type": kind}))
        assert back["error"] == "unsupported_response_type"
        assert not {"code", "access_token"} & set(back)


# What the page is made of


async def test_the_page_can_be_neither_framed_nor_fed(identity: Identity) -> None:
    page = await Browser(identity.client).open(Asking(redirect_uri="http://127.0.0.1:49152/signed-in").query)
    policy = page.headers["content-security-policy"]
    assert "form-action 'self' http://127.0.0.1:49152;" in policy
    assert "frame-ancestors 'none'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    style = page.text.split("<style>")[1].split("</style>")[0]
    assert f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" in policy
    assert page.headers["cache-control"] == "no-store"
    assert "set-cookie" not in page.headers
    assert "<script" not in page.text


async def test_what_a_person_types_is_neither_shown_nor_kept(identity: Identity) -> None:
    browser, phone = Browser(identity.client), canary_phone()
    await browser.open(Asking().query)
    await browser.press("password", email='"><script>canary-mei@x', password="canary-secret")
    assert "canary" not in browser.page.text
    await browser.press("start")
    await browser.press("phone", phone=phone)
    assert phone not in browser.page.text
    progress = await identity.sql("SELECT progress::text FROM authorization_requests")
    assert set(json.loads(progress)) == {"otp"}
    assert phone[-6:] not in progress


async def test_a_page_is_good_once_and_for_ten_minutes(identity: Identity, simulators: httpx.AsyncClient) -> None:
    phone, asked_at, browser = canary_phone(), datetime.now(UTC), Browser(identity.client)
    await browser.open(Asking().query)
    await browser.press("phone", phone=phone)
    code, page = await code_from(str(simulators.base_url), phone, asked_at), browser.page
    returned(await browser.press("code", code=code))
    browser.page = page
    assert_stays(await browser.press("code", code=code), "run out")
    await browser.open(Asking().query)
    await identity.sql("UPDATE authorization_requests SET created_at = created_at - interval '10 minutes'")
    assert_stays(await browser.press("phone", phone=phone), "run out")


async def test_two_right_forms_at_once_give_one_code(
    identity: Identity, simulators: httpx.AsyncClient, third_party: Asking
) -> None:
    """A double click on the consent: nothing is used up before it but the page itself."""
    browser, phone, asked_at = Browser(identity.client), canary_phone(), datetime.now(UTC)
    await browser.open(third_party.query)
    await browser.press("phone", phone=phone)
    page = await browser.press("code", code=await code_from(str(simulators.base_url), phone, asked_at))

    async def approve() -> int:
        again = Browser(identity.client)
        again.page = page
        return (await again.press("approve")).status_code

    assert sorted(await asyncio.gather(*(approve() for _ in range(4)))) == [303, 400, 400, 400]
    assert await identity.sql("SELECT count(*) FROM authorization_codes") == 1


async def test_a_form_of_no_page_goes_nowhere(identity: Identity) -> None:
    for form in (
        {}, {"sign_in": "nonsense", "action": "phone"}, {"sign_in": "\x00", "action": "code"}, {"action": "approve"},
        {"sign_in": "x" * 9_000},
    ):  # fmt: skip
        assert_stays(await identity.client.post(AUTHORIZE, data=form))


async def test_what_is_no_form_goes_nowhere(identity: Identity) -> None:
    assert_stays(await identity.client.post(AUTHORIZE, json={"sign_in": "x"}))
    assert_stays(await identity.client.get(f"{AUTHORIZE}?%ff=%ff"))
    assert_stays(await identity.client.get(f"{AUTHORIZE}?" + "&".join(f"f{number}=1" for number in range(50))))


async def test_who_may_not_be_asked_is_not_signed_in(identity: Identity) -> None:
    back = returned(await Browser(identity.client).open(Asking().query | {"prompt": "none"}))
    assert back["error"] == "interaction_required"


async def test_a_scope_that_the_app_has_not_is_refused_at_the_app(identity: Identity) -> None:
    back = returned(await Browser(identity.client).open(Asking().query | {"scope": "staff:manage"}))
    assert back["error"] == "invalid_scope"


async def test_state_comes_back_as_it_was_or_not_at_all(identity: Identity) -> None:
    for state in ("", "s" * 1_024, 'a"b\\c&d=e #', "%00"):
        browser = Browser(identity.client)
        await browser.open(Asking(state=state).query)
        assert returned(await browser.press("cancel")).get("state", "") == state
    for state in ("s" * 1_025, "\x00", "é"):
        assert_stays(await Browser(identity.client).open(Asking(state=state).query))


async def test_what_was_left_is_forgotten(identity: Identity, simulators: httpx.AsyncClient) -> None:
    await code_by_phone(identity, simulators, canary_phone(), Asking(APP))
    await Browser(identity.client).open(Asking().query)
    for table in ("authorization_requests", "authorization_codes"):
        await identity.sql(f"UPDATE {table} SET created_at = created_at - interval '25 hours'")  # noqa: S608
    async with identity.store.connection() as connection:
        await codes.delete_old(connection)
    assert await identity.sql("SELECT count(*) FROM authorization_requests") == 0
    assert await identity.sql("SELECT count(*) FROM authorization_codes") == 0
