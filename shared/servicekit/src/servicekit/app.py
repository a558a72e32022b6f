"""The app factory: one call gives a service its telemetry, errors, limits, health routes, token check and drain."""

import asyncio
import logging
import os
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import asyncpg
from fastapi import APIRouter, FastAPI, Response
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from servicekit.auth import Verifier
from servicekit.backoff import Backoff
from servicekit.kafka import ReadingLoop
from servicekit.live import LiveReader
from servicekit.middleware import HttpEdge
from servicekit.outbox import Relay
from servicekit.problems import Problem, install_problem_handlers, problem_response
from servicekit.quick import QuickApp
from servicekit.revocations import TOPIC as REVOCATIONS_TOPIC
from servicekit.settings import ServiceSettings
from servicekit.store import StoreUnavailable
from servicekit.telemetry import TASK_RESTARTS, configure_logging, configure_tracing

log = logging.getLogger(__name__)

OPERATOR_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
START_SECONDS = 60.0
CONSUMER_STUCK_SECONDS = 120.0
CANCEL_AGAIN_SECONDS = 3.0
"""Longer than what a task does to end takes, as a rule: closing its client, giving back its lease."""
Resource = TypeVar("Resource")
Check = Callable[[], Awaitable[None]]
"""Raises when what it checks is not ready."""


class Kit:
    """What a service's `start` function wires: resources, background tasks and checks, all ended in reverse order."""

    def __init__(self, app: FastAPI, stack: AsyncExitStack) -> None:
        self.app = app
        self._stack = stack
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._readiness: dict[str, Check] = {}
        self._progress: dict[str, tuple[Callable[[], float], float]] = {}
        self._endings: list[Callable[[], None]] = []
        self.service: str = app.state.settings.service

    async def open(self, make: Callable[[], AbstractAsyncContextManager[Resource]]) -> Resource:
        """Opens a resource for the life of the service; waits a bounded while for a server that is still starting."""
        backoff, deadline = Backoff(), asyncio.get_running_loop().time() + START_SECONDS
        while True:
            try:
                return await self._stack.enter_async_context(make())
            except (StoreUnavailable, OSError) as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                log.warning("waiting for a resource", extra={"error": str(error)})
                await backoff.wait()

    def background(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Runs a task until the service ends; a crash is logged, counted, and the task started again."""
        self.tasks[name] = task = asyncio.create_task(self._keep_running(name, run), name=name)
        self._stack.push_async_callback(_cancel, task)

    def run_relay(self, relay: Relay) -> None:
        """Publishes the outbox for the life of the service."""
        self.background("relay", relay.run)

    def run_consumer(self, consumer: ReadingLoop) -> None:
        """Consumes for the life of the service; /healthz fails when the loop no longer goes round."""
        self.background(consumer.name, consumer.run)
        self.alive_while(consumer.name, consumer.seconds_without_progress, CONSUMER_STUCK_SECONDS)

    def watch_revocations(self, *, before_ready: bool = True) -> None:
        """Refuses revoked access tokens before they expire; each replica reads what was revoked for itself.

        It is ready when it has read the last hour. Only where others check every token again need it not wait.
        """
        settings: ServiceSettings = self.app.state.settings
        revocations = self.app.state.verifier.revocations
        reader = LiveReader(settings, [REVOCATIONS_TOPIC], revocations)
        if before_ready:
            self.ready_when("revocations", revocations.check)
        self.background("revocations", reader.run)
        self.alive_while("revocations", reader.seconds_without_progress, CONSUMER_STUCK_SECONDS)

    def ready_when(self, name: str, check: Check) -> None:
        """Adds a check to /readyz."""
        self._readiness[name] = check

    def alive_while(self, name: str, seconds_without_progress: Callable[[], float], limit_seconds: float) -> None:
        """Adds a check to /healthz: something must make progress within the limit."""
        self._progress[name] = (seconds_without_progress, limit_seconds)

    def when_draining(self, end: Callable[[], None]) -> None:
        """Calls `end` when the service is told to stop, for answers that would go on for ever."""
        self._endings.append(end)

    def drain(self) -> None:
        """The service was told to stop and will soon wait for its running answers."""
        for end in self._endings:
            end()

    async def _keep_running(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff()
        while True:
            try:
                await run()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                # Nobody told it to stop: a library cancelled what it waited for, as aiokafka does when a broker dies.
                log.exception("background task was cancelled from within", extra={"task": name})
            except Exception:  # the task is started again, whatever it died of
                log.exception("background task crashed", extra={"task": name})
            TASK_RESTARTS.labels(self.service, name).inc()
            await backoff.wait()

    async def not_ready(self) -> dict[str, str]:
        """What is not ready, by name, with the reason."""
        wrong: dict[str, str] = {}
        for name, check in self._readiness.items():
            try:
                await check()
            except (StoreUnavailable, OSError, Problem) as error:
                wrong[name] = str(error)
        return wrong

    def stuck(self) -> list[str]:
        """What made no progress for too long."""
        return [name for name, (age, limit) in self._progress.items() if age() > limit]


Start = Callable[[Kit], Awaitable[None]]


async def _cancel(task: "asyncio.Task[None]") -> None:
    """Cancels until it has ended: aiokafka may take a cancellation for its own task's and go on."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_AGAIN_SECONDS)


def build_app(
    settings: ServiceSettings, *, title: str, description: str, start: Start, routers: Sequence[APIRouter] = (),
    openapi_url: str | None = "/openapi.json",
) -> QuickApp:  # fmt: skip
    """A FastAPI app with everything a service needs; `start(kit)` wires its resources when it comes up."""
    configure_logging(settings.service, settings.log_level)
    tracing = configure_tracing(settings.service, settings.traces_file, dict(os.environ))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        log.info("starting", extra={"settings": settings.shown()})
        async with AsyncExitStack() as stack:
            app.state.kit = kit = Kit(app, stack)
            await start(kit)
            yield
        tracing.shutdown()

    app = QuickApp(
        title=title, description=description, version="1", lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url=openapi_url, generate_unique_id_function=operation_id,
        telemetry={
            "tracer_provider": tracing, "metrics": False, "logs": False, "operation_spans": False,
            "exclude": _is_operator_path,
        },
    )  # fmt: skip
    app.state.settings = settings
    app.state.tracing = tracing
    app.state.verifier = Verifier(settings)
    install_problem_handlers(app)
    app.add_exception_handler(StoreUnavailable, _store_unavailable)
    app.add_exception_handler(asyncpg.DataError, _not_storable)
    app.include_router(_operator_routes(app), include_in_schema=False)
    for router in routers:
        app.include_router(router)
    app.add_middleware(HttpEdge, settings=settings)
    return app


def operation_id(route: APIRoute) -> str:
    """The name of the route's function: what the function of a generated client will be called."""
    return route.name


def _is_operator_path(scope: Any) -> bool:
    return scope["path"] in OPERATOR_PATHS


async def _store_unavailable(_: object, error: Exception) -> Response:
    log.warning("store unavailable", extra={"error": str(error)})
    detail = "The service's database is away for now; send the same request again shortly."
    return problem_response(Problem(503, "unavailable", detail, headers={"Retry-After": "1"}))


async def _not_storable(_: object, error: Exception) -> Response:
    """What passed all checks and still fits no column: a NUL in a text, a moment outside of the calendar."""
    where = "".join(traceback.format_tb(error.__traceback__))  # not the error's text, which repeats the value
    log.warning("value that cannot be stored", extra={"error": type(error).__name__, "where": where})
    detail = "A value cannot be stored or looked up; send plain text, and times between the years 2000 and 2100."
    return problem_response(Problem(422, "invalid-input", detail))


def _operator_routes(app: FastAPI) -> APIRouter:
    """For operators, on the service's own port; the gateway never forwards to them."""
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> Response:
        stuck = app.state.kit.stuck()
        if stuck:
            return problem_response(Problem(503, "stuck", f"no progress: {', '.join(stuck)}"))
        return Response('{"status":"alive"}', media_type="application/json")

    @router.get("/readyz")
    async def readyz() -> Response:
        wrong = await app.state.kit.not_ready()
        if wrong:
            return problem_response(Problem(503, "not-ready", f"not ready: {', '.join(wrong)}", checks=wrong))
        return Response('{"status":"ready"}', media_type="application/json")

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router
