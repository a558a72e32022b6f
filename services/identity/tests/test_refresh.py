"""Refresh tokens on the running service: rotated, given again, stolen, run out, handed back."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest

from identity.repository import people as people_rows
from identity.repository import sessions as session_rows
from identity.repository import staff as staff_rows
from identity.use_cases import refresh_tokens
from identity.use_cases.context import Signer
from identity.use_cases.sessions import end_session
from servicekit.ids import new_id
from servicekit.keyring import FileKeys, KeyRing, pruned, rotated
from servicekit.problems import Unavailable
from servicekit.testkit import eventually

from .conftest import Identity
from .oauth_kit import (
    APP,
    CONSOLE,
    REVOKE,
    age_session,
    claims_of,
    manager,
    next_token,
    refresh,
    sign_in,
)


def assert_refused(response: httpx.Response, error: str = "invalid_grant", status: int = 400) -> None:
    assert (response.status_code, response.json()["error"]) == (status, error), response.text
    assert response.headers["cache-control"] == "no-store"


async def ended(identity: Identity) -> list[str]:
    """The reasons for which sessions ended, from the audit log."""
    return await identity.sql(
        "SELECT coalesce(array_agg(details->>'reason'), '{}') FROM audit_log WHERE action = 'session-stolen'"
    )


async def test_a_refresh_gives_the_next_tokens(identity: Identity) -> None:
    signed = await sign_in(identity)
    response = await refresh(identity, signed)
    body, claims = response.json(), claims_of(response.json()["access_token"])
    assert response.headers["cache-control"] == "no-store"
    assert body["scope"] == "account account:secure cards:secure driver pay"
    assert (claims["sub"], claims["sid"], claims["client_id"]) == (str(signed.user_id), str(signed.session_id), APP)
    assert claims["exp"] - claims["iat"] == 600
    assert body["refresh_token"] != signed.refresh_token
    assert (await refresh(identity, signed, body["refresh_token"])).status_code == 200
    principal = await identity.verifier().verify(body["access_token"])
    assert principal.session == str(signed.session_id)


async def test_security_15_a_retry_within_ten_seconds_gets_the_same_successor(identity: Identity) -> None:
    signed = await sign_in(identity)
    successor = await next_token(identity, signed)
    await age_session(identity, "rotated_at", 9)
    assert await next_token(identity, signed) == successor
    assert await next_token(identity, signed, successor)
    assert await ended(identity) == []


async def test_security_15_a_used_token_ends_the_family_after_ten_seconds(identity: Identity) -> None:
    signed = await sign_in(identity)
    body = (await refresh(identity, signed)).json()
    held = {"Authorization": f"Bearer {body['access_token']}"}
    assert (await identity.client.get("/v1/me", headers=held)).status_code == 200
    await age_session(identity, "rotated_at", 10.5)
    assert_refused(await refresh(identity, signed))
    assert_refused(await refresh(identity, signed, body["refresh_token"]))
    assert await ended(identity) == ["refresh_reused"]

    async def access_is_over() -> bool:
        return (await identity.client.get("/v1/me", headers=held)).status_code == 401

    await eventually(access_is_over)


async def test_security_15_a_token_from_before_ends_the_family_at_once(identity: Identity) -> None:
    """The thief is quick: the grace is for the last answer, not for any."""
    signed = await sign_in(identity)
    second = await next_token(identity, signed)
    third = await next_token(identity, signed, second)
    assert_refused(await refresh(identity, signed))
    assert_refused(await refresh(identity, signed, third))
    assert await ended(identity) == ["refresh_reused"]


async def test_security_15_twenty_at_once_get_one_successor(identity: Identity) -> None:
    signed = await sign_in(identity)
    answers = await asyncio.gather(*(refresh(identity, signed) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    (successor,) = {answer.json()["refresh_token"] for answer in answers}
    assert await identity.sql("SELECT generation FROM sessions") == 2
    assert await next_token(identity, signed, successor)


async def test_security_15_an_answer_that_was_lost_is_given_again(identity: Identity) -> None:
    """The process dies after the rotation, before the answer: whatever was signed is lost, the family is not."""
    signed = await sign_in(identity)
    with patch.object(Signer, "sign", side_effect=Unavailable("A signing key")):
        assert (await refresh(identity, signed)).status_code == 503
    assert await identity.sql("SELECT generation FROM sessions") == 2
    successor = await next_token(identity, signed)
    assert await next_token(identity, signed, successor)
    assert await ended(identity) == []


async def test_security_15_another_client_gets_nothing(identity: Identity) -> None:
    signed = await sign_in(identity)
    assert_refused(await refresh(identity, replace(signed, client_id=CONSOLE)))
    assert_refused(await refresh(identity, signed, client_id="no-such-app"), "invalid_client", 401)
    machine = await identity.new_client()
    proof = {"client_id": str(machine.client.id), "client_secret": machine.secret}
    assert_refused(await refresh(identity, signed, **proof), "unauthorized_client")
    assert (await refresh(identity, signed)).status_code == 200


async def test_security_15_a_forged_token_ends_nobodys_session(identity: Identity) -> None:
    signed = await sign_in(identity)
    second = await next_token(identity, signed)
    good = refresh_tokens.parse(second)
    assert good is not None
    forged = [
        replace(good, keyed_hash=bytes(40)), replace(good, generation=1, keyed_hash=bytes(40)),
        replace(good, generation=1), replace(good, generation=3), replace(good, session_id=new_id()),
        replace(good, keyed_hash=good.keyed_hash[:-1] + b"x"),
    ]  # fmt: skip
    for token in forged:
        assert_refused(await refresh(identity, signed, token.text))
    for text in ("nonsense", second + "A", second[:-1], "\x00", signed.refresh_token.lower()):
        assert_refused(await refresh(identity, signed, text))
    assert await next_token(identity, signed, second)
    assert await ended(identity) == []


async def test_security_16_a_session_runs_out_however_it_is_used(identity: Identity) -> None:
    signed = await sign_in(identity)
    token = await next_token(identity, signed)
    await age_session(identity, "expires_at", 90 * 86_400 - 30)
    token = await next_token(identity, signed, token)
    await age_session(identity, "expires_at", 31)
    assert_refused(await refresh(identity, signed, token))


async def test_security_16_staff_sign_in_every_day(identity: Identity) -> None:
    signed = await sign_in(identity, manager("Aral"), client_id=CONSOLE)
    await age_session(identity, "expires_at", 12 * 3600 + 1)
    assert_refused(await refresh(identity, signed))


async def test_security_16_a_session_that_lies_idle_ends(identity: Identity) -> None:
    signed = await sign_in(identity)
    await age_session(identity, "rotated_at", 30 * 86_400 + 1)
    assert_refused(await refresh(identity, signed))


@pytest.mark.parametrize("which", ["refresh_token", "access_token", "old refresh_token"])
async def test_security_16_a_token_that_is_handed_back_ends_its_session(identity: Identity, which: str) -> None:
    signed = await sign_in(identity)
    body = (await refresh(identity, signed)).json()
    token = signed.refresh_token if which.startswith("old") else body[which]
    response = await identity.client.post(REVOKE, data={"token": token, "client_id": APP})
    assert (response.status_code, response.content, response.headers["cache-control"]) == (200, b"", "no-store")
    assert_refused(await refresh(identity, signed, body["refresh_token"]))
    held = {"Authorization": f"Bearer {body['access_token']}"}

    async def access_is_over() -> bool:
        return (await identity.client.get("/v1/me", headers=held)).status_code == 401

    await eventually(access_is_over)
    again = await identity.client.post(REVOKE, data={"token": token, "client_id": APP})
    assert again.status_code == 200


async def test_security_16_a_signed_out_session_refreshes_no_more(identity: Identity) -> None:
    signed = await sign_in(identity)
    body = (await refresh(identity, signed)).json()
    held = {"Authorization": f"Bearer {body['access_token']}"}
    answer = await identity.client.delete(f"/v1/me/sessions/{signed.session_id}", headers=held)
    assert answer.is_success, answer.text
    assert_refused(await refresh(identity, signed, body["refresh_token"]))


async def test_only_its_own_client_hands_a_token_back(identity: Identity) -> None:
    signed = await sign_in(identity)
    unknown = {"token": "nobody's", "client_id": APP}
    assert (await identity.client.post(REVOKE, data=unknown)).status_code == 200
    foreign = {"token": signed.refresh_token, "client_id": CONSOLE}
    assert_refused(await identity.client.post(REVOKE, data=foreign))
    assert_refused(await identity.client.post(REVOKE, data={"client_id": APP}), "invalid_request")
    nobody = {"token": signed.refresh_token, "client_id": "no-such-app"}
    assert_refused(await identity.client.post(REVOKE, data=nobody), "invalid_client", 401)
    hinted = {"token": signed.refresh_token, "client_id": APP, "token_type_hint": "device_code"}
    assert_refused(await identity.client.post(REVOKE, data=hinted), "unsupported_token_type")
    assert (await refresh(identity, signed)).status_code == 200


async def test_a_machine_clients_token_cannot_be_handed_back(identity: Identity) -> None:
    created = await identity.new_client()
    form = {"token": await identity.token(created)}
    response = await identity.client.post(REVOKE, data=form, auth=(str(created.client.id), created.secret))
    assert_refused(response, "unsupported_token_type")


async def test_tokens_are_not_taken_for_one_another(identity: Identity) -> None:
    signed = await sign_in(identity)
    access = (await refresh(identity, signed)).json()["access_token"]
    assert_refused(await refresh(identity, signed, access))
    as_access = {"Authorization": f"Bearer {signed.refresh_token}"}
    assert (await identity.client.get("/v1/me", headers=as_access)).status_code == 401
    for token in (signed.refresh_token, access):
        form = {
            "grant_type": "authorization_code", "code": token, "client_id": APP, "code_verifier": "v" * 43,
            "redirect_uri": "forecourt://signed-in",
        }  # fmt: skip
        assert_refused(await identity.client.post("/v1/oauth/token", data=form))


async def test_rights_are_read_at_every_refresh(identity: Identity) -> None:
    signed = await sign_in(identity, manager("Aral"), client_id=CONSOLE)
    first = (await refresh(identity, signed)).json()
    assert "staff:manage" in first["scope"].split()
    grants = [{"role": "manager", "operators": ["Aral"], "stations": []}]
    claims = claims_of(first["access_token"])
    assert (claims["grants"], claims["roles"], claims["operators"]) == (grants, ["driver", "manager"], ["Aral"])
    async with identity.store.connection() as connection:
        await staff_rows.replace_roles(connection, signed.user_id, [], datetime.now(UTC))
        await people_rows.raise_version(connection, signed.user_id, rights=True)
    second = (await refresh(identity, signed, first["refresh_token"])).json()
    assert second["scope"] == "account account:secure"
    after = claims_of(second["access_token"])
    assert (after["grants"], after["roles"], after["operators"]) == ([], ["driver"], [])
    assert after["access_version"] == claims["access_version"] + 1


async def test_staff_who_signed_in_by_phone_act_as_drivers(identity: Identity) -> None:
    """One factor opens no station, whatever roles its owner has."""
    signed = await sign_in(identity, manager("Aral"), client_id=CONSOLE, methods=("otp", "sms"))
    claims = claims_of((await refresh(identity, signed)).json()["access_token"])
    assert (claims["roles"], claims["grants"], claims["operators"]) == (["driver"], [], [])
    assert claims["scope"] == "account account:secure"
    staff_only = await sign_in(identity, manager("Aral"), client_id=CONSOLE, methods=("otp", "sms"), driver=False)
    assert_refused(await refresh(identity, staff_only))


@pytest.mark.parametrize("state", ["merged", "erased"])
async def test_who_is_gone_refreshes_no_more(identity: Identity, state: str) -> None:
    signed, other = await sign_in(identity), await sign_in(identity)
    into = other.user_id if state == "merged" else None
    await identity.sql(
        "UPDATE users SET state = $2, merged_into = $3, ended_at = now() WHERE id = $1", signed.user_id, state, into
    )
    assert_refused(await refresh(identity, signed))


async def test_a_refresh_may_ask_for_less_and_not_for_more(identity: Identity) -> None:
    signed = await sign_in(identity, scopes=("account", "driver"))
    assert_refused(await refresh(identity, signed, scope="account account:secure"), "invalid_scope")
    narrow = (await refresh(identity, signed, scope="driver")).json()
    assert narrow["scope"] == "driver"
    assert (await refresh(identity, signed, narrow["refresh_token"])).json()["scope"] == "account driver"


async def test_sessions_outlive_the_keys_that_made_their_tokens(identity: Identity, tmp_path: Path) -> None:
    signed = await sign_in(identity)
    file = _rotated_keys(identity, tmp_path)
    identity.process.ring = KeyRing(FileKeys(file))
    second = await next_token(identity, signed)
    assert await next_token(identity, signed) == second
    third = await next_token(identity, signed, second)
    _prune(file)
    identity.process.ring = KeyRing(FileKeys(file))
    assert await next_token(identity, signed, third)
    assert_refused(await refresh(identity, signed))


def _rotated_keys(identity: Identity, folder: Path) -> Path:
    file = folder / "keys.json"
    file.write_text(rotated(Path(identity.settings.keyring_file).read_text(), b"n" * 32))
    return file


def _prune(file: Path) -> None:
    file.write_text(pruned(file.read_text()))


async def test_no_refresh_token_is_stored(identity: Identity) -> None:
    signed = await sign_in(identity)
    stored = await identity.sql("SELECT string_agg(s::text, '') FROM sessions s")
    token = refresh_tokens.parse(signed.refresh_token)
    assert token is not None
    assert token.digest.hex() in stored
    for secret in (signed.refresh_token, signed.refresh_token.encode().hex(), token.keyed_hash.hex()):
        assert secret not in stored


async def test_what_an_app_loses_its_sessions_lose(identity: Identity) -> None:
    app = "UPDATE apps SET {} WHERE client_id = 'passing-app'"
    await identity.sql(
        "INSERT INTO apps VALUES ('passing-app', 'Passing', '{account,driver}', '{https://passing.example/in}', false)"
    )
    try:
        signed = await sign_in(identity, client_id="passing-app")
        first = (await refresh(identity, signed)).json()
        assert first["scope"] == "account driver"
        await identity.sql(app.format("scopes = '{account}'"))
        second = (await refresh(identity, signed, first["refresh_token"])).json()
        assert second["scope"] == "account"
        await identity.sql(app.format("revoked_at = now()"))
        assert_refused(await refresh(identity, signed, second["refresh_token"]), "invalid_client", 401)
    finally:
        await identity.sql("DELETE FROM sessions WHERE client_id = 'passing-app'")
        await identity.sql("DELETE FROM apps WHERE client_id = 'passing-app'")


async def test_a_session_that_ends_meanwhile_is_not_rotated(identity: Identity) -> None:
    """It ends between the look and the rotation, which then finds nothing to rotate."""
    signed = await sign_in(identity)
    async with identity.store.connection() as connection:
        seen = await session_rows.find_session(connection, signed.session_id)
        assert seen is not None
        await identity.store.transact(lambda tx: end_session(tx, signed.user_id, signed.session_id, "signed_out"))
        assert not await session_rows.rotate_token(connection, seen, b"another")
    assert_refused(await refresh(identity, signed))
