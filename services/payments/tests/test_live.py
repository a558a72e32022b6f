"""Live streams: each step reaches who watches, who was away goes on without a gap, and nobody else sees anything."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from starlette.types import Message

from payments.domain.orders import Step
from payments.main import create_app
from payments.repository import orders
from payments.settings import Settings, StreamSettings
from payments.use_cases.catching_up import missed_of_station
from payments.use_cases.live import Live, Subject
from servicekit.ids import new_id
from servicekit.problems import Problem
from servicekit.testkit import Issuer, KafkaProbe, eventually, running

from .conftest import Payments
from .orders import done, placed
from .station_kit import any_order

Event = dict[str, Any]


class Reader:
    """A client of a stream: what was sent to it, event by event."""

    def __init__(self) -> None:
        self.status = 0
        self.is_over = False
        self.gone = asyncio.Event()
        self._arrived = asyncio.Event()
        self._text = ""

    async def receive(self) -> Message:
        """ASGI's: the client says nothing more until it leaves."""
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """ASGI's."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self._text += message["body"].decode()
            self.is_over = not message.get("more_body", False)
        self._arrived.set()

    async def next(self) -> Event:
        """The next event: its id, its name, its data."""
        while True:
            async with asyncio.timeout(10):
                while "\n\n" not in self._text:
                    self._arrived.clear()
                    await self._arrived.wait()
            frame, _, self._text = self._text.partition("\n\n")
            lines = dict(line.split(": ", 1) for line in frame.splitlines() if not line.startswith(":"))
            if "data" in lines:
                return {"id": lines.get("id"), "name": lines["event"], **json.loads(lines["data"])}

    async def over(self) -> bool:
        """Whether the stream was completed."""
        return self.is_over


@asynccontextmanager
async def following(
    payments: Payments, path: str, who: dict[str, str], last: str | None = None
) -> AsyncIterator[Reader]:
    """A client that reads a stream."""
    headers = who | ({"Last-Event-ID": last} if last else {})
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "server": ("test", 80), "client": ("test", 1),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    reader = Reader()
    app = cast(Any, payments.client._transport).app
    serving = asyncio.create_task(app(scope, reader.receive, reader.send))
    await eventually(lambda: started(reader, serving))
    try:
        yield reader
    finally:
        reader.gone.set()
        await serving


async def started(reader: Reader, serving: "asyncio.Task[None]") -> bool:
    """Whether the answer has begun."""
    return reader.status != 0 or serving.done()


async def test_a_driver_follows_an_order_from_where_it_stands(payments: Payments) -> None:
    driver, crew = payments.driver(), payments.staff("orders:write")
    order_id = (await placed(payments, driver, await payments.station(), fill_up=True))["order_id"]
    async with following(payments, f"/v1/orders/{order_id}/events", driver) as reader:
        first = await reader.next()
        assert (first["id"], first["name"], first["step"]["after"], first["order"]["next"]) == (
            "1", "order", "placed", ["cancel"]
        )  # fmt: skip
        await done(payments, crew, order_id, "confirm", volume_ml=30_000)
        second = await reader.next()
        assert (second["id"], second["step"]["command"], second["order"]["payable_minor"]) == ("2", "confirm", 23_550)
    await done(payments, crew, order_id, "adjust", volume_ml=29_000, reason="other")
    await done(payments, driver, order_id, "accept")
    async with following(payments, f"/v1/orders/{order_id}/events", driver, last=second["id"]) as reader:
        assert [(await reader.next())["step"]["command"] for _ in range(2)] == ["adjust", "accept"]


async def test_a_board_has_all_of_its_station_and_resumes(payments: Payments) -> None:
    station, machine = await payments.station(), payments.machine()
    path = f"/v1/stations/{station}/orders/stream"
    made = [(await placed(payments, payments.driver(), station, pump_id=n, fill_up=True))["order_id"] for n in "12"]
    async with following(payments, path, machine) as reader:
        seen = [await reader.next() for _ in range(2)]
        assert [event["order"]["order_id"] for event in seen] == made
        assert "driver_id" not in seen[0]["order"]
        await placed(payments, payments.driver(), await payments.station(), fill_up=True)  # elsewhere
        third = await placed(payments, payments.driver(), station, fill_up=True)
        event = await reader.next()
        assert event["order"]["order_id"] == third["order_id"]
    for order_id in made:
        await done(payments, machine, order_id, "confirm", volume_ml=10_000)
    async with following(payments, path, machine, last=event["id"]) as reader:
        versions: dict[str, int] = {}
        while sorted(versions.values()) != [1, 2, 2]:
            event = await reader.next()
            order_id = event["order"]["order_id"]
            versions[order_id] = max(versions.get(order_id, 0), event["step"]["version"])
        assert [versions[order_id] for order_id in (*made, third["order_id"])] == [2, 2, 1]


async def test_a_step_that_was_overtaken_is_not_missed(payments: Payments) -> None:
    station = await payments.station()
    async with payments.store.connection() as slow:
        transaction = slow.transaction()
        await transaction.start()
        overtaken = any_order(station, pump_id="1")
        await orders.save(slow, [Step(overtaken, None, None, None, "test", datetime.now(UTC))])
        await placed(payments, payments.driver(), station, pump_id="2", fill_up=True)
        seen = await payments.sql("SELECT max(position) FROM order_steps")
        await transaction.commit()
    async with payments.store.connection() as connection:
        missed = await missed_of_station(connection, station, str(seen))
    assert overtaken.order_id in {step.order.order_id for step in missed.steps}
    assert not missed.has_gap


async def test_a_board_that_was_away_for_long_is_told_to_load_its_list(payments: Payments) -> None:
    station, machine = await payments.station(), payments.machine()
    order_id = (await placed(payments, payments.driver(), station, fill_up=True))["order_id"]
    position = await payments.sql("SELECT position FROM order_steps")
    await payments.sql("UPDATE order_steps SET at = at - interval '1 hour'")
    for last in (str(position), "999999", "not-a-position"):
        async with following(payments, f"/v1/stations/{station}/orders/stream", machine, last=last) as reader:
            assert (await reader.next())["name"] == "reset"
            assert (await reader.next())["order"]["order_id"] == order_id


async def test_nobody_follows_what_is_anothers(payments: Payments) -> None:
    station = await payments.station()
    order_id = (await placed(payments, payments.driver(), station, fill_up=True))["order_id"]
    mine, board = f"/v1/orders/{order_id}/events", f"/v1/stations/{station}/orders/stream"
    other = payments.machine(operators=["another-operator"])
    for path, who, status in (
        (mine, payments.driver(), 404), (mine, payments.machine(), 403), (board, other, 404),
        (board, payments.driver(), 403), (board, {}, 401),
    ):  # fmt: skip
        async with following(payments, path, who) as reader:
            assert (reader.status, reader.is_over) == (status, True)


async def test_a_stream_ends_with_its_token(payments: Payments) -> None:
    station = await payments.station()
    app = cast(Any, payments.client._transport).app
    driver_id = str(new_id())
    driver = payments.driver(driver_id, sid="session-1")
    order_id = (await placed(payments, driver, station, fill_up=True))["order_id"]
    settings = payments.process.settings
    payments.process.settings = settings.model_copy(update={"streams": StreamSettings(heartbeat_seconds=0.02)})
    async with following(payments, f"/v1/orders/{order_id}/events", driver) as reader:
        await reader.next()
        assert not reader.is_over
        app.state.verifier._remembered.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(app.state.verifier, "_issuer", "https://another.example")  # the token proves nothing any more
            await eventually(reader.over)


async def test_a_stream_ends_when_the_service_drains(settings: Settings, issuer: Issuer, kafka: KafkaProbe) -> None:
    app = create_app(settings)  # one of its own: it serves no stream after it
    async with running(app) as client:
        payments = Payments(client, app.state.payments, issuer, settings, kafka)
        driver = payments.driver()
        order_id = (await placed(payments, driver, await payments.station(), fill_up=True))["order_id"]
        async with following(payments, f"/v1/orders/{order_id}/events", driver) as reader:
            await reader.next()
            app.state.kit.drain()
            await eventually(reader.over)


async def test_streams_end_when_notices_may_have_been_missed_and_resume(payments: Payments) -> None:
    driver = payments.driver()
    order_id = (await placed(payments, driver, await payments.station(), fill_up=True))["order_id"]
    path = f"/v1/orders/{order_id}/events"
    async with following(payments, path, driver) as reader:
        last = (await reader.next())["id"]
        killed = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN \"orders\"%'"
        assert await payments.sql(killed) == 1
        await eventually(reader.over)
    await done(payments, payments.machine(), order_id, "confirm", volume_ml=1_000)
    app = cast(Any, payments.client._transport).app

    async def listens() -> bool:
        return app.state.live._listens

    await eventually(listens)
    async with following(payments, path, driver, last=last) as reader:
        assert (await reader.next())["step"]["command"] == "confirm"


async def test_streams_are_bounded_and_slow_readers_are_dropped(payments: Payments) -> None:
    settings = StreamSettings(connections=2, connections_per_caller=1, queue_steps=1)
    live, subject = Live(payments.store, settings), Subject(station_id=new_id())
    live._listens = True
    with live.watching(subject, "a") as watch:
        with pytest.raises(Problem, match="live streams"), live.watching(subject, "a"):
            pass
        with live.watching(subject, "b"), pytest.raises(Problem, match="Room"), live.watching(subject, "c"):
            pass
        step = cast(Any, None)
        assert (watch.offer(step), watch.offer(step)) == (True, False)
        watch.end()
        assert watch.ended.is_set()
    with live.watching(subject, "a"):
        pass
    assert not live._by_caller
