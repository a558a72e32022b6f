"""What the routes of machine clients take and give."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from identity.domain.clients import MAX_NAME_CHARACTERS, SCOPES
from identity.http_models.me import NAME_PATTERN, Model, Shown
from identity.http_models.staff import TOKEN, USER_ID, Operators, StationIds
from schemas.base import Moment

DAY_SECONDS = 24 * 60 * 60
Scopes = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=32)]],
    Field(
        min_length=1, max_length=len(SCOPES), description=f"Of {', '.join(SCOPES)}; at most what you may do yourself",
        examples=[["prices:write", "pumps:write"]],
    ),
]  # fmt: skip


class NewClient(Model):
    """A station system."""

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME_CHARACTERS,
                               pattern=NAME_PATTERN), Field(examples=["till at the ring road"]),
    ]  # fmt: skip
    scopes: Scopes
    operators: Annotated[Operators, Field(default_factory=list)]
    station_ids: Annotated[StationIds, Field(default_factory=list)]


class Rotation(Model):
    """How long the secret from before stays good; 0 where it leaked."""

    overlap_seconds: Annotated[int, Field(ge=0, le=30 * DAY_SECONDS, strict=True, examples=[3_600])] = DAY_SECONDS


class Client(Shown):
    """A machine client."""

    client_id: UUID
    name: Annotated[str, Field(examples=["till at the ring road"])]
    scopes: Annotated[list[str], Field(examples=[["prices:write", "pumps:write"]])]
    operators: Annotated[list[str], Field(examples=[["aral"]])]
    station_ids: Annotated[list[UUID], Field(examples=[[USER_ID]])]
    created_at: Moment
    revoked_at: Moment | None


class ClientWithSecret(Client):
    """A machine client with a secret that is shown this one time."""

    client_secret: Annotated[str, Field(examples=[TOKEN])]


class ClientPage(Shown):
    """Machine clients, the newest first; `next_cursor` is null on the last page."""

    clients: list[Client]
    next_cursor: str | None
