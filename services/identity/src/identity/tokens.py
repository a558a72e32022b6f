"""Key pairs and signatures: ES256 JSON Web Tokens of type at+jwt (RFC 9068)."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from identity.domain.signing_keys import SigningKey
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
