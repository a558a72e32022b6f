"""Who reads copies of topics, and what a copy says: the same event with pseudonyms for whoever it is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from analytics.domain.pseudonyms import Pseudonyms
from schemas.base import Event
from schemas.catalogue import ENTRY_BY_TYPE, LINKED_IDS, copy_of
from schemas.events import PricePart

NOBODYS = frozenset({"campaign"})
"""Kinds of a price's parts whose reference is no person's: all others, such as a coupon's, get a pseudonym."""


@dataclass(frozen=True, slots=True)
class Analyst:
    """Somebody who reads copies. One who is removed and comes again has another serial, and so other pseudonyms."""

    name: str
    serial: str
    created_at: datetime

    def pseudonyms(self, key: str) -> Pseudonyms:
        """The names by which this analyst, and no other, knows drivers."""
        return Pseudonyms(key, f"analyst:{self.name}:{self.serial}")

    def group(self, service: str) -> str:
        """The consumer group that makes the copies; a new serial begins at the oldest record."""
        return f"{service}.copy.{self.name}.{self.serial}"

    def copy_of(self, topic: str) -> str:
        """The topic of the copy."""
        return copy_of(topic, self.name)


def pseudonymous(event: Event, names: Pseudonyms) -> Event:
    """The event with pseudonyms in the place of personal data, of what belongs to one person and of what one did; its
    key, too.

    Equal ids have equal pseudonyms on all topics of a reader, so that they can still be joined. Ids that were UUIDs are
    UUIDs again, a driver's are 32 hexadecimal digits.
    """
    entry = ENTRY_BY_TYPE[event.type()]
    fields: Mapping[str, Any] = event.__dict__
    hidden = {*entry.personal_data, *(LINKED_IDS & fields.keys())}
    changed: dict[str, Any] = {name: _hidden(fields[name], names) for name in hidden}
    if parts := fields.get("breakdown"):
        changed["breakdown"] = [_part(part, names) for part in parts]
    return event.model_copy(update=changed)


def event_id_of(identity: tuple[str, str], names: Pseudonyms) -> str:
    """The name of a record of a copied topic, by its source and id: the same twice is one event still."""
    return str(names.uuid_of("|".join(identity)))


def _hidden(value: UUID | str | None, names: Pseudonyms) -> UUID | str | None:
    if value is None:
        return None
    return names.uuid_of(value) if isinstance(value, UUID) else names.of(value).hex()


def _part(part: PricePart, names: Pseudonyms) -> PricePart:
    kept = part.kind in NOBODYS or part.reference is None
    return part if kept else part.model_copy(update={"reference": str(names.uuid_of(part.reference))})
