"""The audit log's chain: each entry's hash covers the one before it, so nothing can be changed or left out unseen."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what to whom; ids and words of ours only, never personal data."""

    sequence: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any]

    def text(self, previous_hash: bytes) -> str:
        """What the entry's hash is made from: everything, in one fixed form."""
        fields = [
            self.sequence, self.at.isoformat(), self.actor, self.action, self.subject, self.details,
            previous_hash.hex(),
        ]  # fmt: skip
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
