"""Consents: by version, never overwritten, and noted once."""

import asyncio
from typing import Any

import httpx

from identity.domain.consents import CURRENT, Document
from identity.use_cases.consents import move_consents

from .account_kit import Person, sign_in
from .conftest import Identity

VERSION = CURRENT[Document.MARKETING]


async def _decide(
    identity: Identity, person: Person, granted: bool, document: str = "marketing", version: str = VERSION
) -> httpx.Response:
    body = {"document": document, "version": version, "granted": granted}
    return await identity.client.put("/v1/me/consents", json=body, headers=person.headers)


async def _consents(identity: Identity, person: Person) -> dict[str, Any]:
    return (await identity.client.get("/v1/me/consents", headers=person.headers)).json()


def _state(consents: dict[str, Any], document: str = "marketing") -> dict[str, Any]:
    return next(one for one in consents["consents"] if one["document"] == document)


async def test_nobody_has_agreed_to_anything_without_saying_so(identity: Identity) -> None:
    consents = await _consents(identity, await sign_in(identity))
    assert [(one["document"], one["granted"], one["decision"]) for one in consents["consents"]] == [
        (document, False, None) for document in Document
    ]
    assert consents["history"] == []


async def test_a_decision_stands_beside_those_before_it(identity: Identity) -> None:
    anna = await sign_in(identity)
    for granted in (True, True, False):
        reply = await _decide(identity, anna, granted)
        assert reply.status_code == 200, reply.text
        assert _state(reply.json())["granted"] is granted
    consents = await _consents(identity, anna)
    assert [(one["granted"], one["app"]) for one in consents["history"]] == [
        (False, "forecourt-app"), (True, "forecourt-app")
    ]  # fmt: skip
    actions = await identity.sql("SELECT array_agg(action ORDER BY sequence) FROM audit_log WHERE action ~ 'consent'")
    assert actions == ["consent-given", "consent-withdrawn"]


async def test_the_same_decision_sent_at_once_is_noted_once(identity: Identity) -> None:
    anna = await sign_in(identity)
    await asyncio.gather(*(_decide(identity, anna, True) for _ in range(5)))
    assert len((await _consents(identity, anna))["history"]) == 1


async def test_a_version_that_nobody_is_shown_is_refused_with_the_one_that_is(identity: Identity) -> None:
    anna = await sign_in(identity)
    reply = await _decide(identity, anna, True, version="1999-01-01")
    assert (reply.status_code, reply.json()["current_version"]) == (409, VERSION)
    assert (await _decide(identity, anna, True, document="soul")).status_code == 422


async def test_agreeing_to_an_old_version_is_not_agreeing_to_the_new_one(identity: Identity) -> None:
    anna = await sign_in(identity)
    await _decide(identity, anna, True)
    await identity.sql("UPDATE consents SET version = '2020-01-01'")
    state = _state(await _consents(identity, anna))
    assert (state["granted"], state["decision"]["version"]) == (False, "2020-01-01")


async def test_the_later_decision_of_two_accounts_holds_for_both(identity: Identity) -> None:
    anna, bert = await sign_in(identity), await sign_in(identity)
    await _decide(identity, bert, True)
    await _decide(identity, anna, False)
    await identity.store.transact(lambda tx: move_consents(identity.process, tx, bert.id, anna.id))
    consents = await _consents(identity, anna)
    assert _state(consents)["granted"] is False
    assert len(consents["history"]) == 2
