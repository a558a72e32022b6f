"""Key pairs and signatures: ES256 JSON Web Tokens of type at+jwt (RFC 9068)."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from identity.key_sealing import KeySealer
from identity.signing_keys import SigningKey
from servicekit.ids import new_id

ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068's header value


def key_maker(sealer: KeySealer) -> Callable[[datetime], SigningKey]:
    """A function that makes a new key, published at the given time."""

    def make(published_at: datetime) -> SigningKey:
        kid = new_id()
        pair = ECKey.generate_key("P-256", {"kid": str(kid), "use": "sig", "alg": ALGORITHM})
        private = sealer.seal(json.dumps(pair.as_dict(private=True)).encode(), str(kid))
        return SigningKey(kid, pair.as_dict(private=False), private, published_at)

    return make


def sign(claims: dict[str, Any], key: SigningKey, sealer: KeySealer) -> str:
    """The signed access token."""
    pair = ECKey.import_key(json.loads(sealer.open(key.private, str(key.kid))))
    return jwt.encode({"alg": ALGORITHM, "kid": str(key.kid), "typ": TOKEN_TYPE}, claims, pair)
