"""What the service does about drivers' favourites."""

from uuid import UUID

from servicekit.problems import Problem
from stations.domain.favourites import MAX_FAVOURITES, Favourite, Favourites, Position, TooManyFavourites
from stations.repository.favourites import FavouriteRepository
from stations.repository.stations import Document, Session, StationRepository
from stations.use_cases.access import stored_now
from stations.use_cases.search import no_such_station


async def add_favourite(
    stations: StationRepository, favourites: FavouriteRepository, driver: str, station_id: UUID, note: str | None
) -> Favourite:
    """The favourite as it is now, new or with a new note. Raises Problem 401, 404, 409."""
    now = stored_now()

    async def apply(tx: Session) -> Favourite:
        if await stations.get(tx, station_id) is None:
            raise no_such_station()
        try:
            changed = (await favourites.of_driver(driver, tx)).having(station_id, note, now)
        except TooManyFavourites as error:
            detail = f"You have {MAX_FAVOURITES} favourites; remove one first."
            raise Problem(409, "too-many-favourites", detail) from error
        await favourites.save(tx, changed)
        return _favourite(changed, station_id)

    return await stations.transact_for(driver, apply)


async def remove_favourite(
    stations: StationRepository, favourites: FavouriteRepository, driver: str, station_id: UUID
) -> None:
    """The station is no favourite; again, it changes nothing."""

    async def apply(tx: Session) -> None:
        known = await favourites.of_driver(driver, tx)
        if known.of(station_id) is not None:
            await favourites.save(tx, known.without(station_id))

    await stations.transact(apply)


async def find_favourite(favourites: FavouriteRepository, driver: str, station_id: UUID) -> tuple[Favourite, Document]:
    """The favourite and its station. Raises Problem 404."""
    favourite = _favourite(await favourites.of_driver(driver), station_id)
    return favourite, (await favourites.stations([station_id]))[station_id]


async def list_favourites(
    favourites: FavouriteRepository, driver: str, after: Position | None, limit: int
) -> list[tuple[Favourite, Document]]:
    """The favourites with their stations, the newest first, up to `limit` + 1."""
    page = (await favourites.of_driver(driver)).page(after, limit)
    stations = await favourites.stations([one.station_id for one in page])
    return [(one, stations[one.station_id]) for one in page]


def _favourite(favourites: Favourites, station_id: UUID) -> Favourite:
    if (favourite := favourites.of(station_id)) is None:
        raise Problem(404, "no-such-favourite", "This station is none of your favourites; PUT makes it one.")
    return favourite
