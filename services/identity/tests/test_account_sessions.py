"""Where a person is signed in, and signing out: the token is refused at once."""

from servicekit.testkit import eventually

from .account_kit import Person, sign_in
from .conftest import Identity


async def _refused(identity: Identity, person: Person) -> bool:
    return (await identity.client.get("/v1/me", headers=person.headers)).status_code == 401


async def test_a_person_sees_each_device_and_which_one_asks(identity: Identity) -> None:
    phone = await sign_in(identity)
    await sign_in(identity, phone.phone, "canary-tablet")
    reply = await identity.client.get("/v1/me/sessions", headers=phone.headers)
    assert [(one["device"], one["is_current"], one["app"]) for one in reply.json()["sessions"]] == [
        ("canary-tablet", False, "Forecourt"), ("canary-device", True, "Forecourt")
    ]  # fmt: skip


async def test_signing_out_ends_the_token_that_is_still_good(identity: Identity) -> None:
    phone = await sign_in(identity)
    path = f"/v1/me/sessions/{phone.session_id}"
    assert (await identity.client.delete(path, headers=phone.headers)).status_code == 204
    await eventually(lambda: _refused(identity, phone))


async def test_signing_out_elsewhere_keeps_the_session_that_asks(identity: Identity) -> None:
    phone = await sign_in(identity)
    others = [await sign_in(identity, phone.phone) for _ in range(2)]
    reply = await identity.client.delete("/v1/me/sessions", headers=phone.headers)
    assert reply.json() == {"ended": 2}
    for other in others:
        await eventually(lambda other=other: _refused(identity, other))
    assert not await _refused(identity, phone)
    assert (await identity.client.delete("/v1/me/sessions", headers=phone.headers)).json() == {"ended": 0}


async def test_nobody_ends_the_session_of_another(identity: Identity) -> None:
    anna, bert = await sign_in(identity), await sign_in(identity)
    path = f"/v1/me/sessions/{anna.session_id}"
    assert (await identity.client.delete(path, headers=bert.headers)).status_code == 404
    assert not await _refused(identity, anna)
