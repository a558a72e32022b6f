"""What has run out of staff's sign-in and of invitations is deleted, not kept."""

import asyncio
import logging
from datetime import UTC, datetime

from identity.domain.passwords import FAMILIAR_FOR
from identity.repository.password_tries import delete_ended
from identity.use_cases.context import Identity
from identity.use_cases.invitations import forget_expired
from servicekit.store import StoreUnavailable

log = logging.getLogger(__name__)

TIDY_SECONDS = 600.0


async def keep_staff_tidy(identity: Identity) -> None:
    """Tidies for ever; replicas that do so at once do not mind each other."""
    while True:
        try:
            await tidy_staff(identity, datetime.now(UTC))
        except StoreUnavailable as error:
            log.warning("tidying waits for the database", extra={"error": str(error)})
        await asyncio.sleep(TIDY_SECONDS)


async def tidy_staff(identity: Identity, now: datetime) -> None:
    """Deletes expired invitations, sign-ins that were not finished, counts that ended."""
    await forget_expired(identity)
    await identity.store.transact(lambda tx: delete_ended(tx, now, now - FAMILIAR_FOR))
