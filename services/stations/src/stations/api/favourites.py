"""The routes of a driver's favourites: parse, call the use case, answer."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from servicekit.cursors import decode_cursor, next_cursor
from servicekit.problems import problem_responses
from stations.api import views
from stations.api.parts import Driver, ZonedMoment, as_json, favourites_of, stations_of
from stations.domain.favourites import Favourite
from stations.http_models import favourites as models
from stations.repository.stations import Document
from stations.use_cases import favourites as use_cases

router = APIRouter(prefix="/v1/me/favourites", tags=["favourites"])


@router.get(
    "", summary="List your favourites", response_model=models.FavouritePage,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_favourites(
    request: Request, query: Annotated[models.FavouritesQuery, Query()], principal: Driver
) -> Response:
    """Your favourite stations with their current prices, the newest first, page by page."""
    after = decode_cursor(query.cursor, tuple[ZonedMoment, UUID]) if query.cursor is not None else None
    found = await use_cases.list_favourites(favourites_of(request), principal.subject, after, query.limit)
    shown = found[: query.limit]
    return as_json({
        "favourites": [_with_station(request, *one) for one in shown],
        "next_cursor": next_cursor(found, query.limit, lambda one: one[0].position),
    })  # fmt: skip


@router.get(
    "/{station_id}", summary="Look at one of your favourites", response_model=models.Favourite,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_favourite(request: Request, station_id: UUID, principal: Driver) -> Response:
    """One of your favourites with its current prices."""
    found = await use_cases.find_favourite(favourites_of(request), principal.subject, station_id)
    return as_json(_with_station(request, *found))


@router.put(
    "/{station_id}", summary="Make a station your favourite", response_model=models.KeptFavourite,
    responses=problem_responses(400, 401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def put_favourite(
    request: Request, station_id: UUID, principal: Driver, body: models.FavouriteUpdate | None = None
) -> Response:
    """Keeps a station at hand, or changes its note; again, it changes nothing. You may have 200 of them."""
    note = body.note if body is not None else None
    return as_json(
        await use_cases.add_favourite(stations_of(request), favourites_of(request), principal.subject, station_id, note)
    )


@router.delete(
    "/{station_id}", summary="Remove one of your favourites", status_code=204,
    responses=problem_responses(401, 403, 422, 503),
)  # fmt: skip
async def delete_favourite(request: Request, station_id: UUID, principal: Driver) -> Response:
    """The station is no favourite of yours any more; again, it changes nothing."""
    await use_cases.remove_favourite(stations_of(request), favourites_of(request), principal.subject, station_id)
    return Response(status_code=204)


def _with_station(request: Request, favourite: Favourite, station: Document) -> dict[str, Any]:
    view = views.View(datetime.now(UTC), request.app.state.settings.stale_after)
    return {
        "station_id": favourite.station_id, "note": favourite.note, "added_at": favourite.added_at,
        "station": views.listed_station(station, view),
    }  # fmt: skip
