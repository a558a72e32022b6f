"""The key ring's rotation, once a new key seals: all that older keys made is made anew, while people sign in.

Everybody looks for a login under all keys of the ring, so it is found before and after its hash changes.
"""

from typing import Any
from uuid import UUID

from identity.repository import key_rotation as repository
from identity.repository.people import StoredLogin
from identity.use_cases import people
from identity.use_cases.context import Identity
from identity.use_cases.keys import advance_keys
from servicekit.postgres import Connection
from servicekit.rewrap import BATCH, Note, renew_data_keys, report


async def uses_of_keys(identity: Identity) -> dict[str, Any]:
    """The ring's keys, and by kind how much is under which; see servicekit.rewrap.report."""
    async with identity.store.connection() as connection:
        return report(identity.ring, await repository.count_uses(connection))


async def renew(identity: Identity, note: Note = lambda _: None) -> None:
    """Brings what stays under the current key, in batches; it can be stopped at any time and begun again."""
    await advance_keys(identity)
    await renew_data_keys(identity.store, identity.vault, note)
    after: UUID | None = repository.FIRST
    while after is not None:
        after = await _renew_logins(identity, after, note)


async def _renew_logins(identity: Identity, after: UUID, note: Note) -> UUID | None:
    """One batch; the id of its last login, None where there is none left."""

    async def work(tx: Connection) -> list[StoredLogin]:
        page = await repository.lock_logins(tx, after, BATCH)
        old = [login for login in page if not identity.ring.is_current(login.hash)]
        await repository.save_hashes(tx, await people.hashes_anew(identity, tx, old))
        return page

    page = await identity.store.transact(work)
    note(len(page))
    return page[-1].id if page else None
