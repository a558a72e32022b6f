"""The golden records as they are committed, and the same ones sent."""

import json
from dataclasses import dataclass
from typing import Any

from schemas.catalogue import CATALOGUE, Entry, Topic, topic_of
from schemas.contracts import name_of
from schemas.export import FOLDER
from servicekit.ids import new_id
from servicekit.testkit import Issuer, KafkaProbe

OPERATOR = "example-fuel"


@dataclass(frozen=True)
class Golden:
    """One committed record of an event."""

    entry: Entry
    example: str
    headers: dict[str, str]
    key: str
    value: dict[str, Any]

    @property
    def topic(self) -> Topic:
        """Where it lies."""
        return topic_of(self.entry.event)

    def __str__(self) -> str:
        return f"{name_of(self.entry.event)}-{self.example}"

    async def send(self, kafka: KafkaProbe, issuer: Issuer, **extra: Any) -> tuple[str, str]:
        """Sends it with an id of its own and a real token where it carries one; returns what the inbox knows it by."""
        event_id = str(new_id())
        headers = self.headers | {"ce_id": event_id}
        source = headers["ce_source"]
        if "authorization" in headers:
            source = f"test-client/{source}"  # ids from outside are their sender's own
            headers["authorization"] = f"Bearer {issuer.token('prices:write', operators=[OPERATOR])}"
        raw = [(name, text.encode()) for name, text in headers.items()]
        value = json.dumps(self.value | extra).encode()
        await kafka.send(self.topic.name, value, key=self.key.encode(), headers=raw)
        return source, event_id


def _load(entry: Entry) -> list[Golden]:
    path = FOLDER / "examples" / f"{name_of(entry.event)}.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    return [Golden(entry, example, **record) for example, record in records.items()]


GOLDEN = [golden for entry in CATALOGUE for golden in _load(entry)]
