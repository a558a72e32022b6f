"""What a person holds who has just proved a login of another account: it spares a second proof to merge the two."""

import base64
import binascii
import json
import time
from uuid import UUID

from identity.use_cases.context import Identity
from servicekit.keyring import KeyRingError
from servicekit.problems import Problem

LIFE_SECONDS = 300


def make(identity: Identity, holder: UUID, other: UUID) -> str:
    """An offer that only the holder's account can take up; sealed, so that it names nobody."""
    text = json.dumps({"other": str(other), "expires_at": int(time.time()) + LIFE_SECONDS})
    return base64.urlsafe_b64encode(identity.ring.seal(text.encode(), _context(holder))).decode()


def read(identity: Identity, holder: UUID, offer: str) -> UUID:
    """The other account. Raises Problem 422."""
    try:
        document = json.loads(identity.ring.open(base64.urlsafe_b64decode(offer), _context(holder)))
    except (KeyRingError, binascii.Error, ValueError) as error:
        raise _refused() from error
    if document["expires_at"] < time.time():
        raise _refused()
    return UUID(document["other"])


def _context(holder: UUID) -> str:
    return f"merge offer|{holder}"


def _refused() -> Problem:
    return Problem(422, "proof-refused", "This merge_offer is not yours, or too old: prove the other account's login.")
