"""Revoked access tokens are refused before they expire, by every replica, and after a restart as well."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from hypothesis import given
from hypothesis import strategies as st

from local_stack.config import Config
from schemas.events import AccessRevokedV1
from servicekit.access import Permission
from servicekit.app import Kit, build_app
from servicekit.auth import Principal, Requires
from servicekit.ids import new_id
from servicekit.revocations import REMEMBER_SECONDS, TIDY_EVERY, TOPIC, Revocations
from servicekit.settings import ServiceSettings
from servicekit.telemetry import CONSUMED
from servicekit.testkit import Issuer, KafkaProbe, eventually, running

from .conftest import headers, service_settings

NOW = datetime.now(UTC)
router = APIRouter()


@router.get("/v1/me")
async def me(principal: Annotated[Principal, Requires(Permission.ACCOUNT)]) -> str:
    """Who asks."""
    return principal.subject


@pytest.fixture
def settings(infrastructure: Config, issuer: Issuer) -> ServiceSettings:
    return ServiceSettings(**service_settings(infrastructure, issuer=issuer.url, jwks_url=issuer.jwks_url))


def service(settings: ServiceSettings) -> FastAPI:
    """A service that does nothing but check tokens."""

    async def start(kit: Kit) -> None:
        kit.watch_revocations()

    return build_app(settings, title="Tiny", description="", start=start, routers=[router])


@asynccontextmanager
async def replica(settings: ServiceSettings) -> AsyncIterator[httpx.AsyncClient]:
    """One of the service's processes, once it has read what was revoked before."""
    app = service(settings)
    async with running(app) as client:

        async def is_ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await eventually(is_ready)
        yield client


def event(subject: UUID, **fields: Any) -> AccessRevokedV1:
    return AccessRevokedV1(subject=subject, reason="test", occurred_at=NOW, **fields)


async def revoke(kafka: KafkaProbe, subject: UUID, **fields: Any) -> None:
    revoked = event(subject, **fields)
    await kafka.send(TOPIC, revoked.to_json(), key=revoked.key().encode(), headers=headers(revoked))


async def status(client: httpx.AsyncClient, token: str) -> int:
    return (await client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code


async def is_refused(client: httpx.AsyncClient, token: str) -> None:
    async def refused() -> bool:
        return await status(client, token) == 401

    await eventually(refused)


async def test_a_session_that_ended_is_refused_by_every_replica_and_after_a_restart(
    settings: ServiceSettings, issuer: Issuer, kafka: KafkaProbe
) -> None:
    person, session, other = new_id(), new_id(), new_id()
    ended, lives, machine = (
        issuer.token(Permission.ACCOUNT, sub=str(person), sid=sid) for sid in (str(session), str(other), None)
    )
    async with replica(settings) as one, replica(settings) as two:
        for client in (one, two):
            assert [await status(client, token) for token in (ended, lives, machine)] == [200, 200, 200]
        await revoke(kafka, person, session_id=session)
        for client in (one, two):
            await is_refused(client, ended)
            assert [await status(client, token) for token in (lives, machine)] == [200, 200]
    async with replica(settings) as started_later:
        assert [await status(started_later, token) for token in (ended, lives)] == [401, 200]
        reply = await started_later.get("/v1/me", headers={"Authorization": f"Bearer {ended}"})
        assert reply.headers["www-authenticate"] == "Bearer"
        assert "revoked" in reply.json()["detail"]


async def test_tokens_of_rights_that_are_over_are_refused_and_newer_ones_are_not(
    settings: ServiceSettings, issuer: Issuer, kafka: KafkaProbe
) -> None:
    person, other = new_id(), new_id()
    old, new = (issuer.token(Permission.ACCOUNT, sub=str(person), access_version=version) for version in (3, 4))
    theirs = issuer.token(Permission.ACCOUNT, sub=str(other), access_version=3)
    async with replica(settings) as client:
        assert [await status(client, token) for token in (old, new, theirs)] == [200, 200, 200]
        await revoke(kafka, person, lowest_version=4)
        await is_refused(client, old)
        assert [await status(client, token) for token in (new, theirs)] == [200, 200]
        await revoke(kafka, person, lowest_version=2)
        last = new_id()
        await revoke(kafka, person, session_id=last)
        await is_refused(client, issuer.token(Permission.ACCOUNT, sub=str(person), access_version=4, sid=str(last)))
        assert [await status(client, token) for token in (old, new)] == [401, 200]


async def test_a_service_is_not_ready_before_it_knows_what_was_revoked(settings: ServiceSettings) -> None:
    """Kafka is away as it starts: it would take tokens that others refuse."""
    without_kafka = settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:9"})
    async with running(service(without_kafka)) as client:
        reply = await client.get("/readyz")
        assert (reply.status_code, list(reply.json()["checks"])) == (503, ["revocations"])
        assert (await client.get("/healthz")).status_code == 200


async def test_a_record_that_cannot_be_read_is_left_out(
    settings: ServiceSettings, issuer: Issuer, kafka: KafkaProbe
) -> None:
    person, session = new_id(), new_id()
    token = issuer.token(Permission.ACCOUNT, sub=str(person), sid=str(session))
    malformed = CONSUMED.labels(settings.service, TOPIC, "malformed")
    async with replica(settings) as client:
        before = malformed._value.get()
        for value in (b"{", b'{"subject": "me"}', b""):
            await kafka.send(TOPIC, value, key=b"x", headers=headers(event(person)))
        await kafka.send(TOPIC, b"{}", key=b"x", headers=[("ce_type", b"identity.OfALaterRelease.v1")])
        await revoke(kafka, person, session_id=session)
        await is_refused(client, token)
        assert malformed._value.get() - before == 3


VERSIONS = st.none() | st.integers(1, 4)
SESSIONS = st.none() | st.sampled_from([UUID(int=1), UUID(int=2)])
PEOPLE = st.sampled_from([UUID(int=8), UUID(int=9)])
REVOKED = st.lists(st.tuples(PEOPLE, VERSIONS, SESSIONS), max_size=12)


@given(revoked=REVOKED, data=st.data())
def test_order_and_repetition_make_no_difference(
    revoked: list[tuple[UUID, int | None, UUID | None]], data: Any
) -> None:
    revocations = Revocations()
    told = data.draw(st.permutations(revoked)) + data.draw(
        st.lists(st.sampled_from(revoked)) if revoked else st.just([])
    )
    for person, lowest, session in told:
        revocations.add(event(person, lowest_version=lowest, session_id=session), time.time())
    for person in (UUID(int=8), UUID(int=9)):
        for version in range(5):
            for session in (None, UUID(int=1), UUID(int=2)):
                expected = any(
                    (whose == person and lowest is not None and version < lowest)
                    or (session is not None and ended == session)
                    for whose, lowest, ended in revoked
                )
                refused = revocations.refuses(str(person), version, str(session) if session else None)
                assert refused is expected


def test_what_no_token_can_outlive_is_forgotten() -> None:
    """A token lives ten minutes, and an hour at the most: older revocations would only fill the memory."""
    revocations, long_ago = Revocations(), time.time() - REMEMBER_SECONDS - 1
    person, session = new_id(), new_id()
    revocations.add(event(person, lowest_version=2, session_id=session), long_ago)
    kept = new_id()
    for _ in range(3 * TIDY_EVERY):
        revocations.add(event(new_id(), lowest_version=2, session_id=new_id()), long_ago)
    revocations.add(event(kept, lowest_version=2), time.time())
    assert len(revocations) <= 2 * TIDY_EVERY
    assert not revocations.refuses(str(person), 1, str(session))
    assert revocations.refuses(str(kept), 1, None)
