"""Key pairs and signatures: ES256 JSON Web Tokens of type at+jwt (RFC 9068)."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from identity.domain.signing_keys import SigningKey
from servicekit.auth import MAX_TOKEN_CHARACTERS
from servicekit.ids import new_id
from servicekit.keyring import KeyRing

ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068's header value


def key_maker(ring: KeyRing) -> Callable[[datetime], SigningKey]:
    """A function that makes a new key, published at the given time."""

    def make(published_at: datetime) -> SigningKey:
        kid = new_id()
        pair = ECKey.generate_key("P-256", {"kid": str(kid), "use": "sig", "alg": ALGORITHM})
        private = ring.seal(json.dumps(pair.as_dict(private=True)).encode(), str(kid))
        return SigningKey(kid, pair.as_dict(private=False), private, published_at)

    return make


def private_key(key: SigningKey, ring: KeyRing) -> ECKey:
    """The key, open: what `sign` takes. Opening costs more than signing, so it is kept while the key signs."""
    return ECKey.import_key(json.loads(ring.open(key.private, str(key.kid))))


def sign(claims: dict[str, Any], kid: str, key: ECKey) -> str:
    """The signed access token."""
    return jwt.encode({"alg": ALGORITHM, "kid": kid, "typ": TOKEN_TYPE}, claims, key)


def verified(token: str, keys: Sequence[SigningKey]) -> dict[str, Any] | None:
    """The claims of an access token that one of these keys signed, expired or not; None of anything else."""
    if len(token) > MAX_TOKEN_CHARACTERS:
        return None
    try:
        decoded = jwt.decode(token, KeySet.import_key_set({"keys": [key.public_jwk for key in keys]}), [ALGORITHM])
    except (JoseError, ValueError):
        return None
    return decoded.claims if decoded.header.get("typ") == TOKEN_TYPE else None
