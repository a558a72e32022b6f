"""The stations that a driver keeps at hand. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

MAX_FAVOURITES = 200


Position = tuple[datetime, UUID]
"""Where a page ended: when the last station was added, and its id."""


class TooManyFavourites(Exception):
    """The driver has as many favourites as a driver may have."""


@dataclass(frozen=True, slots=True)
class Favourite:
    """A station with the driver's own note."""

    station_id: UUID
    note: str | None
    added_at: datetime

    @property
    def position(self) -> Position:
        """Its place in the list."""
        return self.added_at, self.station_id


@dataclass(frozen=True, slots=True)
class Favourites:
    """All of one driver, in no order that means anything."""

    driver: str
    stations: tuple[Favourite, ...] = ()

    def of(self, station_id: UUID) -> Favourite | None:
        """The station's entry, if it is a favourite."""
        return next((one for one in self.stations if one.station_id == station_id), None)

    def having(self, station_id: UUID, note: str | None, now: datetime) -> "Favourites":
        """With the station, or with its new note. Raises TooManyFavourites."""
        if self.of(station_id) is not None:
            kept = (replace(one, note=note) if one.station_id == station_id else one for one in self.stations)
            return replace(self, stations=tuple(kept))
        if len(self.stations) >= MAX_FAVOURITES:
            raise TooManyFavourites
        return replace(self, stations=(*self.stations, Favourite(station_id, note, now)))

    def without(self, station_id: UUID) -> "Favourites":
        """Without the station, whether it was one or not."""
        return replace(self, stations=tuple(one for one in self.stations if one.station_id != station_id))

    def taking_over(self, other: "Favourites") -> "Favourites":
        """With those of the same person's other account; of one station, and where they are too many, the newest."""
        newest_first = sorted((*self.stations, *other.stations), key=lambda one: one.position, reverse=True)
        kept: dict[UUID, Favourite] = {}
        for one in newest_first:
            kept.setdefault(one.station_id, one)
        return replace(self, stations=tuple(kept.values())[:MAX_FAVOURITES])

    def page(self, after: Position | None, limit: int) -> list[Favourite]:
        """The newest first, from `after` on, up to `limit` + 1: one more shows that there is a next page."""
        newest_first = sorted(self.stations, key=lambda one: one.position, reverse=True)
        return [one for one in newest_first if after is None or one.position < after][: limit + 1]
