"""The gateway's own route: live prices as server-sent events."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.types import Receive, Scope, Send

from gateway.boxes import Box
from gateway.client import HAND_OVER
from gateway.http_models import PriceEvent, ResetEvent
from gateway.hub import Hub
from gateway.limiter import caller_of_address
from gateway.subscriber import Interest
from schemas.vocabulary import Fuel
from servicekit.access import ANYONE
from servicekit.problems import Problem, problem_responses

MAX_STATIONS = 100
MAX_POSITION_CHARACTERS = 2_048
DESCRIPTION = """Each change of a price as it happens. Follow up to 100 stations, or all within a box.

An event named `price` carries the change; its `id` is a position that `Last-Event-ID` resumes from, on any server and
after a restart. An event may come twice: compare `version`. An event named `reset` says that some may be missing: load
the prices again, then go on. A reader that is too slow is disconnected and can resume."""

router = APIRouter(tags=["pricing"])


class EventStream(Response):
    """The beginning of a stream that runs for as long as its reader stays."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, interest: Interest, last_event_id: str | None) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._interest = interest
        self._last_event_id = last_event_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Subscribes and answers with the head; the connection and the subscriber do the rest without a task."""
        address = caller_of_address(scope["client"][0] if scope["client"] else "")
        subscriber = await self._hub.subscribe(self._interest, address, self._last_event_id)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        except BaseException:
            self._hub.unsubscribe(subscriber)
            raise
        scope["extensions"][HAND_OVER](subscriber)


@router.get(
    "/v1/prices/stream", summary="Follow prices live", description=DESCRIPTION,
    status_code=200, response_class=EventStream,
    responses={
        200: {"model": PriceEvent | ResetEvent, "description": "Server-sent events; the model is that of their data"},
        **problem_responses(422, 429, 503),
    },
    openapi_extra=ANYONE,
)  # fmt: skip
async def stream_prices(
    request: Request,
    station_id: Annotated[list[UUID], Query(max_length=MAX_STATIONS, description="Repeat it for each station")] = [],  # noqa: B006 - FastAPI copies it
    bbox: Annotated[str | None, Query(max_length=100, description="minLon,minLat,maxLon,maxLat (WGS-84)")] = None,
    fuel: Annotated[Fuel | None, Query(description="One grade only")] = None,
    last_event_id: Annotated[str | None, Header(max_length=MAX_POSITION_CHARACTERS)] = None,
) -> EventStream:
    """Live prices of stations or of a box."""
    if bool(station_id) == (bbox is not None):
        raise Problem(422, "invalid-input", "Send either station_id (once for each station) or bbox.")
    interest = Interest(frozenset(map(str, station_id)), Box.parse(bbox) if bbox is not None else None, fuel)
    return EventStream(request.app.state.hub, interest, last_event_id)
