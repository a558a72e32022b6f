"""Answers without end of the services: passed on as they come, bounded, and over when either side is."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from gateway.routing import Route
from servicekit.testkit import eventually

STREAM = Route("GET", "/v1/events", "payments", stream=True, timeout_seconds=0.2)
PLAIN = Route("GET", "/v1/orders", "payments")


class Streams:
    """A service's streams, which the test writes to."""

    def __init__(self) -> None:
        self.open: list[web.StreamResponse] = []
        self.left = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Begins a stream that stays open; any other path is answered at once."""
        if request.path != STREAM.path:
            return web.json_response({})
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(f": after {request.headers.get('last-event-id')}\n\n".encode())
        self.open.append(response)
        try:
            await asyncio.Event().wait()
        finally:
            self.left += 1
        return response

    async def say(self, text: str) -> None:
        """Writes to the first stream."""
        await self.open[0].write(text.encode())

    async def is_left(self) -> bool:
        """Whether somebody has left."""
        return self.left > 0


@pytest.fixture
def streams(service) -> Streams:
    streams = Streams()
    service.handler = streams.answer
    return streams


async def test_a_stream_passes_as_it_comes_and_outlives_its_deadline(streams: Streams, start_gateway) -> None:
    async with (
        start_gateway([STREAM], forwarded_stream_silence_seconds=5) as gateway,
        gateway.get(STREAM.path, headers={"Last-Event-ID": "41"}) as stream,
    ):
        assert await stream.content.readline() == b": after 41\n"
        for number in range(8):
            await asyncio.sleep(0.05)  # together longer than the route's deadline
            await streams.say(f"id: {number}\n\n")
            while (line := await stream.content.readline()) == b"\n":
                pass
            assert line == b"id: %d\n" % number


async def test_a_client_that_leaves_frees_the_service(streams: Streams, start_gateway) -> None:
    async with start_gateway([STREAM]) as gateway:
        async with gateway.get(STREAM.path) as stream:
            await stream.content.readline()
            stream.close()
        await eventually(streams.is_left)


async def test_streams_are_bounded_and_take_no_place_of_other_requests(streams: Streams, start_gateway) -> None:
    bounds = {"forwarded_streams": 1, "upstream_connections": 1, "upstream_queue": 0}
    async with start_gateway([STREAM, PLAIN], **bounds) as gateway, gateway.get(STREAM.path) as stream:
        assert stream.status == 200
        async with gateway.get(STREAM.path) as refused:
            assert refused.status == 503
        async with gateway.get(PLAIN.path) as plain:
            assert plain.status == 200


async def test_a_service_that_falls_silent_is_cut_off(streams: Streams, start_gateway) -> None:
    async with (
        start_gateway([STREAM], forwarded_stream_silence_seconds=0.1) as gateway,
        gateway.get(STREAM.path) as stream,
    ):
        with pytest.raises(aiohttp.ClientPayloadError):
            await stream.content.read()
    await eventually(streams.is_left)


async def test_a_stream_is_completed_when_the_gateway_stops(streams: Streams, start_gateway) -> None:
    async with aiohttp.ClientSession() as session:
        async with start_gateway([STREAM]) as gateway:
            stream = await session.get(f"{str(gateway._base_url).rstrip('/')}{STREAM.path}")
            await stream.content.readline()
        assert await stream.content.read() == b"\n"  # and the end that belongs to it
    await eventually(streams.is_left)
