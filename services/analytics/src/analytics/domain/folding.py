"""How facts get into the documents of a view: each once, and equal facts make equal bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec

from analytics.domain.facts import Fact
from analytics.domain.views import Document, View

_KEPT_AS_THEY_ARE = (bytes, datetime, UUID)
"""Besides integers, texts, booleans and null."""


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
    """The same, with the keys of all its dicts in order. The store gives large integers back as a type of its own."""
    return msgspec.to_builtins(document, builtin_types=_KEPT_AS_THEY_ARE, order="sorted", enc_hook=int)
