"""What people agree to, by version; no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Document(StrEnum):
    """Something that a person agrees to, or not."""

    TERMS = "terms"
    PRIVACY = "privacy"
    MARKETING = "marketing"
    LOCATION = "location"


CURRENT: dict[Document, str] = {
    Document.TERMS: "2026-11-01",
    Document.PRIVACY: "2026-11-01",
    Document.MARKETING: "2026-11-01",
    Document.LOCATION: "2026-11-01",
}
"""The version of each document that is shown now. A new text is a new version, and everybody is asked again."""


@dataclass(frozen=True, slots=True)
class Consent:
    """A decision about one version of a document; it never changes, a later one replaces it."""

    id: UUID
    document: Document
    version: str
    granted: bool
    app: str
    """The app that the person decided in."""
    at: datetime


class Outdated(ValueError):
    """Nobody is shown this version now; the text names the current one."""

    def __init__(self, document: Document) -> None:
        super().__init__(f"The current version of {document} is {CURRENT[document]}: show that one and ask again.")
        self.current = CURRENT[document]


def require_current(document: Document, version: str) -> None:
    """Raises Outdated for another version than the one that is shown now."""
    if version != CURRENT[document]:
        raise Outdated(document)


def says_the_same(consent: Consent | None, version: str, granted: bool) -> bool:
    """Whether the newest decision is this one already."""
    return consent is not None and (consent.version, consent.granted) == (version, granted)


def newest(history: Sequence[Consent]) -> dict[Document, Consent]:
    """The decision that holds for each document."""
    return {one.document: one for one in sorted(history, key=lambda one: (one.at, one.id))}


def is_granted(consent: Consent | None) -> bool:
    """Whether the person agrees to what is current."""
    return consent is not None and consent.granted and consent.version == CURRENT[consent.document]
