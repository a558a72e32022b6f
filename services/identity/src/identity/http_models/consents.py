"""What the routes of a person's consents take and give."""

from typing import Annotated

from pydantic import Field, StringConstraints

from identity.domain.consents import CURRENT, Document
from identity.http_models.me import Model, Shown
from schemas.base import Moment

MAX_HISTORY = 100
Version = Annotated[
    str, StringConstraints(pattern=r"^[0-9A-Za-z.-]{1,32}$"), Field(examples=[CURRENT[Document.PRIVACY]])
]
DocumentName = Annotated[Document, Field(examples=[Document.PRIVACY])]


class Decision(Model):
    """What the person decided about the version that it was shown."""

    document: DocumentName
    version: Version
    granted: Annotated[bool, Field(strict=True, examples=[True])]


class Consent(Shown):
    """A decision, which never changes."""

    document: DocumentName
    version: Version
    granted: Annotated[bool, Field(examples=[True])]
    app: Annotated[str, Field(description="The app that it was made in", examples=["forecourt-app"])]
    at: Moment


class DocumentState(Shown):
    """A document and what the person decided about it."""

    document: DocumentName
    current_version: Version
    granted: Annotated[bool, Field(description="Whether the current version is agreed to", examples=[True])]
    decision: Annotated[Consent | None, Field(description="The newest, of any version; null: none yet")]


class Consents(Shown):
    """All documents, and the newest decisions."""

    consents: list[DocumentState]
    history: Annotated[list[Consent], Field(description=f"The newest first, at most {MAX_HISTORY}")]
