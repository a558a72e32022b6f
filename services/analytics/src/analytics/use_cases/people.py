"""What the service has of people."""

from typing import Any

from analytics.use_cases.context import Analytics


class PeopleData:
    """See servicekit.personal_data.PersonalData."""

    kept = frozenset[str]()

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics

    async def collect(self, subject: str) -> dict[str, Any]:
        """All that is a person's."""
        return {}

    async def erase(self, tx: Any, subject: str) -> dict[str, int]:
        """Deletes it and says how many of what."""
        shredded = await self._analytics.vault.shred(tx, subject)
        return {"data_keys": int(shredded)}

    async def merge(self, tx: Any, subject: str, into: str) -> None:
        """Hands it over."""
        await self._analytics.vault.shred(tx, subject)
