"""The keys that sign access tokens: published, kept in motion, sealed anew."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

from identity import tokens
from identity.domain.signing_keys import SigningKey, advance
from identity.repository import keys as repository
from identity.use_cases.context import Identity
from servicekit.keyring import KeyRing
from servicekit.postgres import Connection
from servicekit.store import StoreUnavailable

log = logging.getLogger(__name__)

KEY_CHECK_SECONDS = 30.0


async def published_keys(identity: Identity) -> list[dict[str, Any]]:
    """The public keys that verify every unexpired token, and the next one. Never a copy: a late key is a lost token."""
    async with identity.store.connection() as connection:
        return [key.public_jwk for key in await repository.load_keys(connection)]


async def advance_keys(identity: Identity, *, rotate: bool = False) -> list[SigningKey]:
    """Makes the first keys, rotates where it is time or asked for, drops what is gone. One process at a time.

    Raises TooEarly where a rotation was asked for before the next key may sign.
    """
    make = tokens.key_maker(identity.ring)

    async def work(connection: Connection) -> list[SigningKey]:
        now = await repository.lock_keys(connection)
        before = await repository.load_keys(connection)
        after = advance(before, identity.settings.key_schedule, now, make, rotate=rotate)
        after = [_renewed(key, identity.ring) for key in after]
        if after != before:
            await repository.save_keys(connection, after)
        return after

    keys = await identity.store.transact(work)
    identity.signer.forget()
    return keys


async def keep_keys(identity: Identity) -> None:
    """Advances the keys for ever."""
    while True:
        try:
            await advance_keys(identity)
        except StoreUnavailable as error:
            log.warning("signing keys wait for the database", extra={"error": str(error)})
        await asyncio.sleep(KEY_CHECK_SECONDS)


def _renewed(key: SigningKey, ring: KeyRing) -> SigningKey:
    """The same key, sealed under the ring's current one."""
    if ring.is_current(key.private):
        return key
    return replace(key, private=ring.seal(ring.open(key.private, str(key.kid)), str(key.kid)))
