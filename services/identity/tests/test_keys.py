"""Signing keys in the running service: published, rotated under load, never forged."""

import asyncio
import base64
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from identity.domain.clients import ClientSpec
from identity.domain.signing_keys import JWKS_CACHE, MARGIN, TooEarly, active_key
from identity.repository import keys as repository
from identity.settings import Settings
from identity.tokens import private_key
from identity.use_cases import keys
from identity.use_cases.context import Identity as Process
from identity.use_cases.oauth import issue_client_token
from servicekit.auth import JWKS_LIFE_SECONDS, InvalidToken, Jwks, Verifier
from servicekit.ids import new_id
from servicekit.keyring import FileKeys, KeyRing, KeyRingError, rotated

from .conftest import Identity

RIPE = JWKS_CACHE + MARGIN


async def published(identity: Identity) -> list[dict[str, Any]]:
    response = await identity.client.get("/.well-known/jwks.json")
    assert response.headers["cache-control"] == "public, max-age=300"
    return response.json()["keys"]


def test_verifiers_cache_no_longer_than_the_schedule_allows_for() -> None:
    assert JWKS_CACHE.total_seconds() >= JWKS_LIFE_SECONDS


async def test_key_set_has_only_public_parts(identity: Identity) -> None:
    found = await published(identity)
    assert len(found) == 2
    assert {frozenset(key) for key in found} == {frozenset({"kty", "crv", "x", "y", "kid", "use", "alg"})}


async def test_private_parts_are_sealed_in_the_database(identity: Identity) -> None:
    (key, _) = await keys.advance_keys(identity.process)
    private = json.loads(identity.process.ring.open(key.private, str(key.kid)))
    stored = await identity.sql("SELECT string_agg(k::text, '') FROM signing_keys k")
    secret_hex = base64.urlsafe_b64decode(private["d"] + "==").hex()
    assert private["d"] not in stored
    assert secret_hex not in stored


async def test_replicas_that_start_together_make_one_active_key(identity: Identity) -> None:
    await identity.sql("TRUNCATE signing_keys")
    await asyncio.gather(*(keys.advance_keys(identity.process) for _ in range(6)))
    assert await identity.sql("SELECT count(*) FROM signing_keys") == 2


async def test_replicas_rotate_once_when_the_active_key_is_due(identity: Identity) -> None:
    following = await identity.sql("SELECT kid FROM signing_keys WHERE activated_at IS NULL")
    await identity.age_keys(timedelta(days=31))
    await asyncio.gather(*(keys.advance_keys(identity.process) for _ in range(6)))
    assert await identity.sql("SELECT count(*) FROM signing_keys") == 3
    active = active_key(await keys.advance_keys(identity.process))
    assert active is not None
    assert active.kid == following


async def test_rotation_by_command_waits_until_the_next_key_is_known(identity: Identity) -> None:
    with pytest.raises(TooEarly, match="may sign from"):
        await keys.advance_keys(identity.process, rotate=True)
    await identity.age_keys(RIPE)
    assert len(await keys.advance_keys(identity.process, rotate=True)) == 3


async def test_security_19_rotation_under_load_refuses_no_good_token(identity: Identity) -> None:
    """Four clients get and check tokens while keys rotate six times; every cache knows each key before it signs."""
    created, stop = await identity.new_client(), asyncio.Event()
    verifiers = [identity.verifier() for _ in range(4)]

    async def use(verifier: Verifier) -> int:
        held: list[str] = []
        while not stop.is_set():
            held.append(await identity.token(created))
            verifier._remembered.clear()
            for token in held[-5:]:
                await verifier.verify(token)
        return len(held)

    with _count_fetches() as fetch:
        await _fill_caches(verifiers)
        users = [asyncio.create_task(use(verifier)) for verifier in verifiers]
        for _ in range(6):
            await _fill_caches(verifiers)
            await identity.sql("UPDATE signing_keys SET published_at = published_at - $1::interval", RIPE)
            await keys.advance_keys(identity.process, rotate=True)
            for _ in range(5):
                await identity.token(created)
        stop.set()
        counts = await asyncio.gather(*users)
    assert min(counts) > 5
    assert len(await published(identity)) == 8
    assert fetch.call_count == 7 * len(verifiers), "a verifier met a key that its cache did not hold"


async def _fill_caches(verifiers: list[Verifier]) -> None:
    for verifier in verifiers:
        await verifier._jwks._fetch()


def _count_fetches() -> Any:
    return patch.object(Jwks, "_fetch", autospec=True, side_effect=Jwks._fetch)


async def test_security_19_unknown_kids_cause_a_bounded_number_of_fetches(identity: Identity) -> None:
    verifier, stranger = identity.verifier(), ECKey.generate_key("P-256", {"kid": "stranger"})
    await verifier.verify(await identity.token(await identity.new_client()))
    with _count_fetches() as fetch:
        for number in range(50):
            forged = jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": f"unknown-{number}"}, {"sub": "x"}, stranger)
            with pytest.raises(InvalidToken):
                await verifier.verify(forged)
    assert fetch.call_count <= 2


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)]
    return ".".join([*parts, ""])


async def test_security_17_forged_tokens_are_refused(identity: Identity) -> None:
    public = (await published(identity))[0]
    header, claims = {"alg": "ES256", "typ": "at+jwt", "kid": public["kid"]}, _claims(identity)
    stranger = ECKey.generate_key("P-256")
    symmetric = OctKey.import_key(json.dumps(public).encode())
    coordinates = OctKey.import_key(base64.urlsafe_b64decode(public["x"] + "=="))
    hmac_header = header | {"alg": "HS256"}
    forged = {
        "unsigned": unsigned(header | {"alg": "none"}, claims),
        "signature left out": unsigned(header, claims),
        "public key as HMAC secret": jwt.encode(hmac_header, claims, symmetric, algorithms=["HS256"]),
        "coordinate as HMAC secret": jwt.encode(hmac_header, claims, coordinates, algorithms=["HS256"]),
        "another key, same kid": jwt.encode(header, claims, stranger),
        "key in its header": jwt.encode(header | {"jwk": stranger.as_dict(private=False)}, claims, stranger),
        "jku": jwt.encode(header | {"jku": "http://127.0.0.1:1/jwks.json"}, claims, stranger),
        "x5u": jwt.encode(header | {"x5u": "http://127.0.0.1:1/cert.pem"}, claims, stranger),
        "no kid": jwt.encode({"alg": "ES256", "typ": "at+jwt"}, claims, stranger),
    }
    accepted = [name for name, token in forged.items() if await _accepts(identity.verifier(), token)]
    assert accepted == []


async def _accepts(verifier: Verifier, token: str) -> bool:
    try:
        await verifier.verify(token)
    except InvalidToken:
        return False
    return True


def _claims(identity: Identity) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": identity.settings.issuer, "aud": "forecourt", "sub": str(new_id()), "iat": now, "exp": now + 300,
        "scope": "prices:write",
    }  # fmt: skip


@pytest.mark.parametrize("typ", ["JWT", "id+jwt", None])
async def test_security_18_token_of_another_type_is_refused(identity: Identity, typ: str | None) -> None:
    async with identity.store.connection() as connection:
        key = active_key(await repository.load_keys(connection))
    assert key is not None
    pair = private_key(key, identity.process.ring)
    good = {"alg": "ES256", "kid": str(key.kid), "typ": "at+jwt"}
    wrong = {"alg": "ES256", "kid": str(key.kid)} | ({"typ": typ} if typ else {})
    assert await identity.verifier().verify(jwt.encode(good, _claims(identity), pair))
    with pytest.raises(InvalidToken):
        await identity.verifier().verify(jwt.encode(wrong, _claims(identity), pair, algorithms=["ES256"]))


async def test_sealing_key_is_replaced_while_the_service_runs(identity: Identity, tmp_path: Path) -> None:
    created, token = await identity.new_client(), await identity.token(await identity.new_client(_named("other")))
    both = _rotated_keys(identity.settings.keyring_file, tmp_path)
    replica = Process(
        Settings.model_validate(identity.settings.model_dump() | {"keyring_file": str(both)}), identity.store
    )
    (before, _) = await keys.advance_keys(identity.process)
    (after, _) = await keys.advance_keys(replica)
    assert before.kid == after.kid
    assert KeyRing(FileKeys(both)).is_current(after.private)
    issued = await issue_client_token(replica, created.client, {})
    for good in (token, issued.access_token):
        assert await identity.verifier().verify(good)
    with pytest.raises(KeyRingError, match="not in the key file"):
        identity.process.ring.open(after.private, str(after.kid))


def _rotated_keys(old: str, folder: Path) -> Path:
    both = folder / "keys.json"
    both.write_text(rotated(Path(old).read_text(), b"n" * 32))
    return both


def _named(name: str) -> ClientSpec:
    return ClientSpec(name, ("prices:write",), operators=("Aral",))
