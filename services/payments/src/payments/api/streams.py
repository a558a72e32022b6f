"""Live orders as server-sent events: a driver's order, and a station's board."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Header, Request, Response
from starlette.types import Receive, Scope, Send

from payments.api.context import payments_of
from payments.domain.order_views import Document, driver_view, station_view
from payments.http_models import streams as models
from payments.repository import order_queries
from payments.repository.order_steps import SeenStep
from payments.use_cases.catching_up import Missed, missed_of_order, missed_of_station
from payments.use_cases.context import Payments
from payments.use_cases.live import Live, Subject, Watch
from payments.use_cases.order_access import own_order
from servicekit.access import Permission
from servicekit.auth import InvalidToken, Principal, Requires, bearer_token
from servicekit.price_book import station_for
from servicekit.problems import Unavailable, problem_responses
from servicekit.store import StoreUnavailable

log = logging.getLogger(__name__)

RETRY = b"retry: 2000\n\n"
ALIVE = b": alive\n\n"
RESET = b'event: reset\ndata: {"reason":"gap"}\n\n'
_DATA = (
    '{"step":{"version":2,"command":"confirm","before":"placed","after":"confirmed","at":"2026-05-01T12:00:00Z"},'
    '"order":{"order_id":"01930b5e-7c1a-7000-8000-1c2d3e4f5a6b","version":2,"status":"confirmed","pump_id":"3"}}'
)
STREAMED = {
    "description": "Server-sent events; the model is that of their data, of which the example shows the beginning",
    "content": {"text/event-stream": {"example": {"id": "2", "event": "order", "data": _DATA}}},
}
STUCK_SECONDS = 30.0
"""A reader that takes nothing for so long is cut off."""
BEHAVIOUR = """The stream begins with what is open now, or, with `Last-Event-ID`, with what came after that event, on
any server. An event may come twice: compare the order's `version`. It ends when your access token does, when you read
too slowly and when a server stops: connect again."""

router = APIRouter(prefix="/v1", tags=["orders"])

LastEventId = Annotated[str | None, Header(max_length=32, examples=["42"])]
Frame = Callable[[SeenStep], Awaitable[bytes]]
Check = Callable[[], Awaitable[bool]]


class EventStream(Response):
    """Sends steps for as long as the reader stays, may read and keeps up."""

    media_type = "text/event-stream"

    def __init__(
        self, live: Live, subject: Subject, caller: str, missed: Callable[[], Awaitable[Missed]], frame: Frame,
        may_go_on: Check, heartbeat_seconds: float,
    ) -> None:  # fmt: skip
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._live = live
        self._subject = subject
        self._caller = caller
        self._missed = missed
        self._frame = frame
        self._may_go_on = may_go_on
        self._heartbeat_seconds = heartbeat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watches first and then reads what was missed, so that nothing falls between the two."""
        with self._live.watching(self._subject, self._caller) as watch:
            missed = await self._missed()
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            leaving = asyncio.create_task(_end_when_gone(receive, watch))
            try:
                async for part in self._parts(missed, watch):
                    async with asyncio.timeout(STUCK_SECONDS):
                        await send({"type": "http.response.body", "body": part, "more_body": True})
            except StoreUnavailable:
                log.warning("a live stream ends: the database is away")
            finally:
                leaving.cancel()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _parts(self, missed: Missed, watch: Watch) -> AsyncIterator[bytes]:
        yield RETRY + (RESET if missed.has_gap else b"")
        for step in missed.steps:
            yield await self._frame(step)
        check_at = time.monotonic() + self._heartbeat_seconds
        while not watch.ended.is_set():
            step = await watch.next(self._heartbeat_seconds)
            if time.monotonic() >= check_at:
                if not await self._may_go_on():
                    return
                check_at = time.monotonic() + self._heartbeat_seconds
            if not watch.ended.is_set():
                yield ALIVE if step is None else await self._frame(step)


async def _end_when_gone(receive: Receive, watch: Watch) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    watch.end()


@router.get(
    "/orders/{order_id}/events", summary="Follow your order live", description=f"Each step of it.\n\n{BEHAVIOUR}",
    status_code=200, response_class=EventStream, responses={200: {"model": models.OrderEvent, **STREAMED}}
    | problem_responses(401, 403, 404, 422, 429, 503),
)  # fmt: skip
async def follow_order(
    request: Request, order_id: UUID, driver: Annotated[Principal, Requires(Permission.PAY)],
    last_event_id: LastEventId = None,
) -> EventStream:  # fmt: skip
    """The driver's own order."""
    payments = payments_of(request)
    async with payments.store.connection() as connection:
        await own_order(connection, driver.subject, order_id)

    async def missed() -> Missed:
        async with payments.store.connection() as connection:
            return await missed_of_order(connection, order_id, last_event_id)

    async def frame(step: SeenStep) -> bytes:
        return _frame(step.version, step, await _driver_document(payments, step))

    return _stream(request, Subject(order_id=order_id), driver, missed, frame)


@router.get(
    "/stations/{station_id}/orders/stream", summary="Follow the orders at your station live",
    description="What a station system drives pumps by: `pump` says what each may give. An event named `reset` says "
    f"that some may be missing: load the list, then go on.\n\n{BEHAVIOUR}",
    status_code=200, response_class=EventStream,
    responses={200: {"model": models.BoardEvent | models.BoardReset, **STREAMED}}
    | problem_responses(401, 403, 404, 422, 429, 503),
)  # fmt: skip
async def follow_station(
    request: Request, station_id: UUID, crew: Annotated[Principal, Requires(Permission.ORDERS_WRITE)],
    last_event_id: LastEventId = None,
) -> EventStream:  # fmt: skip
    """The board."""
    payments = payments_of(request)
    async with payments.store.connection() as connection:
        await station_for(connection, crew, station_id, Permission.ORDERS_WRITE)

    async def missed() -> Missed:
        async with payments.store.connection() as connection:
            return await missed_of_station(connection, station_id, last_event_id)

    async def frame(step: SeenStep) -> bytes:
        return _frame(step.position, step, station_view(step.order, payments.settings.timeouts))

    return _stream(request, Subject(station_id=station_id), crew, missed, frame)


def _stream(
    request: Request, subject: Subject, principal: Principal, missed: Callable[[], Awaitable[Missed]], frame: Frame
) -> EventStream:
    verifier, token = request.app.state.verifier, bearer_token(request.headers.get("authorization"))

    async def may_go_on() -> bool:
        try:
            await verifier.verify(token)
        except InvalidToken:
            return False
        except Unavailable:
            return True  # the issuer's keys cannot be had just now: that says nothing of the token
        return True

    return EventStream(
        request.app.state.live, subject, principal.subject, missed, frame, may_go_on,
        payments_of(request).settings.streams.heartbeat_seconds,
    )  # fmt: skip


async def _driver_document(payments: Payments, step: SeenStep) -> Document:
    if step.order.paid_at is None:
        return driver_view(step.order, payments.settings.timeouts)
    async with payments.store.connection() as connection:
        refunds = await order_queries.refunds_of(connection, step.order.order_id)
    return driver_view(step.order, payments.settings.timeouts, refunds)


def _frame(event_id: int, step: SeenStep, order: Document) -> bytes:
    told = {
        "version": step.version, "command": step.command, "before": step.before, "after": step.after, "at": step.at
    }  # fmt: skip
    return b"id: %d\nevent: order\ndata: %b\n\n" % (event_id, msgspec.json.encode({"step": told, "order": order}))
