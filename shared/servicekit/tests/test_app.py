"""What the app factory gives every service: health, readiness, background tasks, resources in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from servicekit import app as app_module
from servicekit.app import Kit, build_app
from servicekit.settings import ServiceSettings
from servicekit.store import StoreUnavailable
from servicekit.telemetry import TASK_RESTARTS
from servicekit.testkit import eventually, running


async def test_readiness_names_what_is_not_ready(settings: ServiceSettings):
    away = True

    async def check() -> None:
        if away:
            raise StoreUnavailable("Postgres is away")

    async def start(kit: Kit) -> None:
        kit.ready_when("postgres", check)

    async with running(build_app(settings, title="Kit", description="", start=start)) as client:
        reply = await client.get("/readyz")
        assert reply.status_code == 503
        assert reply.json()["checks"] == {"postgres": "Postgres is away"}
        assert (await client.get("/healthz")).status_code == 200, "a store that is away is no reason to be restarted"
        away = False
        assert (await client.get("/readyz")).status_code == 200


async def test_liveness_fails_when_a_loop_no_longer_goes_round(settings: ServiceSettings):
    age = 0.0

    async def start(kit: Kit) -> None:
        kit.alive_while("consumer", lambda: age, limit_seconds=120)

    async with running(build_app(settings, title="Kit", description="", start=start)) as client:
        assert (await client.get("/healthz")).status_code == 200
        age = 121.0
        reply = await client.get("/healthz")
        assert reply.status_code == 503
        assert "consumer" in reply.json()["detail"]


async def test_a_background_task_ends_even_where_a_library_swallows_its_cancellation(
    settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app_module, "CANCEL_AGAIN_SECONDS", 0.01)
    swallowed, waits = 0, asyncio.Event()

    async def run() -> None:
        nonlocal swallowed
        while swallowed < 2:
            waits.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
        await asyncio.Event().wait()

    async def start(kit: Kit) -> None:
        kit.background("worker", run)

    async with running(build_app(settings, title="Kit", description="", start=start)):
        await waits.wait()
    assert swallowed == 2


async def test_a_background_task_that_dies_is_started_again_and_counted(settings: ServiceSettings):
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise RuntimeError("a bug")
        await asyncio.Event().wait()

    async def start(kit: Kit) -> None:
        kit.background("worker", run)

    service = settings.model_copy(update={"service": "kit-restarts"})

    async def third_run() -> bool:
        return runs == 3

    async with running(build_app(service, title="Kit", description="", start=start)):
        await eventually(third_run)
    assert TASK_RESTARTS.labels("kit-restarts", "worker")._value.get() == 2


async def test_a_background_task_goes_on_where_a_library_cancels_what_it_waits_for(settings: ServiceSettings):
    """As aiokafka does with a request of its own when the broker dies; nobody told the task to stop."""
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        answer = asyncio.get_running_loop().create_future()
        if runs < 3:
            answer.cancel()
        await answer

    async def start(kit: Kit) -> None:
        kit.background("worker", run)

    async def third_run() -> bool:
        return runs == 3

    async with running(build_app(settings, title="Kit", description="", start=start)):
        await eventually(third_run)


async def test_resources_are_waited_for_and_closed_in_reverse_order(settings: ServiceSettings):
    events: list[str] = []
    failures = 2

    @asynccontextmanager
    async def resource(name: str) -> AsyncIterator[str]:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreUnavailable("still starting")
        events.append(f"open {name}")
        yield name
        events.append(f"close {name}")

    async def start(kit: Kit) -> None:
        assert await kit.open(lambda: resource("first")) == "first"
        await kit.open(lambda: resource("second"))

    async with running(build_app(settings, title="Kit", description="", start=start)):
        pass
    assert events == ["open first", "open second", "close second", "close first"]


async def test_a_resource_that_never_comes_ends_the_start(settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app_module, "START_SECONDS", 0.1)

    @asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        raise StoreUnavailable("nothing there")
        yield

    async def start(kit: Kit) -> None:
        await kit.open(resource)

    with pytest.raises(StoreUnavailable):
        async with running(build_app(settings, title="Kit", description="", start=start)):
            pytest.fail("it has started")


async def test_operators_paths_are_not_in_the_public_document(settings: ServiceSettings):
    async def start(_: Kit) -> None:
        return None

    app = build_app(settings, title="Kit", description="", start=start)
    assert not {"/healthz", "/readyz", "/metrics", "/docs", "/redoc"} & app.openapi()["paths"].keys()
    async with running(app) as client:
        assert (await client.get("/docs")).status_code == 404


@pytest.mark.parametrize("path", ["/v1/coupons/ABCD-EFGH-JKLM/redeem", "/v1/coupons/ABCD%2DEFGH/x", "/v1/coupons/ABCD"])
async def test_security_41_no_span_has_a_code_that_somebody_shows(settings: ServiceSettings, path: str):
    async def start(_: Kit) -> None:
        return None

    spans = InMemorySpanExporter()
    app = build_app(settings, title="Kit", description="", start=start)
    app.state.tracing.add_span_processor(SimpleSpanProcessor(spans))
    async with running(app) as client:
        assert (await client.post(path)).status_code == 404
        [span] = spans.get_finished_spans()
    assert "ABCD" not in str(dict(span.attributes or {}))
    assert str((span.attributes or {})["url.path"]).startswith("/v1/coupons/(code)")
