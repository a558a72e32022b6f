"""Invitations, from the link to the first sign-in, and what happens when somebody has no right to them any more."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from identity.domain.invitations import LIFE
from identity.domain.oauth import OAuthError
from identity.domain.passwords import ACCOUNT_ON_NETWORK
from identity.use_cases.erasure import erase_account
from identity.use_cases.invitations import forget_expired, invite
from identity.use_cases.staff_commands import set_roles_of

from .conftest import Identity
from .staff_kit import PASSWORD, Staff, code_of, forget_steps, new_address, new_staff, refresh, role, sign_in

NEW_PASSWORD = "nine yellow pumps at dusk"
Answer = dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """Whoever holds the link of an invitation."""

    identity: Identity
    token: str

    async def accept(self, password: str = PASSWORD, name: str | None = "canary-bob") -> httpx.Response:
        """The first step."""
        body = {"token": self.token, "password": password} | ({"display_name": name} if name else {})
        return await self.identity.client.post("/v1/staff-invitations/accept", json=body)

    async def confirm(self, code: str) -> httpx.Response:
        """The second step."""
        body = {"token": self.token, "totp_code": code}
        return await self.identity.client.post("/v1/staff-invitations/confirm", json=body)

    async def join(self, password: str = PASSWORD) -> tuple[UUID, str, list[str]]:
        """Both steps of somebody new: the id, the app's secret, the recovery codes."""
        secret = (await self.accept(password)).json()["totp_secret"]
        done = (await self.confirm(code_of(secret))).json()
        return UUID(done["user_id"]), secret, done["recovery_codes"]


@pytest.fixture
async def owner(identity: Identity) -> Staff:
    """An owner of aral."""
    return await new_staff(identity, role("owner", "aral"))


async def invited(identity: Identity, owner: Staff, email: str, role: str = "manager", **changes: Any) -> Desk:
    """The desk of somebody who was invited."""
    body = {"email": email, "role": role, "operators": ["aral"]} | changes
    response = await identity.client.post("/v1/staff", json=body, headers=owner.headers)
    assert response.status_code == 201, response.text
    assert response.json()["link"].endswith(f"#{response.json()['token']}")
    return Desk(identity, response.json()["token"])


async def reset(identity: Identity, owner: Staff, user_id: UUID, lost: str) -> Desk:
    """The desk of somebody who lost something."""
    response = await identity.client.post(
        f"/v1/staff/{user_id}/sign-in-resets", json={"lost": lost}, headers=owner.headers
    )
    assert response.status_code == 201, response.text
    return Desk(identity, response.json()["token"])


def slug(response: httpx.Response) -> str:
    """A refusal's type."""
    return response.json()["type"].removeprefix("urn:forecourt:problem:")


async def roles_of(identity: Identity, user_id: UUID) -> dict[str, list[str]]:
    """The stored roles."""
    rows = await identity.sql("SELECT array_agg(ROW(role, operators)) FROM staff_roles WHERE user_id = $1", user_id)
    return {row[0]: row[1] for row in rows or ()}


async def test_somebody_new_joins_and_signs_in(identity: Identity, owner: Staff) -> None:
    email = new_address()
    desk = await invited(identity, owner, email.upper())
    accepted = await desk.accept()
    assert accepted.headers["cache-control"] == "no-store"
    secret = accepted.json()["totp_secret"]
    assert secret in accepted.json()["otpauth_uri"]
    wrong = await desk.confirm("000000" if code_of(secret) != "000000" else "000001")
    assert (wrong.status_code, slug(wrong)) == (422, "wrong-code")
    confirmed = await desk.confirm(code_of(secret))
    assert len(confirmed.json()["recovery_codes"]) == 10
    user_id = UUID(confirmed.json()["user_id"])
    assert (await sign_in(identity, email, PASSWORD, code_of(secret, 1))).user_id == user_id
    assert await roles_of(identity, user_id) == {"manager": ["aral"]}
    listed = (await identity.client.get("/v1/staff", headers=owner.headers)).json()["staff"]
    assert [(one["email"], one["name"]) for one in listed if one["user_id"] == str(user_id)] == [(email, "canary-bob")]


async def test_the_first_code_is_used_up(identity: Identity, owner: Staff) -> None:
    desk = await invited(identity, owner, email := new_address())
    code = code_of((await desk.accept()).json()["totp_secret"])
    assert (await desk.confirm(code)).status_code == 200
    with pytest.raises(OAuthError):
        await sign_in(identity, email, PASSWORD, code)


async def test_a_link_is_good_once_and_both_steps_can_be_repeated_until_then(identity: Identity, owner: Staff) -> None:
    desk = await invited(identity, owner, email := new_address())
    first = (await desk.accept("some other password")).json()["totp_secret"]
    second = (await desk.accept(PASSWORD)).json()["totp_secret"]
    assert first != second
    assert (await desk.confirm(code_of(first))).status_code == 422
    assert (await desk.confirm(code_of(second))).status_code == 200
    for again in (await desk.confirm(code_of(second, 1)), await desk.accept()):
        assert (again.status_code, slug(again)) == (404, "invitation-not-found")
    assert (await sign_in(identity, email, PASSWORD, code_of(second, 1))).user_id


async def test_confirming_needs_a_recent_first_step(identity: Identity, owner: Staff) -> None:
    desk = await invited(identity, owner, new_address())
    assert slug(await desk.confirm("123456")) == "not-accepted"
    secret = (await desk.accept()).json()["totp_secret"]
    await identity.sql("UPDATE invitations SET accepted_at = accepted_at - interval '61 min'")
    late = await desk.confirm(code_of(secret))
    assert (late.status_code, slug(late)) == (409, "not-accepted")


@pytest.mark.parametrize(
    ("password", "name", "reason"),
    [("short", "canary-bob", "weak-password"), ("passwordpassword", "canary-bob", "weak-password"),
     (PASSWORD, None, "name-missing"), (PASSWORD, "two\nlines", "invalid-input")],
)  # fmt: skip
async def test_what_cannot_be_accepted_is_said(
    identity: Identity, owner: Staff, password: str, name: str | None, reason: str
) -> None:
    response = await (await invited(identity, owner, new_address())).accept(password, name)
    assert (response.status_code, slug(response)) == (422, reason)


async def test_an_invitation_ends_with_time_by_its_maker_and_by_its_successor(identity: Identity, owner: Staff) -> None:
    email = new_address()
    replaced, open_now = await invited(identity, owner, email), await invited(identity, owner, email)
    other_role = await invited(identity, owner, email, "finance")
    assert (await replaced.accept()).status_code == 404
    assert (await open_now.accept()).status_code == 200
    listed = (await identity.client.get("/v1/staff-invitations", headers=owner.headers)).json()["invitations"]
    assert [(one["email"], one["role"]["role"]) for one in listed] == [(email, "finance"), (email, "manager")]
    assert "token" not in listed[0]
    path = f"/v1/staff-invitations/{listed[0]['invitation_id']}"
    stranger = await new_staff(identity, role("owner", "aral"))
    assert (await identity.client.delete(path, headers=stranger.headers)).status_code == 404
    assert (await identity.client.delete(path, headers=owner.headers)).status_code == 204
    assert (await other_role.accept()).status_code == 404
    await identity.sql("UPDATE invitations SET expires_at = now()")
    assert (await open_now.accept()).status_code == 404


async def test_what_has_run_out_is_forgotten_with_its_key(identity: Identity, owner: Staff) -> None:
    desk = await invited(identity, owner, new_address())
    await desk.accept()
    keys = await identity.sql("SELECT count(*) FROM personal_keys")
    await identity.sql("UPDATE invitations SET expires_at = expires_at - $1::interval", LIFE + timedelta(seconds=1))
    assert await forget_expired(identity.process) == 1
    assert await identity.sql("SELECT count(*) FROM invitations") == 0
    assert await identity.sql("SELECT count(*) FROM personal_keys") == keys - 1


async def test_nothing_of_an_invitation_is_stored_in_the_open(identity: Identity, owner: Staff) -> None:
    email = new_address()
    desk = await invited(identity, owner, email)
    secret = (await desk.accept(PASSWORD, "canary-bob")).json()["totp_secret"]
    stored = await identity.sql("SELECT string_agg(i::text, '') FROM invitations i")
    for text in (email, desk.token, PASSWORD, "canary-bob", secret):
        assert text not in stored
        assert text.encode().hex() not in stored


async def test_an_invitation_of_somebody_who_lost_the_right_is_void(identity: Identity, owner: Staff) -> None:
    desk = await invited(identity, owner, new_address())
    secret = (await desk.accept()).json()["totp_secret"]
    await set_roles_of(identity.process, owner.user_id, [role("attendant", "aral")])
    response = await desk.confirm(code_of(secret))
    assert (response.status_code, slug(response)) == (404, "invitation-not-found")
    assert await identity.sql("SELECT count(*) FROM users") == 1


async def test_somebody_who_is_staff_joins_with_what_they_sign_in_with(identity: Identity, owner: Staff) -> None:
    bob = await new_staff(identity, role("owner", "shell"))
    desk = await invited(identity, owner, bob.email)
    wrong = await desk.accept("another password at all")
    assert (wrong.status_code, slug(wrong)) == (422, "wrong-password")
    assert (await desk.accept(PASSWORD, None)).json() == {"totp_secret": None, "otpauth_uri": None}
    assert slug(await desk.confirm("000000" if bob.code() != "000000" else "000001")) == "wrong-code"
    confirmed = await desk.confirm(bob.code())
    assert confirmed.json() == {"user_id": str(bob.user_id), "recovery_codes": []}
    assert await roles_of(identity, bob.user_id) == {"owner": ["shell"], "manager": ["aral"]}


async def test_the_inviter_cannot_sign_in_as_somebody_who_is_staff(identity: Identity, owner: Staff) -> None:
    bob = await new_staff(identity, role("owner", "shell"))
    desk = await invited(identity, owner, bob.email)
    await desk.accept(NEW_PASSWORD)
    assert (await desk.confirm(owner.code())).status_code == 409
    await fill_tries(identity)
    limited = await desk.accept(PASSWORD)
    assert (limited.status_code, slug(limited)) == (429, "too-many-tries")
    assert int(limited.headers["retry-after"]) > 0
    assert (await sign_in(identity, bob.email, PASSWORD, bob.code())).user_id == bob.user_id


async def fill_tries(identity: Identity) -> None:
    """Lets the tries from the tests' own network be used up."""
    await identity.sql("UPDATE password_tries SET count = $1", ACCOUNT_ON_NETWORK.tries)


async def test_two_invitations_of_one_person_make_one_account(identity: Identity, owner: Staff) -> None:
    email = new_address()
    other_owner = await new_staff(identity, role("owner", "shell"))
    here = await invited(identity, owner, email)
    there = await invited(identity, other_owner, email, operators=["shell"])
    before = (await there.accept()).json()["totp_secret"]
    user_id, secret, _ = await here.join()
    assert slug(await there.confirm(code_of(before))) == "not-accepted"  # known now: the steps are others
    assert (await there.accept(PASSWORD)).json()["totp_secret"] is None
    await forget_steps(identity)
    assert (await there.confirm(code_of(secret))).json()["user_id"] == str(user_id)
    assert await roles_of(identity, user_id) == {"manager": ["aral", "shell"]}


async def test_nobody_invites_themselves(identity: Identity, owner: Staff) -> None:
    desk = await invited(identity, owner, owner.email)
    await desk.accept()
    response = await desk.confirm(owner.code())
    assert (response.status_code, slug(response)) == (409, "own-roles")


async def test_a_lost_second_factor_is_replaced_with_the_password(identity: Identity, owner: Staff) -> None:
    bob = await new_staff(identity, role("manager", "aral"))
    desk = await reset(identity, owner, bob.user_id, "second-factor")
    assert slug(await desk.accept("not the password of bob")) == "wrong-password"
    secret = (await desk.accept(PASSWORD, None)).json()["totp_secret"]
    assert secret not in (None, bob.secret)
    confirmed = await desk.confirm(code_of(secret))
    assert len(confirmed.json()["recovery_codes"]) == 10
    assert (await sign_in(identity, bob.email, PASSWORD, code_of(secret, 1))).user_id == bob.user_id
    for old in (bob.code(), bob.recovery_codes[0]):
        with pytest.raises(OAuthError):
            await sign_in(identity, bob.email, PASSWORD, old)
    assert (await refresh(identity, bob.refresh_token)).json()["error"] == "invalid_grant"
    assert await identity.sql("SELECT count(*) FROM audit_log WHERE action = 'second-factor-reset'") == 1


async def test_a_forgotten_password_is_replaced_with_the_second_factor(identity: Identity, owner: Staff) -> None:
    bob = await new_staff(identity, role("manager", "aral"))
    desk = await reset(identity, owner, bob.user_id, "password")
    assert (await desk.accept(NEW_PASSWORD, None)).json()["totp_secret"] is None
    assert slug(await desk.confirm(owner.code())) == "wrong-code"
    assert (await desk.confirm(bob.recovery_codes[0])).json()["recovery_codes"] == []
    assert (await sign_in(identity, bob.email, NEW_PASSWORD, bob.code())).user_id == bob.user_id
    assert (await refresh(identity, bob.refresh_token)).json()["error"] == "invalid_grant"


async def test_only_whoever_manages_all_of_a_person_helps_them(identity: Identity, owner: Staff) -> None:
    both = await new_staff(identity, role("manager", "aral", "shell"))
    path = f"/v1/staff/{both.user_id}/sign-in-resets"
    refused = await identity.client.post(path, json={"lost": "password"}, headers=owner.headers)
    assert (refused.status_code, slug(refused)) == (404, "staff-not-found")
    own = await identity.client.post(
        f"/v1/staff/{owner.user_id}/sign-in-resets", json={"lost": "password"}, headers=owner.headers
    )
    assert (own.status_code, slug(own)) == (403, "own-sign-in")


async def test_an_operator_invites_by_command_to_any_role(identity: Identity) -> None:
    made = await invite(identity.process, None, new_address(), role("admin"))
    user_id, _, _ = await Desk(identity, made.token).join()
    assert await roles_of(identity, user_id) == {"admin": []}


async def test_a_token_that_is_none_is_refused(identity: Identity) -> None:
    for token in ("x", "q1Yb2W4l0cJmX7d3rT9uKfVhN5sZpA8eGgLwQxRiUoE"):
        desk = Desk(identity, token)
        assert [(await desk.accept()).status_code, (await desk.confirm("123456")).status_code] == [404, 404]


async def test_a_password_is_changed_with_the_old_one_and_ends_other_sessions(identity: Identity) -> None:
    ada = await new_staff(identity, role("owner", "aral"))
    await identity.sql(
        """INSERT INTO sessions SELECT (s2).* FROM (SELECT jsonb_populate_record(s, jsonb_build_object(
               'id', gen_random_uuid())) AS s2 FROM sessions s WHERE id = $1) AS copies""", ada.session_id
    )  # fmt: skip
    body = {"old_password": "not my password", "new_password": NEW_PASSWORD}

    async def change(**fields: str) -> httpx.Response:
        return await identity.client.post("/v1/me/password", json=body | fields, headers=ada.headers)

    assert slug(await change()) == "wrong-password"
    assert slug(await change(old_password=PASSWORD, new_password="passwordpassword")) == "weak-password"
    assert (await change(old_password=PASSWORD)).status_code == 204
    assert await identity.sql("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == 1
    assert (await refresh(identity, ada.refresh_token)).status_code == 200
    with pytest.raises(OAuthError):
        await sign_in(identity, ada.email, PASSWORD, ada.code(-1))
    assert (await sign_in(identity, ada.email, NEW_PASSWORD, ada.code())).user_id == ada.user_id
    await fill_tries(identity)
    await change()
    await fill_tries(identity)
    assert (await change(old_password=NEW_PASSWORD)).status_code == 429


async def test_new_recovery_codes_end_the_old_ones(identity: Identity) -> None:
    ada = await new_staff(identity, role("owner", "aral"))
    response = await identity.client.post("/v1/me/recovery-codes", headers=ada.headers)
    codes = response.json()["recovery_codes"]
    assert (response.status_code, len(codes)) == (201, 10)
    with pytest.raises(OAuthError):
        await sign_in(identity, ada.email, PASSWORD, ada.recovery_codes[0])
    assert (await sign_in(identity, ada.email, PASSWORD, codes[0])).user_id == ada.user_id


async def test_who_has_no_password_changes_none(identity: Identity) -> None:
    ada = await new_staff(identity, role("owner", "aral"))
    await identity.sql("DELETE FROM credentials")
    body = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
    answers = [
        await identity.client.post("/v1/me/password", json=body, headers=ada.headers),
        await identity.client.post("/v1/me/recovery-codes", headers=ada.headers),
    ]
    assert [(one.status_code, slug(one)) for one in answers] == [(409, "no-password")] * 2


async def test_somebody_who_was_staff_comes_back_with_what_they_had(identity: Identity, owner: Staff) -> None:
    bob = await new_staff(identity, role("manager", "aral"))
    assert (await identity.client.delete(f"/v1/staff/{bob.user_id}", headers=owner.headers)).status_code == 204
    desk = await invited(identity, owner, bob.email, "finance")
    assert (await desk.accept(PASSWORD, None)).json()["totp_secret"] is None
    assert (await desk.confirm(bob.code())).json()["user_id"] == str(bob.user_id)
    assert (await sign_in(identity, bob.email, PASSWORD, bob.code(1))).user_id == bob.user_id


async def test_an_erasure_takes_the_sign_in_and_open_invitations_along(identity: Identity, owner: Staff) -> None:
    bob = await new_staff(identity, role("manager", "aral"))
    desk = await invited(identity, owner, bob.email, "finance")
    await set_roles_of(identity.process, bob.user_id, ())
    await identity.store.transact(lambda tx: erase_account(identity.process, tx, bob.user_id, "operator"))
    assert (await desk.accept()).status_code == 404
    with pytest.raises(OAuthError):
        await sign_in(identity, bob.email, PASSWORD, bob.code())
    keys = await identity.sql("SELECT array_agg(subject) FROM personal_keys")
    assert keys == [str(owner.user_id)]
