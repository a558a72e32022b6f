"""Asks the other services what they know of a person, as identity itself."""

import time
from uuid import NAMESPACE_URL, UUID, uuid5

from identity.providers.personal_data import Account
from identity.use_cases.context import Identity
from servicekit.access import Permission
from servicekit.envelope import source_of
from servicekit.ids import new_id

SELF = uuid5(NAMESPACE_URL, source_of("identity"))
"""Who identity is in the tokens that it makes for itself."""
TOKEN_SECONDS = 60


async def ask(identity: Identity, service: str, subject: UUID) -> Account:
    """All that a service has of a person, and what it erased. Raises NoAnswer."""
    return await identity.other_services.account_of(service, subject, await _own_token(identity))


async def _own_token(identity: Identity) -> str:
    now, settings = int(time.time()), identity.settings
    return await identity.signer.sign({
        "iss": settings.issuer, "sub": str(SELF), "client_id": str(SELF), "aud": settings.audience, "iat": now,
        "exp": now + TOKEN_SECONDS, "jti": str(new_id()), "scope": Permission.PERSONAL_DATA_READ.value,
    })  # fmt: skip
