"""What the benchmarks measure with: their load, their peers, and the processes they start."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from forecourt.bench_gateway import _against
from forecourt.bench_load import connected_load
from forecourt.bench_peers import PEERS
from forecourt.bench_processes import Started, allow_open_files, started
from forecourt.bench_sender import Socket
from local_stack.config import StackError
from local_stack.ports import free_port

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture
async def upstream() -> AsyncIterator[Started]:
    port = free_port()
    async with started("the upstream", (sys.executable, "-m", "forecourt.bench_upstream", str(port)), port) as running:
        yield running


async def test_load_counts_every_answer(upstream: Started) -> None:
    async with connected_load("the upstream", upstream.port, REQUEST, 3) as load:
        await load.at_full_speed(200)
        seconds = await load.at_rate(400, 0.1)
    assert len(seconds) == 40
    assert all(one > 0 for one in seconds)
    assert upstream.cpu_seconds() > 0
    assert upstream.resident_bytes() > 0


async def test_each_request_of_a_load_may_be_another() -> None:
    seen: list[bytes] = []
    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while len(seen) < 5:
            seen.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    requests = iter([REQUEST.replace(b"/ ", b"/%d " % number, 1) for number in range(5)])
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, connected_load("the peer", port, requests.__next__, 1) as load:
        await load.at_full_speed(5)
        load.close()
        await ended.wait()
    assert seen == [b"/0", b"/1", b"/2", b"/3", b"/4"]


async def test_load_says_what_it_got_instead_of_an_answer(upstream: Started) -> None:
    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, connected_load("the peer", port, REQUEST, 1) as load:
        with pytest.raises(StackError, match=r"the peer does not answer as it should: HTTP/1[.]1 503"):
            await load.at_full_speed(2)


async def test_process_that_does_not_start_says_why() -> None:
    with pytest.raises(StackError, match=r"the peer did not start: .*no such thing"):
        async with started("the peer", (sys.executable, "-c", "raise SystemExit('no such thing')"), free_port()):
            pass


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
async def test_peer_forwards_or_is_missing(upstream: Started, tmp_path: Path, peer) -> None:
    async with peer.running(tmp_path, upstream.port) as running:
        if running is None:
            pytest.skip(f"this machine has no {peer.name}: {peer.remedy}")
        async with connected_load(peer.name, running.port, REQUEST, 2) as load:
            await load.at_full_speed(10)


async def test_missing_peer_is_named_with_its_remedy(tmp_path: Path) -> None:
    missing = replace(PEERS[0], find=lambda: None)
    async with missing.running(tmp_path, 1) as running:
        assert running is None
    figure = _against(missing.name, missing.remedy, {"gateway": 50.0})
    assert "not measured (apt-get install nginx-light)" in figure["figure"]
    assert (figure["floor"], figure["kept"]) == (None, None)


@pytest.mark.parametrize(("ours", "kept"), [(35.0, True), (35.1, False)])
def test_bound_to_nginx(ours: float, kept: bool) -> None:
    assert _against("nginx", "", {"gateway": ours, "nginx": 10.0})["kept"] is kept


async def test_bare_sender_writes_to_every_reader() -> None:
    server = await asyncio.get_running_loop().create_server(Socket, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for reader, writer in pairs[:2]:
            writer.write(b"\n")
            assert await reader.readexactly(1) == b"\n"
        pairs[2][1].write(b"price".hex().encode() + b"\n")
        assert [await reader.readexactly(5) for reader, _ in pairs[:2]] == [b"price"] * 2
        for _, writer in pairs:
            writer.close()
            await writer.wait_closed()


def test_more_open_files_than_the_system_allows() -> None:
    with pytest.raises(StackError, match="ulimit -Hn"):
        allow_open_files(2**40)
