"""How facts get into the documents of a view: each once, and equal facts make equal bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from analytics.domain.facts import Fact
from analytics.domain.views import Document, View


@dataclass(slots=True)
class Folded:
    """A document and the ids of the facts that are in it."""

    document: Document
    seen: set[bytes] = field(default_factory=set)


def add(view: View, key: str, folded: Folded | None, facts: Sequence[Fact]) -> Folded | None:
    """The document, None before its first fact, with those that it has not seen; None where it has seen them all.

    It is changed in place: where the view raises, it is of no more use.
    """
    seen = folded.seen if folded else set[bytes]()
    fresh = {fact.id: fact for fact in facts if fact.id not in seen}
    if not fresh:
        return None
    found = list(fresh.values())
    folded = folded or Folded(view.begin(key, found[0]))
    view.fold(folded.document, found)
    folded.seen.update(fresh)
    return folded


def canonical(document: Document) -> Document:
    """The same, with the keys of all its dicts in order."""
    return {key: _in_order(document[key]) for key in sorted(document)}


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return canonical(value)
    if isinstance(value, list):
        return [_in_order(one) for one in value]
    return value
