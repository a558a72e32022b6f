"""What a view is: documents folded from events, so that their order and their repetition make no difference."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from analytics.domain.facts import EventStruct, Fact

Document = dict[str, Any]
"""A document of a view as its collection keeps it, without what the folding itself keeps (`_id`, `n`, `seen`).

Integers, texts, booleans, UUIDs, bytes, lists, dicts with text keys, moments in UTC to the millisecond; no floats."""


class View(Protocol):
    """One view. Its documents follow from the set of facts alone: in whatever order and however often they come, equal
    facts make equal documents, byte for byte. So lists are sorted; keys of dicts the folding puts in order."""

    @property
    def name(self) -> str:
        """In words with hyphens, as commands and reports call it."""
        ...

    @property
    def collection(self) -> str:
        """The base of its collections' names; each generation has one."""
        ...

    @property
    def events(self) -> tuple[type[EventStruct], ...]:
        """What it is folded from."""
        ...

    @property
    def indexes(self) -> tuple[Mapping[str, int], ...]:
        """What its reports look for, beside `_id`."""
        ...

    def keys(self, fact: Fact) -> Iterable[str]:
        """The ids of the documents that a fact belongs to; none where it is no matter here."""
        ...

    def begin(self, key: str, fact: Fact) -> Document:
        """The document with this id before any fact; `fact` is one that belongs to it."""
        ...

    def fold(self, document: Document, facts: Sequence[Fact]) -> None:
        """Adds facts that the document has not; it is changed in place."""
        ...

    def begins_at(self, key: str) -> datetime | None:
        """When the time begins that the document is about; None for one that is about all times.

        A rebuild takes over documents of times before its topics begin, and folds on."""
        ...
