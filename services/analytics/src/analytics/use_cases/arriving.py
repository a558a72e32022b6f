"""Messages become facts: read quickly, and refused where they cannot be true."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from analytics.domain.facts import EventStruct, Fact
from analytics.domain.moments import as_kept
from analytics.domain.pseudonyms import Pseudonyms
from analytics.domain.sources import FACTS
from servicekit.envelope import MalformedMessage, Message

CLOCKS_APART = timedelta(minutes=10)
"""How long after its own publication an event may say that it happened: a clock that is further off is wrong."""

DRIVERS_AT_HAND = 20_000
"""An order has some five events within minutes: most of them name a driver who was named a moment ago."""


class Arrived(NamedTuple):
    """A fact and the record it came in."""

    fact: Fact
    message: Message


class _Kind(NamedTuple):
    """How the events of one type are read."""

    decoder: msgspec.json.Decoder[Any]
    moments: tuple[str, ...]
    has_driver: bool


class Arrivals:
    """Reads messages. Moments of a fact are in UTC and to the millisecond: as views keep them."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonym_of = lru_cache(DRIVERS_AT_HAND)(pseudonyms.of)
        self._kinds = {event.type(): _kind(struct) for event, struct in FACTS.items()}

    def fact(self, message: Message) -> Fact | None:
        """The fact, or None for a type that no view is folded from; a newer producer may send one.

        Raises MalformedMessage where the record cannot be understood, or cannot be true.
        """
        type_name = message.headers.get("ce_type")
        if type_name is None or message.value is None:
            raise MalformedMessage("the record has no ce_type header or no value")
        kind = self._kinds.get(type_name)
        if kind is None:
            return None
        try:
            event_id = msgspec.convert(message.headers["ce_id"], UUID).bytes
            event = kind.decoder.decode(message.value)
            _keep_moments(event, kind.moments)
        except KeyError:
            raise MalformedMessage("the record has no ce_id header") from None
        except (ValueError, OverflowError) as error:
            raise MalformedMessage(f"the record is not a {type_name}: {error}") from error
        _expect_past(event, message.published_at)
        driver = self._pseudonym_of(event.driver_id) if kind.has_driver else None
        return Fact(event_id, event, message.published_at, driver)


def _kind(struct: type[EventStruct]) -> _Kind:
    fields = {field.name: field.type for field in msgspec.structs.fields(struct)}
    moments = tuple(name for name, kind in fields.items() if _holds_moment(kind))
    return _Kind(msgspec.json.Decoder(struct), moments, "driver_id" in fields)


def _holds_moment(kind: Any) -> bool:
    return kind is datetime or datetime in getattr(kind, "__args__", ())


def _keep_moments(event: EventStruct, names: Collection[str]) -> None:
    """Raises ValueError for a moment without a zone, OverflowError for one outside of the calendar."""
    for name in names:
        moment: datetime | None = getattr(event, name)
        if moment is None:
            continue
        if moment.tzinfo is None:
            raise ValueError(f"{name} has no time zone")
        if (kept := as_kept(moment)) is not moment:
            msgspec.structs.force_setattr(event, name, kept)


def _expect_past(event: EventStruct, published_at: datetime) -> None:
    """By the record's own time, so that each rebuild decides alike. A price may be known before it holds: it has no
    `occurred_at`."""
    occurred_at: datetime | None = getattr(event, "occurred_at", None)
    if occurred_at is not None and occurred_at > published_at + CLOCKS_APART:
        raise MalformedMessage("the event says that it happened more than ten minutes after it was published")
