"""Names for drivers that mean nothing elsewhere: always the same for the same driver and key, and not to be undone."""

import hmac
from uuid import UUID

VIEWS = "views"
"""For whom the names in this service's own views are."""
BYTES = 16


class Pseudonyms:
    """Pseudonyms for one reader: the views, or an analyst. Readers cannot compare theirs."""

    def __init__(self, key: str, reader: str) -> None:
        self._key = hmac.digest(key.encode(), b"pseudonyms for " + reader.encode(), "sha256")

    def of(self, driver_id: str) -> bytes:
        """16 bytes of HMAC-SHA-256: two drivers with the same ones are not to be expected."""
        return hmac.digest(self._key, driver_id.encode(), "sha256")[:BYTES]

    def uuid_of(self, some_id: object) -> UUID:
        """The pseudonym in the shape of a UUID, for what is one; of the same id and reader always the same."""
        return UUID(bytes=self.of(str(some_id)), version=4)
