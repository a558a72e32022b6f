"""What the routes of favourites take and give."""

from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints

from schemas.base import Moment
from stations.domain.plain_text import plain
from stations.http_models.base import Limit, Model
from stations.http_models.search import ListedStation


def _plain(value: object) -> object:
    return plain(value) if isinstance(value, str) else value


Note = Annotated[
    Annotated[str, StringConstraints(max_length=200)] | None, BeforeValidator(_plain),
    Field(description="The driver's own note, plain text", examples=["On the way to work"]),
]  # fmt: skip


class FavouriteUpdate(Model):
    """What to keep beside the station."""

    note: Note = None


class FavouritesQuery(Model):
    """Which favourites to list."""

    cursor: Annotated[str | None, Field(description="`next_cursor` of the page before")] = None
    limit: Limit = 20


class KeptFavourite(Model):
    """A station that is a favourite."""

    station_id: UUID
    note: Annotated[str | None, Field(examples=["On the way to work"])]
    added_at: Moment


class Favourite(KeptFavourite):
    """A favourite, and its station with all its prices; one that closed for good is shown without."""

    station: ListedStation


class FavouritePage(Model):
    """A page of favourites, the newest first; there are more where `next_cursor` is not null."""

    favourites: list[Favourite]
    next_cursor: str | None
