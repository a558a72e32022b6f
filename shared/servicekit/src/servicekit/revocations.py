"""What access tokens are no longer good before they expire: learnt from Kafka by every replica of every service.

A token carries the version of its subject's rights (`access_version`) and its session (`sid`). A revocation names the
lowest version that is still good, or a session that ended. So no clock decides, and a token made from rights that were
read a moment too early is refused as well. Nothing needs to be remembered longer than a token lives.
"""

import time
from typing import Any

from aiokafka import AIOKafkaConsumer

from schemas.catalogue import topic_of
from schemas.events import AccessRevokedV1
from servicekit.problems import Unavailable

TOPIC = topic_of(AccessRevokedV1).name
REMEMBER_SECONDS = 3_600.0
"""The longest that any access token may live; identity's settings allow no more."""
TIDY_EVERY = 1_000


class Revocations:
    """The revocations that still matter; a `servicekit.live.Memory`."""

    def __init__(self) -> None:
        self._lowest: dict[str, tuple[int, float]] = {}
        self._ended: dict[str, float] = {}
        self._taken = 0
        self.is_complete = False
        """Whether all that was there when reading began has been taken."""

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._lowest) + len(self._ended)

    def refuses(self, subject: str, version: int, session: str | None) -> bool:
        """Whether a token of this subject, version and session is revoked."""
        lowest = self._lowest.get(subject)
        return (lowest is not None and version < lowest[0]) or (session is not None and session in self._ended)

    def add(self, event: AccessRevokedV1, published_at: float) -> None:
        """Takes one revocation; `published_at` in seconds since the epoch."""
        forget_at = published_at + REMEMBER_SECONDS
        if event.session_id is not None:
            self._ended[str(event.session_id)] = forget_at
        if event.lowest_version is not None:
            known, _ = self._lowest.get(str(event.subject), (0, 0.0))
            self._lowest[str(event.subject)] = max(known, event.lowest_version), forget_at
        self._taken += 1
        if self._taken % TIDY_EVERY == 0:
            self._tidy(time.time())

    def _tidy(self, now: float) -> None:
        self._lowest = {subject: one for subject, one in self._lowest.items() if one[1] > now}
        self._ended = {session: at for session, at in self._ended.items() if at > now}

    async def seek(self, client: AIOKafkaConsumer) -> None:
        """Reads the topic from its start, which is about an hour ago."""
        await client.seek_to_beginning()

    def take(self, record: Any) -> None:
        """One record of the topic."""
        if (AccessRevokedV1.type().encode()) == next((v for name, v in record.headers if name == "ce_type"), b""):
            self.add(AccessRevokedV1.model_validate_json(record.value or b""), record.timestamp / 1000)

    def caught_up(self) -> None:
        """See servicekit.live.Memory."""
        self.is_complete = True

    async def check(self) -> None:
        """Raises Problem 503 until all that was there when reading began has been taken, for /readyz."""
        if not self.is_complete:
            raise Unavailable("What access tokens were revoked")
