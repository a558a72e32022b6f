"""The token check against a real issuer: what must fail fails, and rotation rejects nobody."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from servicekit import auth
from servicekit.access import Permission
from servicekit.auth import JWKS_LIFE_SECONDS, JWKS_MIN_INTERVAL_SECONDS, InvalidToken, Verifier
from servicekit.problems import Unavailable
from servicekit.settings import ServiceSettings
from servicekit.testkit import Issuer, make_signing_key

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Clock:
    """Time that passes when it is told to; also the wall clock."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.passed

    def time(self) -> float:
        return time.time() + self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(auth, "time", clock)
    return clock


class Keys:
    """An issuer's JWKS endpoint that counts its calls; `serve` may be replaced."""

    def __init__(self) -> None:
        self.issuer = Issuer()
        self.calls = 0
        self.serve: Serve = self.issuer.serve_keys

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        self.calls += 1
        return await self.serve(request)


@asynccontextmanager
async def serving(keys: Keys) -> AsyncIterator[Keys]:
    """The endpoint on a free port."""
    app = web.Application()
    app.router.add_get("/jwks.json", keys.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    keys.issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield keys
    finally:
        await runner.cleanup()


@pytest.fixture
async def keys() -> AsyncIterator[Keys]:
    async with serving(Keys()) as keys:
        yield keys


@pytest.fixture
def verifier(settings: ServiceSettings, keys: Keys) -> Verifier:
    return Verifier(settings.model_copy(update={"issuer": keys.issuer.url, "jwks_url": keys.issuer.jwks_url}))


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def test_a_good_token_gives_its_principal(verifier: Verifier, keys: Keys):
    token = keys.issuer.token("prices:write", "stations:write", sub="me", operators=["shell"], stations=["s-1"])
    principal = await verifier.verify(token)
    assert (principal.subject, principal.scopes) == ("me", {"prices:write", "stations:write"})
    assert principal.may_act_for("s-1", "other", Permission.PRICES_WRITE)
    assert principal.may_act_for("s-2", "shell", Permission.PRICES_WRITE)
    assert not principal.may_act_for("s-2", "other", Permission.PRICES_WRITE)


async def test_a_role_counts_where_it_holds_only(verifier: Verifier, keys: Keys):
    """A manager at one station who helps out at another one."""
    grants = [
        {"role": "manager", "operators": [], "stations": ["s-1"]},
        {"role": "attendant", "operators": ["shell"], "stations": []},
    ]
    token = keys.issuer.token(operators=["shell"], stations=["s-1"], grants=grants)
    principal = await verifier.verify(token)
    allowed = {
        (permission, station): principal.may_act_for(station, operator, permission)
        for permission in (Permission.PUMPS_WRITE, Permission.STATIONS_WRITE, Permission.PRICES_WRITE)
        for station, operator in (("s-1", "aral"), ("s-2", "shell"), ("s-3", "esso"))
    }
    assert {place for place, may in allowed.items() if may} == {
        (Permission.PUMPS_WRITE, "s-1"), (Permission.PUMPS_WRITE, "s-2"), (Permission.STATIONS_WRITE, "s-1"),
    }  # fmt: skip
    assert principal.bindings(Permission.STATIONS_WRITE) == (frozenset(), {"s-1"})
    assert principal.bindings(Permission.PUMPS_WRITE) == ({"shell"}, {"s-1"})


# Constants, since every worker must find tests of the same names.
IN_THE_PAST = 1_700_000_000
IN_THE_FUTURE = 4_000_000_000


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://another"}, {"iss": None}, {"aud": "another"}, {"aud": ["a", "b"]}, {"aud": None},
        {"exp": IN_THE_PAST}, {"exp": None}, {"exp": "soon"}, {"iat": IN_THE_FUTURE}, {"iat": None},
        {"sub": None}, {"sub": 7},
    ],
    ids=str,
)  # fmt: skip
async def test_security_18_wrong_claims_are_refused(verifier: Verifier, keys: Keys, claims: dict[str, Any]):
    with pytest.raises(InvalidToken):
        await verifier.verify(keys.issuer.token("prices:write", **claims))


async def test_an_audience_among_several_is_good(verifier: Verifier, keys: Keys):
    assert await verifier.verify(keys.issuer.token(aud=["another", "forecourt"]))


@pytest.mark.parametrize("typ", ["JWT", "at+JWT ", "", "refresh+jwt"])
async def test_security_18_another_type_is_refused(verifier: Verifier, keys: Keys, typ: str):
    with pytest.raises(InvalidToken, match="type"):
        await verifier.verify(keys.issuer.token(typ=typ))


def forged(keys: Keys, kind: str) -> str:
    """A token with good claims and a signature that proves nothing."""
    header, body, signature = keys.issuer.token("prices:write").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    kid, other = keys.issuer.key.kid, make_signing_key()
    typed = {"typ": "at+jwt", "kid": kid}
    public = keys.issuer.key.as_pem(private=False)
    match kind:
        case "alg none":
            return f"{encoded(typed | {'alg': 'none'})}.{body}."
        case "HS256 with the public key as the secret":
            signed = f"{encoded(typed | {'alg': 'HS256'})}.{body}"
            mac = hmac.digest(public, signed.encode(), "sha256")
            return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
        case "RS256":
            return jwt.encode(typed | {"alg": "RS256"}, claims, RSAKey.generate_key(2048), algorithms=["RS256"])
        case "a key of its own in the header":
            jwk = other.as_dict(private=False)
            return jwt.encode(typed | {"alg": "ES256", "jwk": jwk}, claims, other)
        case "a key of its own behind jku and x5u":
            place = {"jku": "http://evil.test/jwks.json", "x5u": "http://evil.test/cert"}
            return jwt.encode(typed | {"alg": "ES256"} | place, claims, other)
        case "another key under a known kid":
            return jwt.encode(typed | {"alg": "ES256"}, claims, other)
        case "a changed claim":
            return f"{header}.{encoded(claims | {'sub': 'root'})}.{signature}"
        case "no signature":
            return f"{header}.{body}."
    raise AssertionError(kind)


@pytest.mark.parametrize(
    "kind",
    [
        "alg none", "HS256 with the public key as the secret", "RS256", "a key of its own in the header",
        "a key of its own behind jku and x5u", "another key under a known kid", "a changed claim", "no signature",
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
async def test_security_17_forged_tokens_are_refused(verifier: Verifier, keys: Keys, kind: str):
    assert await verifier.verify(keys.issuer.token("prices:write"))
    with pytest.raises(InvalidToken):
        await verifier.verify(forged(keys, kind))


@pytest.mark.parametrize("junk", ["", ".", "..", "a.b.c", "é.é.é", "x" * 20_000, "eyJ9.eyJ9.eyJ9", "\x00.\x00.\x00"])
async def test_junk_is_refused(verifier: Verifier, junk: str):
    with pytest.raises(InvalidToken):
        await verifier.verify(junk)


async def test_the_refusal_never_repeats_the_token(verifier: Verifier, keys: Keys):
    token = keys.issuer.token(iss="http://another")
    with pytest.raises(InvalidToken) as caught:
        await verifier.verify(token)
    assert token not in str(caught.value)


async def test_an_expired_token_is_good_for_the_moment_it_was_used(verifier: Verifier, keys: Keys):
    """A message may lie in its topic longer than its token lives."""
    now = time.time()
    token = keys.issuer.token(iat=int(now) - 900, exp=int(now) - 600)
    assert await verifier.verify(token, at=now - 700)
    with pytest.raises(InvalidToken, match="expired"):
        await verifier.verify(token)


async def test_a_remembered_token_still_expires(verifier: Verifier, keys: Keys, clock: Clock):
    token = keys.issuer.token(exp=int(time.time()) + 60)
    assert await verifier.verify(token) == await verifier.verify(token)
    clock.passed = 61
    with pytest.raises(InvalidToken, match="expired"):
        await verifier.verify(token)


async def test_a_storm_of_unknown_kids_fetches_no_more_than_bounded(verifier: Verifier, keys: Keys, clock: Clock):
    assert await verifier.verify(keys.issuer.token())
    strangers = [make_signing_key() for _ in range(5)]
    for second in range(5):
        clock.passed = second * JWKS_MIN_INTERVAL_SECONDS
        tokens = [keys.issuer.token(key=stranger, jti=str(n)) for stranger in strangers for n in range(10)]
        results = await asyncio.gather(*map(verifier.verify, tokens), return_exceptions=True)
        assert all(isinstance(result, InvalidToken) for result in results)
    assert keys.calls <= 6
    assert await verifier.verify(keys.issuer.token())


async def test_a_key_published_before_it_signs_is_never_refused(verifier: Verifier, keys: Keys, clock: Clock):
    """Rotation under load and under a storm of unknown kids."""
    old, new, stranger = keys.issuer.key, make_signing_key(), make_signing_key()
    for step in range(12):
        clock.passed = step * JWKS_MIN_INTERVAL_SECONDS / 2
        if step == 3:
            keys.issuer.published = [old, new]
        signing = new if step >= 6 else old
        good = [keys.issuer.token(key=signing, jti=f"{step}-{n}") for n in range(20)]
        storm = [keys.issuer.token(key=stranger, jti=f"{step}-{n}") for n in range(20)]
        results = await asyncio.gather(*map(verifier.verify, [*good, *storm]), return_exceptions=True)
        assert [result for result in results[:20] if isinstance(result, BaseException)] == []
        assert all(isinstance(result, InvalidToken) for result in results[20:])


async def test_a_key_that_was_withdrawn_is_refused_once_the_cache_is_old(verifier: Verifier, keys: Keys, clock: Clock):
    withdrawn = keys.issuer.key
    assert await verifier.verify(keys.issuer.token(key=withdrawn, jti="1"))
    keys.issuer.published = [make_signing_key()]
    clock.passed = JWKS_LIFE_SECONDS + 1
    with pytest.raises(InvalidToken):
        await verifier.verify(keys.issuer.token(key=withdrawn, jti="2", exp=int(time.time()) + 3_600))


async def test_without_keys_the_check_is_unavailable_and_later_recovers(verifier: Verifier, keys: Keys, clock: Clock):
    async def fail(_: web.Request) -> web.Response:
        return web.Response(status=500)

    keys.serve = fail
    with pytest.raises(Unavailable):
        await verifier.verify(keys.issuer.token())
    keys.serve = keys.issuer.serve_keys
    clock.passed = JWKS_MIN_INTERVAL_SECONDS
    assert await verifier.verify(keys.issuer.token())


@pytest.mark.parametrize("answer", ["500", "junk", "no keys", "a redirect", "too much", "silence"])
async def test_known_keys_stay_good_while_the_issuer_answers_nonsense(
    verifier: Verifier, keys: Keys, clock: Clock, answer: str, monkeypatch: pytest.MonkeyPatch
):
    async def serve(request: web.Request) -> web.StreamResponse:
        match answer:
            case "500":
                return web.Response(status=500)
            case "junk":
                return web.Response(text="<html>")
            case "no keys":
                return web.json_response({"error": "nothing here"})
            case "a redirect":
                return web.HTTPFound(f"{keys.issuer.url}/other.json")
            case "too much":
                return web.Response(text=json.dumps({"keys": [], "padding": "x" * 1_000_000}))
        assert request.transport
        request.transport.close()
        return web.Response()

    assert await verifier.verify(keys.issuer.token(jti="1"))
    keys.serve = serve
    clock.passed = JWKS_LIFE_SECONDS + 1
    assert await verifier.verify(keys.issuer.token(jti="2", exp=int(time.time()) + 3_600))
    assert keys.calls >= 2


async def test_a_document_that_comes_in_pieces_is_read_whole(verifier: Verifier, keys: Keys):
    async def in_pieces(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        document = json.dumps(KeySet(list(keys.issuer.published)).as_dict(private=False)).encode()
        for start in range(0, len(document), 40):
            await response.write(document[start : start + 40])
            await asyncio.sleep(0.01)
        return response

    keys.serve = in_pieces
    assert await verifier.verify(keys.issuer.token())
