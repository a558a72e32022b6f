"""Who asks: access tokens checked against the issuer's JWKS, at every service and on every message."""

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import Annotated, Any

import aiohttp
import msgspec
from fastapi import Depends, Request, Security
from fastapi.openapi.models import OAuthFlowAuthorizationCode, OAuthFlowClientCredentials, OAuthFlows
from fastapi.security import OAuth2, SecurityScopes
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from servicekit.access import RULES, STEP_UP_SECONDS, TABLE, Permission
from servicekit.bodies import read_whole
from servicekit.problems import Problem, Unavailable
from servicekit.revocations import Revocations
from servicekit.settings import ServiceSettings

ALGORITHMS = ["ES256"]
TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068's header value
MAX_TOKEN_CHARACTERS = 16_384
LEEWAY_SECONDS = 5
JWKS_LIFE_SECONDS = 300.0
JWKS_MIN_INTERVAL_SECONDS = 2.0
JWKS_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
MAX_JWKS_BYTES = 64 * 1024
MAX_REMEMBERED_TOKENS = 10_000


@dataclass(frozen=True, slots=True)
class Grant:
    """A role and where it holds; platform roles are bound to nothing."""

    role: str
    operators: frozenset[str]
    stations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a token was made for, and what it may touch."""

    subject: str
    scopes: frozenset[str]
    roles: frozenset[str]
    operators: frozenset[str]
    stations: frozenset[str]
    grants: tuple[Grant, ...] = ()
    """A person's roles, each with its own bindings; `operators` and `stations` are those of all together."""
    client_id: str = ""
    session: str | None = None
    access_version: int = 0
    authenticated_at: int | None = None
    """When the person last proved who they are (seconds since the epoch); None for machine clients."""

    def bindings(self, permission: Permission) -> tuple[frozenset[str], frozenset[str]]:
        """(operators, stations) where this principal may do what the permission names.

        A person may be a manager here and an attendant there, so only the roles that hold it count.
        """
        if not self.grants:
            return self.operators, self.stations
        held = [grant for grant in self.grants if grant.role in RULES[permission].roles]
        operators = frozenset(operator for grant in held for operator in grant.operators)
        return operators, frozenset(station for grant in held for station in grant.stations)

    def may_act_for(self, station_id: str, operator: str, permission: Permission) -> bool:
        """Whether it may do so at this station, to which it is bound by itself or through its operator."""
        operators, stations = self.bindings(permission)
        return operator in operators or station_id in stations


class InvalidToken(Exception):
    """The token proves nothing; the text says why without repeating the token."""


class Jwks:
    """The issuer's public keys: cached, fetched again when old or when a kid is new, never more often than bounded."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: KeySet | None = None
        self._fetched_at = self._tried_at = -JWKS_LIFE_SECONDS
        self._lock = asyncio.Lock()

    async def keys(self, kid: str | None) -> KeySet:
        """The key set, holding `kid` if the issuer has it. Raises Unavailable while there are no keys at all."""
        if self._is_fresh(kid):
            return self._known()
        async with self._lock:
            if not self._is_fresh(kid) and time.monotonic() - self._tried_at >= JWKS_MIN_INTERVAL_SECONDS:
                await self._fetch()
        return self._known()

    def _is_fresh(self, kid: str | None) -> bool:
        if self._keys is None or time.monotonic() - self._fetched_at > JWKS_LIFE_SECONDS:
            return False
        return any(key.kid == kid for key in self._keys.keys)

    def _known(self) -> KeySet:
        if self._keys is None:
            raise Unavailable("The check of access tokens")
        return self._keys

    async def _fetch(self) -> None:
        self._tried_at = time.monotonic()
        try:
            async with (
                aiohttp.ClientSession(timeout=JWKS_TIMEOUT) as session,
                session.get(self._url, allow_redirects=False) as response,
            ):
                response.raise_for_status()
                self._keys = _signing_keys(await read_whole(response.content, MAX_JWKS_BYTES))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, JoseError):
            return  # the keys we know stay good; without any, `_known` says so
        self._fetched_at = time.monotonic()


class _KeyDocument(msgspec.Struct):
    keys: list[dict[str, Any]]


def _signing_keys(document: bytes) -> KeySet:
    """The document's EC signing keys; other kinds are never used, whatever a token's header asks for.

    Raises ValueError or JoseError where it is no key set.
    """
    keys = msgspec.json.decode(document, type=_KeyDocument).keys
    return KeySet.import_key_set({"keys": [k for k in keys if k.get("kty") == "EC" and k.get("use") == "sig"]})


class Verifier:
    """Checks access tokens (RFC 9068): signature, algorithm, type, issuer, audience and times."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._jwks = Jwks(settings.jwks_url)
        self._issuer = settings.issuer
        self._audience = settings.audience
        self.revocations = Revocations()
        self._remembered: dict[bytes, tuple[float, Principal]] = {}

    def recall(self, token: str) -> Principal | None:
        """The principal of a token that was verified before and still holds; None asks for `verify`."""
        remembered = self._remembered.get(hashlib.sha256(token.encode()).digest())
        if remembered is None or remembered[0] <= time.time() or self._is_revoked(remembered[1]):
            return None
        return remembered[1]

    async def verify(self, token: str, at: float | None = None) -> Principal:
        """The token's principal; `at` is the moment it was used (seconds since the epoch), now by default.

        Raises InvalidToken, or Unavailable while the issuer's keys cannot be had.
        """
        moment = time.time() if at is None else at
        digest = hashlib.sha256(token.encode()).digest()
        if (remembered := self._remembered.get(digest)) and remembered[0] > moment:
            return self._not_revoked(remembered[1])
        claims = await self._claims(token)
        self._check(claims, moment)
        principal = self._not_revoked(_principal(claims))
        if len(self._remembered) >= MAX_REMEMBERED_TOKENS:
            self._remembered.clear()
        self._remembered[digest] = (float(claims["exp"]), principal)
        return principal

    def _is_revoked(self, principal: Principal) -> bool:
        return self.revocations.refuses(principal.subject, principal.access_version, principal.session)

    def _not_revoked(self, principal: Principal) -> Principal:
        if self._is_revoked(principal):
            raise InvalidToken("it was revoked: the session ended, or the rights changed")
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        """The claims of a token whose header and signature are good."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise InvalidToken("it is too long")
        try:
            header = extract_compact(token.encode()).headers()
            if header.get("typ") != TOKEN_TYPE:
                raise InvalidToken(f"its type is not {TOKEN_TYPE}")
            keys = await self._jwks.keys(header.get("kid"))
            return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError) as error:
            raise InvalidToken("it is malformed, or its signature or key is not good") from error

    def _check(self, claims: dict[str, Any], moment: float) -> None:
        audience = claims.get("aud")
        expires, issued = claims.get("exp"), claims.get("iat")
        if claims.get("iss") != self._issuer:
            raise InvalidToken("another issuer made it")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise InvalidToken("it is meant for another audience")
        if not isinstance(expires, int) or expires <= moment:
            raise InvalidToken("it has expired")
        if not isinstance(issued, int) or issued > moment + LEEWAY_SECONDS:
            raise InvalidToken("it was issued in the future")
        if not isinstance(claims.get("sub"), str):
            raise InvalidToken("it names nobody")


def _principal(claims: dict[str, Any]) -> Principal:
    return Principal(
        claims["sub"],
        frozenset(str(claims.get("scope", "")).split()),
        *(frozenset(map(str, claims.get(name) or ())) for name in ("roles", "operators", "stations")),
        grants=tuple(map(_grant, claims.get("grants") or ())),
        client_id=str(claims.get("client_id", "")),
        session=claims.get("sid"),
        access_version=int(claims.get("access_version", 0)),
        authenticated_at=claims.get("auth_time"),
    )


def _grant(claim: dict[str, Any]) -> Grant:
    operators, stations = (frozenset(map(str, claim.get(name) or ())) for name in ("operators", "stations"))
    return Grant(str(claim["role"]), operators, stations)


_TOKEN_URL = "/v1/oauth/token"  # noqa: S105 - a path
_scheme = OAuth2(
    flows=OAuthFlows(
        authorizationCode=OAuthFlowAuthorizationCode(
            authorizationUrl="/v1/oauth/authorize", tokenUrl=_TOKEN_URL, refreshUrl=_TOKEN_URL,
            scopes={rule.permission.value: rule.what for rule in TABLE if rule.roles},
        ),
        clientCredentials=OAuthFlowClientCredentials(
            tokenUrl=_TOKEN_URL, scopes={rule.permission.value: rule.what for rule in TABLE if rule.machines}
        ),
    ),
    scheme_name="oauth2", auto_error=False,
    description="An access token from POST /v1/oauth/token, sent as `Authorization: Bearer <token>`. People get theirs "
    "with a code (PKCE, S256), station systems with their own secret.",
)  # fmt: skip


def bearer_token(authorization: str | None) -> str:
    """The token of an Authorization header; Problem 401 where there is none."""
    kind, _, token = (authorization or "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise unauthorised("Send an access token: Authorization: Bearer <token> (POST /v1/oauth/token gives one).")
    return token


def unauthorised(detail: str) -> Problem:
    """401 with the challenge that RFC 6750 asks for."""
    return Problem(401, "unauthorised", detail, headers={"WWW-Authenticate": "Bearer"})


async def authenticate(
    request: Request, scopes: SecurityScopes, authorization: Annotated[str | None, Depends(_scheme)]
) -> Principal:
    """The principal of a request, once it holds the permissions that its route names; see `Requires`."""
    verifier: Verifier = request.app.state.verifier
    try:
        principal = await verifier.verify(bearer_token(authorization))
    except InvalidToken as error:
        raise unauthorised(f"The access token is not accepted: {error}. Get a new one.") from error
    for scope in scopes.scopes:
        require(principal, Permission(scope))
    return principal


def require(principal: Principal, permission: Permission) -> None:
    """What a route asks for by `Requires`, for what only some bodies of a route need. Raises Problem 401, 403."""
    if permission not in principal.scopes:
        raise Problem(403, "missing-scope", f"This needs the scope {permission}.")
    if RULES[permission].step_up:
        _require_fresh(principal)


def Requires(permission: Permission) -> Any:
    """The dependency by which a route names its row of the access table:

    `Annotated[Principal, Requires(Permission.PRICES_WRITE)]`
    """
    return Security(authenticate, scopes=[permission.value])


def _require_fresh(principal: Principal) -> None:
    """RFC 9470: tells the client to let the person sign in again."""
    if principal.authenticated_at is not None and time.time() - principal.authenticated_at <= STEP_UP_SECONDS:
        return
    challenge = f'Bearer error="insufficient_user_authentication", max_age="{STEP_UP_SECONDS}"'
    raise Problem(
        401, "step-up-required", f"Sign in again: this needs a sign-in of the last {STEP_UP_SECONDS // 60} minutes.",
        headers={"WWW-Authenticate": challenge},
    )  # fmt: skip
