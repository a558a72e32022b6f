"""Access tokens that look like identity's, made with its own key and one thing wrong, or with no right to any key."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from identity.domain.signing_keys import active_key
from identity.repository.keys import load_keys
from identity.tokens import private_key
from local_stack import keyrings
from local_stack.config import Config
from local_stack.environment import service_environment
from servicekit.keyring import FileKeys, KeyRing
from servicekit.testkit import make_signing_key

Claims = Mapping[str, Any]


@dataclass(frozen=True)
class Forger:
    """Knows identity's signing key, which nobody outside does, and so can be wrong in one thing at a time."""

    key: ECKey

    def token(
        self, claims: Claims, *, without: tuple[str, ...] = (), typ: str | None = "at+jwt", **changes: Any
    ) -> str:
        """A token that identity could have signed."""
        body = {name: value for name, value in (dict(claims) | changes).items() if name not in without}
        header = {"alg": "ES256", "kid": self.key.kid} | ({"typ": typ} if typ is not None else {})
        return jwt.encode(header, body, self.key)

    def header(self, **changes: Any) -> dict[str, Any]:
        """The header of a good token, changed."""
        return {"alg": "ES256", "kid": self.key.kid, "typ": "at+jwt"} | changes


async def forger(config: Config) -> Forger:
    """With the key that identity signs with now."""
    connection = await asyncpg.connect(service_environment(config, "identity")["IDENTITY_POSTGRES_DSN"])
    try:
        key = active_key(await load_keys(connection))
    finally:
        await connection.close()
    assert key is not None
    return Forger(private_key(key, KeyRing(FileKeys(str(keyrings.path(config, "identity"))))))


def encoded(value: object) -> str:
    """JSON in base64url."""
    return _base64(json.dumps(value).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def unsigned(forger: Forger, claims: Claims, algorithm: str) -> str:
    """The algorithm `none`, in whatever writing."""
    return f"{encoded(forger.header(alg=algorithm))}.{encoded(claims)}."


def keyed_with(secret: bytes, forger: Forger, claims: Claims) -> str:
    """HS256 with something that everybody knows as the secret."""
    signed = f"{encoded(forger.header(alg='HS256'))}.{encoded(claims)}"
    return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), 'sha256'))}"


def signed_with(key: ECKey, forger: Forger, claims: Claims, **header: Any) -> str:
    """Signed by somebody else."""
    return jwt.encode(forger.header(**header), dict(claims), key)


OWN_KEY = make_signing_key()
SIGNATURES: dict[str, Callable[[Forger, Claims], str]] = {
    "none": lambda forger, claims: unsigned(forger, claims, "none"),
    "None": lambda forger, claims: unsigned(forger, claims, "None"),
    "public key as PEM": lambda forger, claims: keyed_with(forger.key.as_pem(private=False), forger, claims),
    "public key as DER": lambda forger, claims: keyed_with(forger.key.as_der(private=False), forger, claims),
    "JWK as secret": lambda forger, claims: keyed_with(
        json.dumps(forger.key.as_dict(private=False)).encode(), forger, claims
    ),
    "nothing as secret": lambda forger, claims: keyed_with(b"", forger, claims),
    "another key": lambda forger, claims: signed_with(OWN_KEY, forger, claims),
    "another key by its own id": lambda forger, claims: signed_with(OWN_KEY, forger, claims, kid=OWN_KEY.kid),
    "another key in the header": lambda forger, claims: (
        f"{encoded(forger.header(jwk=OWN_KEY.as_dict(private=False)))}."
        + signed_with(OWN_KEY, forger, claims).partition(".")[2]
    ),
    "RS256": lambda forger, claims: jwt.encode(
        forger.header(alg="RS256"), dict(claims), RSAKey.generate_key(2048), algorithms=["RS256"]
    ),
    "signature cut off": lambda forger, claims: forger.token(claims).rpartition(".")[0] + ".",
    "claims changed": lambda forger, claims: ".".join(
        part if number != 1 else encoded(dict(claims) | {"roles": ["admin"]})
        for number, part in enumerate(forger.token(claims).split("."))
    ),
}
"""Line 17: only an ES256 signature by a published key counts, whatever a token says of itself."""

CLAIMS: dict[str, Callable[[Forger, Claims], str]] = {
    "another issuer": lambda forger, claims: forger.token(claims, iss="https://evil.example"),
    "no issuer": lambda forger, claims: forger.token(claims, without=("iss",)),
    "another audience": lambda forger, claims: forger.token(claims, aud="elsewhere"),
    "other audiences": lambda forger, claims: forger.token(claims, aud=["elsewhere", "nowhere"]),
    "no audience": lambda forger, claims: forger.token(claims, without=("aud",)),
    "expired": lambda forger, claims: forger.token(claims, exp=claims["iat"] - 1),
    "no end": lambda forger, claims: forger.token(claims, without=("exp",)),
    "an end in words": lambda forger, claims: forger.token(claims, exp="tomorrow"),
    "issued in an hour": lambda forger, claims: forger.token(claims, iat=claims["exp"] + 3_600),
    "another type": lambda forger, claims: forger.token(claims, typ="JWT"),
    "an id token": lambda forger, claims: forger.token(claims, typ="id_token+jwt"),
    "no type": lambda forger, claims: forger.token(claims, typ=None),
    "nobody's": lambda forger, claims: forger.token(claims, without=("sub",)),
}
"""Line 18: signed by identity, but not for this use."""
