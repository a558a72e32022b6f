"""A person's own account: what it shows, and settings that change by merge patch."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.domain.people import LoginKind
from identity.domain.profile import Profile, masked, merged, profile_of
from servicekit.access import Role

from .account_kit import bearer, sign_in
from .conftest import Identity

DEFAULTS = {"marketing": False, "price_alerts": True, "receipts": True, "channels": ["push"]}
DOCUMENTS = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text("xyz", max_size=5)),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=4),
)
OBJECTS = st.dictionaries(st.text("abc", min_size=1, max_size=2), DOCUMENTS, max_size=4)


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_says_what_holds_and_changes_nothing_the_second_time(
    document: dict[str, Any], patch: dict[str, Any]
) -> None:
    once = merged(document, patch)
    assert merged(once, patch) == once
    assert {name: once[name] for name in document if name not in patch} == {
        name: value for name, value in document.items() if name not in patch
    }
    assert all(once[name] == value for name, value in patch.items() if not isinstance(value, dict))


@given(OBJECTS)
def test_null_takes_a_field_out_wherever_it_is(document: dict[str, Any]) -> None:
    assert merged(document, dict.fromkeys(document)) == {}


def test_what_is_not_known_any_more_is_left_out() -> None:
    assert profile_of({"nickname": "n", "shoe_size": 44, "notifications": {"fax": True}}).nickname == "n"
    assert profile_of({}) == Profile()


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (LoginKind.PHONE, "+8613812341234", "+86138****1234"),
        (LoginKind.EMAIL, "anna.b@canary-forecourt.example", "a***@canary-forecourt.example"),
        (LoginKind.WECHAT, "oCanary-openid-77", "oC****77"),
        (LoginKind.ALIPAY, "2088", "****"),
    ],
)
def test_a_login_is_shown_as_far_as_its_owner_needs_to_know_it_by(kind: LoginKind, value: str, shown: str) -> None:
    assert masked(kind, value) == shown


async def test_an_account_shows_who_it_is_without_the_whole_number(identity: Identity) -> None:
    anna = await sign_in(identity)
    reply = await identity.client.get("/v1/me", headers=anna.headers)
    account = reply.json()
    assert reply.status_code == 200, reply.text
    assert (account["user_id"], account["is_driver"], account["roles"]) == (str(anna.id), True, [])
    [login] = account["identities"]
    assert (login["kind"], login["shown"][-4:]) == ("phone", anna.phone[-4:])
    assert anna.phone not in reply.text
    assert account["profile"] == {
        "nickname": None, "locale": "zh", "default_fuel": None, "birthday_month": None, "notifications": DEFAULTS,
    }  # fmt: skip


async def test_settings_change_field_by_field_and_lie_sealed(identity: Identity) -> None:
    anna = await sign_in(identity)

    async def patch(body: dict[str, Any]) -> dict[str, Any]:
        reply = await identity.client.patch("/v1/me", json=body, headers=anna.headers)
        assert reply.status_code == 200, reply.text
        return reply.json()["profile"]

    changed = await patch({"nickname": " canary-anna ", "notifications": {"channels": ["sms"], "receipts": False}})
    assert changed["nickname"] == "canary-anna"
    assert changed["notifications"] == DEFAULTS | {"channels": ["sms"], "receipts": False}
    changed = await patch({"birthday_month": 5, "default_fuel": "petrol_95", "notifications": {"receipts": None}})
    assert (changed["nickname"], changed["birthday_month"], changed["default_fuel"]) == ("canary-anna", 5, "petrol_95")
    assert changed["notifications"] == DEFAULTS | {"channels": ["sms"]}
    assert (await patch({"nickname": None}))["nickname"] is None
    assert "sms" not in await identity.sql("SELECT encode(profile, 'escape') FROM users")


async def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused(identity: Identity) -> None:
    anna = await sign_in(identity)
    seen = (await identity.client.get("/v1/me", headers=anna.headers)).headers["ETag"]
    matched = anna.headers | {"If-Match": seen}
    first = await identity.client.patch("/v1/me", json={"locale": "en"}, headers=matched)
    second = await identity.client.patch("/v1/me", json={"locale": "zh"}, headers=matched)
    assert (first.status_code, second.status_code) == (200, 412), second.text
    assert second.json()["type"] == "urn:forecourt:problem:changed-meanwhile"
    assert first.headers["ETag"] != seen


async def test_changes_at_the_same_time_are_all_kept(identity: Identity) -> None:
    anna = await sign_in(identity)
    bodies: list[dict[str, Any]] = [
        {"nickname": "canary-a"}, {"locale": "en"}, {"birthday_month": 2}, {"default_fuel": "e5"}
    ]  # fmt: skip
    await asyncio.gather(*(identity.client.patch("/v1/me", json=body, headers=anna.headers) for body in bodies))
    profile = (await identity.client.get("/v1/me", headers=anna.headers)).json()["profile"]
    assert {name: profile[name] for body in bodies for name in body} == {k: v for b in bodies for k, v in b.items()}


WRONG_SETTINGS: list[dict[str, Any]] = [
    {"nickname": ""}, {"nickname": "x" * 51}, {"nickname": "a\u202eb"}, {"locale": "fr"}, {"birthday_month": 13},
    {"birthday_month": "5"}, {"user_id": "1"}, {"notifications": {"channels": ["pigeon"]}}, {"roles": ["admin"]},
]  # fmt: skip


async def test_bad_settings_are_refused(identity: Identity) -> None:
    anna = await sign_in(identity)
    for body in WRONG_SETTINGS:
        reply = await identity.client.patch("/v1/me", json=body, headers=anna.headers)
        assert reply.status_code == 422, (body, reply.text)


async def test_a_token_of_nobody_is_refused(identity: Identity) -> None:
    anna = await sign_in(identity)
    for subject in ("somebody", "01930b5e-7c1a-7000-8000-0d5f6e7a8b90"):
        headers = await bearer(identity.process, anna.id, anna.session_id, [Role.DRIVER], sub=subject)
        for path in ("/v1/me", "/v1/me/vehicles", "/v1/me/sessions", "/v1/me/consents"):
            assert (await identity.client.get(path, headers=headers)).status_code == 401
