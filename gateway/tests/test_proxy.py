"""Requests on their way to a service and back, over real HTTP."""

import asyncio
import gzip
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from gateway.routes import ROUTES
from gateway.routing import Route
from servicekit.testkit import Issuer, eventually

ALONE = [replace(route, cache=None) for route in ROUTES]
"""Each request with a call of its own; test_reads.py has those that are shared."""
IMPATIENT = [replace(route, timeout_seconds=0.3) for route in ALONE]
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def start_gateway(start_gateway):
    return lambda routes=ALONE, **changes: start_gateway(routes, **changes)


async def problem_of(response: aiohttp.ClientResponse) -> str:
    assert response.content_type == "application/problem+json"
    problem = await response.json(content_type="application/problem+json")
    assert problem["status"] == response.status
    assert problem["trace_id"] == response.headers["trace-id"]
    return problem["type"].removeprefix("urn:forecourt:problem:")


async def test_request_arrives_whole(service, start_gateway, issuer: Issuer) -> None:
    target = "/v1/price-reports?a=%2Fb&a=c"
    async with start_gateway() as client:
        headers = issuer.bearer("prices:write") | {"content-type": "application/json", "idempotency-key": "k"}
        async with client.post(URL(target, encoded=True), data=b'{"reports":[]}', headers=headers) as response:
            seen = await response.json()
    assert seen["target"] == target
    assert seen["body"] == '{"reports":[]}'
    assert {name: service.requests[0].headers[name] for name in headers} == headers


async def test_a_provider_s_notification_arrives_byte_for_byte_with_its_signature(service, start_gateway) -> None:
    body = '{"id" : "EV-1",\n "summary":"支付成功"}'.encode()
    signed = {
        "Wechatpay-Serial": "PUB_KEY_ID_1", "Wechatpay-Timestamp": "1764057600", "Wechatpay-Nonce": "abc",
        "Wechatpay-Signature": "c2lnbmF0dXJl+/==", "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        "Content-Type": "application/json",
    }  # fmt: skip
    path = "/v1/webhooks/wechatpay/payments"
    async with start_gateway() as client, client.post(path, data=body, headers=signed) as response:
        seen = await response.json()
    assert seen["body"].encode() == body
    assert {name: service.requests[0].headers[name] for name in signed} == signed


async def test_security_30_what_a_client_must_not_say_is_left_out(service, start_gateway) -> None:
    forged = {
        "X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6", "X-User-Id": "1", "X-Forecourt-Roles": "admin",
        "X-Internal-Token": "1", "X-Real-IP": "6.6.6.6", "Cookie": "a=b", "Connection": "x-secret", "X-Secret": "1",
        "baggage": "role=admin", "Proxy-Authorization": "Basic eDp5", "TE": "trailers",
    }  # fmt: skip
    async with start_gateway() as client, client.get("/v1/prices", headers=forged) as response:
        assert response.status == 200
    [request] = service.requests
    assert request.headers["X-Forwarded-For"] == "127.0.0.1"
    assert request.headers["Host"] == service.url.removeprefix("http://")
    assert not (set(map(str.lower, forged)) - {"x-forwarded-for"}) & set(map(str.lower, request.headers))


async def test_trace_goes_on_and_is_named_in_the_answer(service, start_gateway) -> None:
    parent = f"00-{TRACE_ID}-b7ad6b7169203331-01"
    async with start_gateway() as client, client.get("/v1/prices", headers={"traceparent": parent}) as response:
        assert response.headers["trace-id"] == TRACE_ID
    [traceparent] = service.requests[0].headers.getall("traceparent")
    assert traceparent.split("-")[1] == TRACE_ID
    assert traceparent != parent


async def test_answer_passes_byte_for_byte(service, start_gateway) -> None:
    body = gzip.compress(b'{"prices": []}')

    async def compressed(_: web.Request) -> web.Response:
        headers = {
            "content-encoding": "gzip", "content-type": "application/json", "server": "secret/1", "etag": '"1"',
            "cache-control": "max-age=5", "x-internal-node": "7", "keep-alive": "timeout=5",
        }  # fmt: skip
        return web.Response(body=body, headers=headers)

    service.handler = compressed
    async with start_gateway() as client, client.get("/v1/prices") as response:
        assert await response.read() == body
        headers = response.headers
    assert len(headers.getall("date")) == 1
    assert (headers["etag"], headers["cache-control"]) == ('"1"', "max-age=5")
    assert headers["x-content-type-options"] == "nosniff"
    assert not {"server", "x-internal-node", "keep-alive"} & {name.lower() for name in headers}


async def test_answer_of_unknown_length_streams(service, start_gateway) -> None:
    release = asyncio.Event()

    async def in_two_parts(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await release.wait()
        await response.write(b"second")
        return response

    service.handler = in_two_parts
    async with start_gateway() as client, client.get("/v1/prices") as response:
        assert await response.content.readany() == b"first"
        release.set()
        assert await response.content.read() == b"second"


@pytest.mark.parametrize("status", [204, 301, 304, 404, 422, 500])
async def test_status_passes(service, start_gateway, status: int) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"location": "/elsewhere"})

    service.handler = answer
    async with start_gateway() as client, client.get("/v1/prices", allow_redirects=False) as response:
        assert response.status == status
        assert await response.read() == b""


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404), ("GET", "/v1/nothing", 404), ("GET", "/v1/stations/a%2Fb", 404),
        ("GET", "/v1/stations/%2e%2e/pumps", 404), ("GET", "/v1/prices/", 404), ("DELETE", "/v1/prices", 405),
    ],
)  # fmt: skip
async def test_security_29_only_the_table_is_reachable(
    service, start_gateway, method: str, path: str, status: int
) -> None:
    async with start_gateway() as client, client.request(method, URL(path, encoded=True)) as response:
        assert response.status == status
        assert await problem_of(response) in {"not-found", "method-not-allowed"}
        assert (response.headers.get("allow") == "GET") is (status == 405)
    assert service.requests == []


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_operator_paths_are_for_operators(service, start_gateway, path: str) -> None:
    async with start_gateway() as client:
        async with client.get(path) as response:
            assert response.status == 200
        async with client.get(path, headers={"X-Forwarded-For": "127.0.0.1"}) as response:
            assert response.status == 404
    async with start_gateway(operator_networks=["10.0.0.0/8"]) as client, client.get(path) as response:
        assert response.status == 404
    assert service.requests == []


async def test_security_25_body_limit_of_the_route(service, start_gateway) -> None:
    async def chunks():
        for _ in range(20):
            yield b"x" * 1024

    async with start_gateway() as client:
        for body in (b"x" * (16 * 1024 + 1), chunks()):
            async with client.post("/v1/oauth/token", data=body) as response:
                assert (response.status, await problem_of(response)) == (413, "body-too-large")
        async with client.post("/v1/oauth/token", data=b"x" * 16 * 1024) as response:
            assert response.status == 200
    assert len(service.requests) == 1


async def test_security_25_slow_body_is_given_up(service, start_gateway) -> None:
    async with start_gateway(IMPATIENT) as client:
        async with client.get("/healthz") as response:
            address = response.url
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"POST /v1/oauth/token HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc")
        assert b" 408 " in await reader.readline()
        writer.close()
    assert service.requests == []


async def test_security_25_deadline(service, start_gateway) -> None:
    ended = asyncio.Event()

    async def never(_: web.Request) -> web.Response:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return web.Response()

    service.handler = never
    async with start_gateway(IMPATIENT) as client, client.get("/v1/prices") as response:
        assert (response.status, await problem_of(response)) == (504, "timeout")
        await asyncio.wait_for(ended.wait(), 5)
    assert len(service.requests) == 1


async def test_client_that_leaves_frees_the_service(service, start_gateway) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def never(_: web.Request) -> web.Response:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return web.Response()

    service.handler = never
    async with start_gateway() as client:
        asking = asyncio.create_task(client.get("/v1/prices"))
        await began.wait()
        asking.cancel()
        await asyncio.wait_for(ended.wait(), 5)


async def test_answer_that_breaks_off_is_cut_not_completed(service, start_gateway) -> None:
    async def breaks_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    service.handler = breaks_off
    async with start_gateway() as client, client.get("/v1/prices") as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_get_is_tried_again_once(service, start_gateway) -> None:
    async def busy_first(_: web.Request) -> web.Response:
        return web.Response(status=503 if len(service.requests) == 1 else 200)

    service.handler = busy_first
    async with start_gateway() as client, client.get("/v1/prices") as response:
        assert response.status == 200
    assert len(service.requests) == 2


async def test_write_is_sent_once(service, start_gateway) -> None:
    async def breaks_off(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    service.handler = breaks_off
    async with start_gateway() as client, client.post("/v1/oauth/token", data=b"a=b") as response:
        assert (response.status, await problem_of(response)) == (502, "bad-gateway")
    assert len(service.requests) == 1


async def test_retries_have_a_budget(service, start_gateway) -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=503)

    service.handler = busy
    async with start_gateway(retry_share=0) as client, client.get("/v1/prices") as response:
        assert response.status == 503
    assert len(service.requests) == 1


async def test_one_service_down_leaves_the_others(service, start_gateway) -> None:
    async with start_gateway(stations_url="http://127.0.0.1:1") as client:
        async with client.get("/v1/stations") as response:
            assert (response.status, await problem_of(response)) == (503, "unavailable")
            assert response.headers["retry-after"] == "1"
        async with client.get("/v1/prices") as response:
            assert response.status == 200


async def test_breaker_spares_a_service_that_is_down_until_it_is_back(service, start_gateway) -> None:
    async with start_gateway(breaker_failures=2, breaker_open_seconds=0.2) as client:
        await service.stop()
        for _ in range(2):
            async with client.get("/v1/prices") as response:
                assert response.status == 503
        async with client.get("/metrics") as response:
            assert 'forecourt_upstream_breaker_open{upstream="pricing"} 1.0' in await response.text()
        await service.start()

        async def back() -> bool:
            async with client.get("/v1/prices") as response:
                return response.status == 200

        await eventually(back)


async def test_queue_to_a_service_is_bounded(service, start_gateway) -> None:
    release = asyncio.Event()

    async def waits(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    service.handler = waits
    async with start_gateway(upstream_connections=1, upstream_queue=1) as client:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(client.get("/v1/prices")) for _ in range(3)]
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            [refused] = [task.result() for task in done]
            assert (refused.status, await problem_of(refused)) == (503, "overloaded")
            release.set()
        assert sorted(task.result().status for task in asked) == [200, 200, 503]


async def test_security_25_query_has_a_bound(service, start_gateway) -> None:
    async with start_gateway() as client, client.get("/v1/prices?q=" + "x" * 8_200) as response:
        assert response.status == 414


def test_security_25_every_route_has_limits() -> None:
    for route in ROUTES:
        assert isinstance(route, Route)
        assert 0 < route.timeout_seconds <= 30
        assert 0 <= route.body_bytes <= 2 * 1024 * 1024, "0: no body at all"
