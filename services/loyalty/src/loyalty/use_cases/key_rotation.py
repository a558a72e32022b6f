"""The key ring's rotation, once a new key seals: what older keys made is made anew, or waited for.

A code is nowhere but in its owner's hand, so its hash cannot be made anew: it is looked for under all keys of the ring,
and an older key is needed until the last code under it was used or ran out. A device that was seen under a key that is
gone is a new one.
"""

from typing import Any

from loyalty.repository import codes as repository
from loyalty.use_cases.context import Loyalty
from servicekit.rewrap import DATA_KEYS, Note, data_key_uses, renew_data_keys, report


async def uses_of_keys(loyalty: Loyalty) -> dict[str, Any]:
    """The ring's keys, and by kind how much is under which; see servicekit.rewrap.report."""
    async with loyalty.store.connection() as connection:
        codes = await repository.count_by_key(connection)
    return report(loyalty.ring, {"codes": codes, DATA_KEYS: await data_key_uses(loyalty.store, loyalty.vault)})


async def renew(loyalty: Loyalty, note: Note = lambda _: None) -> None:
    """Brings people's data keys under the current key, in batches; it can be stopped at any time and begun again."""
    await renew_data_keys(loyalty.store, loyalty.vault, note)
