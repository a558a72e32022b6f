"""`bench gateway`: what a forwarded request costs the processor, beside other proxies before the same upstream."""

import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import quantiles
from typing import Any

from forecourt.bench_load import connected_load
from forecourt.bench_peers import PEERS
from forecourt.bench_processes import Started, own_gateway, started
from forecourt.bench_world import bench_client
from local_stack.config import Config
from local_stack.ports import free_port

CONNECTIONS = 32
ROUNDS = 4
REQUESTS_PER_ROUND = 20_000
RATE_PER_SECOND, RATE_SECONDS = 1_000, 5.0
WANTED_RATIO_TO_NGINX = 3.5
OURS = "gateway"
REQUEST = (
    "GET /v1/price-reports?station_id=01930b5e-0000-7000-8000-000000000001 HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    "accept: application/json\r\nuser-agent: forecourt-bench\r\nauthorization: Bearer {token}\r\n\r\n"
)
"""A read for which the gateway checks the token and its scope; whoever is asked gets the same bytes."""


async def measure_gateway(config: Config) -> list[dict[str, Any]]:
    """CPU per request with token, rate limit and trace on, in rounds that take turns; then latency at a fixed rate."""
    async with bench_client(config) as client:
        request = REQUEST.format(token=await client.token()).encode()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="forecourt-bench-")))
        servers = await _start_all(config, stack, folder)
        microseconds, seconds = await _measure({name: one for name, one in servers.items() if one}, request)
    return [_against(peer.name, peer.remedy, microseconds) for peer in PEERS] + [
        _latency(percent, seconds) for percent in (50, 99)
    ]


async def _start_all(config: Config, stack: AsyncExitStack, folder: Path) -> dict[str, Started | None]:
    argv = (sys.executable, "-m", "forecourt.bench_upstream", str(port := free_port()))
    await stack.enter_async_context(started("the upstream", argv, port))
    servers = {
        peer.name: await stack.enter_async_context(peer.running(folder, port)) for peer in PEERS
    }  # fmt: skip
    urls = {f"{name}_url": f"http://127.0.0.1:{port}" for name in ("identity", "pricing", "stations")}
    servers[OURS] = await stack.enter_async_context(own_gateway(config, folder, **urls))
    return servers


async def _measure(servers: dict[str, Started], request: bytes) -> tuple[dict[str, float], dict[str, list[float]]]:
    """CPU microseconds per request and the seconds each took at the fixed rate, by server."""
    spent, seconds = dict.fromkeys(servers, 0.0), {}
    for turn in range(ROUNDS + 1):
        for name, server in servers.items():
            async with connected_load(name, server.port, request, CONNECTIONS) as load:
                before = server.cpu_seconds()
                await load.at_full_speed(REQUESTS_PER_ROUND)
                if turn > 0:  # the first warms up
                    spent[name] += server.cpu_seconds() - before
    for name, server in servers.items():
        async with connected_load(name, server.port, request, CONNECTIONS) as load:
            seconds[name] = await load.at_rate(RATE_PER_SECOND, RATE_SECONDS)
    return {name: each / (ROUNDS * REQUESTS_PER_ROUND) * 1e6 for name, each in spent.items()}, seconds


def _against(peer: str, remedy: str, microseconds: dict[str, float]) -> dict[str, Any]:
    ours, theirs = microseconds[OURS], microseconds.get(peer)
    most = WANTED_RATIO_TO_NGINX if peer == PEERS[0].name else 1.0
    known = f"CPU per request, floor: {peer}"
    return {
        "figure": known if theirs else f"{known}, not measured ({remedy})",
        "value": ours, "unit": "us", "floor": theirs, "ratio": ours / theirs if theirs else None,
        "wanted": f"<= {most:g} x {peer}", "kept": ours <= most * theirs if theirs else None,
    }  # fmt: skip


def _latency(percent: int, seconds: dict[str, list[float]]) -> dict[str, Any]:
    """Beside the first peer that was measured."""
    peer = next(iter(seconds))
    ours, theirs = (quantiles(seconds[name], n=100)[percent - 1] * 1000 for name in (OURS, peer))
    return {
        "figure": f"p{percent} at {RATE_PER_SECOND:,} requests/s, floor: {peer}", "value": ours, "unit": "ms",
        "floor": theirs, "ratio": ours / theirs, "wanted": "", "kept": None,
    }  # fmt: skip
