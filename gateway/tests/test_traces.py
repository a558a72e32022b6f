"""The spans of a forwarded request, as the gateway's own process writes them."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import aiohttp

from servicekit.testkit import eventually

CALLERS_TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_one_server_and_one_client_span(service, tmp_path: Path, unused_tcp_port: int) -> None:
    file = tmp_path / "traces.jsonl"
    settings = {
        "PORT": unused_tcp_port, "IDENTITY_URL": service.url, "PRICING_URL": service.url, "STATIONS_URL": service.url,
        "PAYMENTS_URL": service.url, "LOYALTY_URL": service.url, "ANALYTICS_URL": service.url,
        "KAFKA_BOOTSTRAP": "127.0.0.1:1", "KAFKA_USERNAME": "x", "KAFKA_PASSWORD": "x", "ISSUER": service.url,
        "JWKS_URL": service.url, "TRACES_FILE": file,
    }  # fmt: skip
    environment = os.environ | {f"GATEWAY_{name}": str(value) for name, value in settings.items()}
    gateway = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "servicekit.serve", "gateway.main:create_app",
        env=environment, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{unused_tcp_port}") as client:

            async def answers() -> bool:
                try:
                    async with client.get("/readyz") as response:
                        return response.status == 200
                except aiohttp.ClientConnectionError:
                    return False

            await eventually(answers, 30)
            async with client.get("/v1/prices", params={"station_id": "1"}) as response:
                trace_id = response.headers["trace-id"]
            parent = f"00-{CALLERS_TRACE}-b7ad6b7169203331-01"
            async with client.get("/v1/nothing", headers={"traceparent": parent}) as response:
                assert response.status == 404
            async with client.get("/v1/nothing", headers={"traceparent": parent[:-1] + "0"}) as response:
                assert response.headers["trace-id"] == CALLERS_TRACE
    finally:
        gateway.send_signal(signal.SIGTERM)
        await asyncio.wait_for(gateway.wait(), 15)
    spans = [json.loads(line) for line in file.read_text().splitlines()]
    ours = {span["kind"]: span for span in spans if span["trace_id"] == trace_id}
    assert len(ours) == 2
    server, client_span = ours["SERVER"], ours["CLIENT"]
    assert server["name"] == "GET /v1/prices"
    assert server["attributes"] == {
        "url.path": "/v1/prices", "url.query": "station_id=1", "url.scheme": "http", "http.request.method": "GET",
        "network.protocol.version": "1.1", "http.route": "/v1/prices", "http.response.status_code": 200,
        "server.port": unused_tcp_port,
    }  # fmt: skip
    assert client_span["attributes"] == {"server.address": "pricing", "http.response.status_code": 200}
    [refused] = [span for span in spans if span not in ours.values()]
    assert (refused["trace_id"], refused["parent_id"], refused["name"]) == (CALLERS_TRACE, "b7ad6b7169203331", "GET")
    assert refused["attributes"]["http.response.status_code"] == 404
    assert client_span["parent_id"] == server["span_id"]
    _, sent_trace, sent_parent, _ = service.requests[0].headers["traceparent"].split("-")
    assert (sent_trace, sent_parent) == (trace_id, client_span["span_id"])
