"""Public reads over real HTTP: tagged, compressed, and shared by those who ask at the same time, but never stale."""

import asyncio
import gzip
from dataclasses import replace

import aiohttp
import brotli
import pytest
from aiohttp import web

from gateway import reads
from gateway.routes import ROUTES
from servicekit.testkit import Issuer, eventually

NEARBY = "/v1/stations/nearby?lat=52.5&lon=13.4"
LONG = b'{"stations":[' + b'{"name":"Tankstelle"},' * 500 + b"{}]}"


class Gated:
    """A handler that says what is written on a board when it is asked, and holds each answer back until it is let."""

    def __init__(self) -> None:
        self.board = "old"
        self.asked: list[web.Request] = []
        self.gate = asyncio.Event()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        read = self.board
        await self.gate.wait()
        return web.json_response({"read": read})

    async def has_calls(self, count: int) -> None:
        async def reached() -> bool:
            return len(self.asked) >= count

        await eventually(reached)


async def get(client: aiohttp.ClientSession, path: str = NEARBY, **headers: str) -> tuple[int, bytes]:
    async with client.get(path, headers=headers) as response:
        return response.status, await response.read()


async def wait_for_requests(client: aiohttp.ClientSession, count: int) -> None:
    """Until so many connections of the gateway hold a request; the pool of `client` has no other use for them."""

    async def sent() -> bool:
        return len(client.connector._acquired) >= count  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]

    await eventually(sent)


async def test_those_who_wait_share_the_next_call(service, start_gateway) -> None:
    service.handler = gated = Gated()
    async with start_gateway() as client:
        first = asyncio.create_task(get(client))
        await gated.has_calls(1)
        gated.board = "new"
        crowd = [asyncio.create_task(get(client)) for _ in range(20)]
        await wait_for_requests(client, 21)
        other = asyncio.create_task(get(client, "/v1/stations/nearby?lat=1&lon=1"))
        await gated.has_calls(2)
        gated.gate.set()
        answers = await asyncio.gather(*crowd)
        assert await first == (200, b'{"read": "old"}')
        assert await other == (200, b'{"read": "new"}')
    assert {body for _, body in answers} == {b'{"read": "new"}'}, "nobody gets what was read before they asked"
    assert 3 <= len(gated.asked) < 10
    assert [one for one in gated.asked[0].headers if one.lower() in {"accept", "user-agent", "accept-encoding"}] == []


async def test_nothing_is_kept(service, start_gateway) -> None:
    service.handler = gated = Gated()
    gated.gate.set()
    async with start_gateway() as client:
        for number in range(3):
            gated.board = str(number)
            assert await get(client) == (200, b'{"read": "%d"}' % number)


async def test_requests_with_a_token_go_alone(service, start_gateway, issuer: Issuer) -> None:
    service.handler = gated = Gated()
    async with start_gateway() as client, asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(get(client, **issuer.bearer("driver"), **{"Accept-Encoding": "br"}))
        await gated.has_calls(3)
        gated.gate.set()


async def test_a_client_who_leaves_takes_nobody_along(service, start_gateway) -> None:
    service.handler = gated = Gated()
    async with start_gateway() as client:
        first = asyncio.create_task(get(client))
        await gated.has_calls(1)
        waiting, leaving = (asyncio.create_task(get(client)) for _ in range(2))
        await wait_for_requests(client, 3)
        first.cancel()
        leaving.cancel()
        await gated.has_calls(2)
        gated.gate.set()
        assert (await waiting)[0] == 200
    assert len(gated.asked) == 2


async def test_failures_are_for_all_who_share_and_for_nobody_else(service, start_gateway) -> None:
    async def breaks_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    async def refuses(_: web.Request) -> web.StreamResponse:
        return web.json_response({"type": "x"}, status=404)

    async with start_gateway(retry_share=0) as client:
        service.handler = breaks_off
        assert {status for status, _ in await asyncio.gather(*(get(client) for _ in range(5)))} == {502}
        service.handler = refuses
        async with client.get(NEARBY) as response:
            assert (response.status, response.headers["cache-control"]) == (404, "no-store")
            assert "etag" not in response.headers
        await service.stop()
        assert (await get(client))[0] == 503


async def test_the_waiting_are_bounded(service, start_gateway, monkeypatch) -> None:
    monkeypatch.setattr(reads, "MAX_WAITING", 2)
    service.handler = gated = Gated()
    async with start_gateway() as client:
        first = asyncio.create_task(get(client))
        await gated.has_calls(1)
        crowd = [asyncio.create_task(get(client)) for _ in range(5)]
        refused, _ = await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
        gated.gate.set()
        assert {one.result()[0] for one in refused} == {503}
        statuses = [status for status, _ in await asyncio.gather(first, *crowd)]
        assert statuses.count(200) >= 3


async def test_late_answers_are_504_and_free_the_way(service, start_gateway) -> None:
    service.handler = gated = Gated()
    async with start_gateway([replace(route, timeout_seconds=0.2) for route in ROUTES]) as client:
        answers = await asyncio.gather(*(get(client) for _ in range(5)))
        assert {status for status, _ in answers} == {504}
        gated.gate.set()
        assert (await get(client))[0] == 200


async def test_answers_that_are_too_long_to_be_shared_stream(service, start_gateway, monkeypatch) -> None:
    monkeypatch.setattr(reads, "MAX_SHARED_BYTES", 5_000)

    async def long(_: web.Request) -> web.StreamResponse:
        return web.Response(body=LONG, content_type="application/json")

    service.handler = long
    async with start_gateway() as client:
        answers = await asyncio.gather(*(get(client, **{"Accept-Encoding": "br"}) for _ in range(5)))
    assert set(answers) == {(200, LONG)}


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("br, gzip", "br"), ("gzip", "gzip"), ("gzip;q=1, br;q=0.1", "gzip"), ("br;q=0", None), ("identity", None)],
)
async def test_answers_are_compressed_as_the_client_likes(service, start_gateway, accepted, encoding) -> None:
    async def long(_: web.Request) -> web.StreamResponse:
        return web.Response(body=LONG, content_type="application/json")

    service.handler = long
    async with start_gateway() as client, client.get(NEARBY, headers={"Accept-Encoding": accepted}) as response:
        body = await response.read()
        assert response.headers.get("content-encoding") == encoding
        assert response.headers["vary"] == "accept-encoding"
    decode = {"br": brotli.decompress, "gzip": gzip.decompress}.get(encoding or "", bytes)
    assert decode(body) == LONG
    assert encoding is None or len(body) < len(LONG) / 5


async def test_a_copy_that_is_still_right_is_not_sent_again(service, start_gateway) -> None:
    async def long(_: web.Request) -> web.StreamResponse:
        return web.Response(body=LONG, content_type="application/json")

    service.handler = long
    async with start_gateway() as client:
        async with client.get(NEARBY) as response:
            tag, control = response.headers["etag"], response.headers["cache-control"]
        assert control == "no-cache"
        for encoding in ("br", "identity"):
            headers = {"If-None-Match": tag, "Accept-Encoding": encoding}
            async with client.get(NEARBY, headers=headers) as response:
                assert (response.status, await response.read()) == (304, b"")
                assert response.headers["etag"] == tag
                assert "content-encoding" not in response.headers
        service.handler = Gated()
        service.handler.gate.set()
        async with client.get(NEARBY, headers={"If-None-Match": tag}) as response:
            assert response.status == 200
            assert response.headers["etag"] != tag


async def test_a_tag_of_the_service_stays_with_the_bytes_it_stands_for(service, start_gateway) -> None:
    async def own(_: web.Request) -> web.StreamResponse:
        return web.Response(body=LONG, content_type="application/json", headers={"ETag": '"7"'})

    service.handler = own
    async with start_gateway() as client:
        async with client.get(NEARBY, headers={"Accept-Encoding": "br"}) as response:
            assert (response.headers.getall("etag"), await response.read()) == (['"7"'], LONG)
        assert await get(client, **{"If-None-Match": '"7"'}) == (304, b"")


async def test_a_service_may_say_how_long_its_answer_holds(service, start_gateway) -> None:
    async def own(_: web.Request) -> web.StreamResponse:
        return web.json_response({}, headers={"Cache-Control": "public, max-age=300"})

    service.handler = own
    async with start_gateway() as client, client.get("/.well-known/jwks.json") as response:
        assert response.headers.getall("cache-control") == ["public, max-age=300"]
