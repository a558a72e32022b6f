"""The contract of each event as one JSON document: the schema of its value, and where it goes."""

from typing import Any

from schemas.base import Event
from schemas.catalogue import ANALYST, CATALOGUE, Entry, Topic, analysts_read, topic_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def name_of(event: type[Event]) -> str:
    """The event's name in files and documents, e.g. `pricing.PriceChanged.v1`."""
    return event.type().removeprefix("forecourt.")


def readers(topic: Topic) -> list[str]:
    """Whom a change of the topic's events concerns: its consumers, and analysts, who read it or copies of it."""
    return [*topic.consumers, *([ANALYST] if analysts_read(topic) else [])]


def contract(entry: Entry) -> dict[str, Any]:
    """The schema of what producers write, draft 2020-12, with the event's place in `x-` keywords.

    It tells both sides: `required` is what a producer always writes; a consumer can do without those of them that
    have a `default`.
    """
    topic = topic_of(entry.event)
    place = {
        "x-topic": topic.name, "x-key": topic.key, "x-producer": topic.producer, "x-consumers": readers(topic),
        "x-owner": entry.owner, "x-personal-data": list(entry.personal_data),
    }  # fmt: skip
    head = {"$schema": DIALECT, "$id": f"urn:forecourt:schema:{name_of(entry.event)}"}
    return head | place | entry.event.model_json_schema(mode="serialization")


def contracts() -> dict[str, dict[str, Any]]:
    """Every contract of the catalogue by its name."""
    return {name_of(entry.event): contract(entry) for entry in CATALOGUE}
