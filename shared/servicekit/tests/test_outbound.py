"""Where requests to platforms may go, and what may come back, on real sockets."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from servicekit import outbound
from servicekit.outbound import Outbound, PlatformAway, PublicAddresses, checked_base_url


async def _redirect(_: web.Request) -> web.Response:
    raise web.HTTPFound("/target")


async def _target(_: web.Request) -> web.Response:
    return web.Response(text="never meant to be read", headers={"Set-Cookie": "id=1"})


async def _cookie(request: web.Request) -> web.Response:
    return web.Response(text=request.headers.get("Cookie", "none"))


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 16_384)


async def _silent(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def _broken(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@pytest.fixture
async def server() -> AsyncIterator[str]:
    app = web.Application()
    for path, handler in {
        "/redirect": _redirect, "/target": _target, "/cookie": _cookie, "/endless": _endless, "/silent": _silent,
        "/broken": _broken,
    }.items():  # fmt: skip
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_security_37_a_redirect_is_an_answer_and_not_a_way(server: str):
    async with Outbound() as http:
        status, body = await http.send("GET", f"{server}/redirect")
    assert (status, b"meant" in body) == (302, False)


async def test_no_cookie_goes_from_one_request_to_the_next(server: str):
    async with Outbound() as http:
        await http.send("GET", f"{server}/target")
        assert await http.send("GET", f"{server}/cookie") == (200, b"none")


@pytest.mark.parametrize("path", ["/endless", "/silent", "/broken"])
async def test_an_answer_without_end_or_beginning_is_given_up(server: str, path: str):
    async with Outbound() as http:
        with pytest.raises(PlatformAway) as caught:
            await http.send("GET", f"{server}{path}", timeout_seconds=0.3, params={"secret": "canary-secret"})
    assert caught.value.was_sent
    assert "canary" not in repr(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


async def test_a_file_is_fetched_to_a_bound_and_no_further(server: str):
    file = io.BytesIO()
    async with Outbound() as http:
        assert await http.download(f"{server}/target", file, 22, timeout_seconds=1.0) == 200
        assert file.getvalue() == b"never meant to be read"
        with pytest.raises(PlatformAway, match="without end"):
            await http.download(f"{server}/target", io.BytesIO(), 21, timeout_seconds=1.0)
        with pytest.raises(PlatformAway, match="without end"):
            await http.download(f"{server}/endless", io.BytesIO(), 100_000, timeout_seconds=5.0)


async def test_what_was_never_sent_is_known_to_be():
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        async with Outbound() as http:
            with pytest.raises(PlatformAway) as caught:
                await http.send("GET", f"http://127.0.0.1:{unheard.getsockname()[1]}/?secret=canary-secret")
    assert not caught.value.was_sent
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.weixin.qq.com", "https://10.0.0.1", "https://169.254.169.254", "https://[fd00::1]", "ftp://a.example",
        "https://user:secret@a.example", "https://a.example?x=1", "https://a.example#x", "https://", "a.example",
        "http://localhost:8009", "http://192.168.0.1",
    ],
)  # fmt: skip
def test_security_37_secrets_go_nowhere_else_than_to_public_addresses_by_https(url: str):
    with pytest.raises(ValueError, match=r"platform|base URL"):
        checked_base_url(url)


@pytest.mark.parametrize("url", ["https://openapi.alipay.com/", "http://127.0.0.1:8009", "http://[::1]:8009/"])
def test_a_public_name_and_the_simulator_are_fine(url: str):
    assert checked_base_url(url) == url.rstrip("/")


class _Rebound(AbstractResolver):
    """A name server in a stranger's hands."""

    def __init__(self, *hosts: str) -> None:
        self._hosts = hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
                for one in self._hosts]  # fmt: skip

    async def close(self) -> None:
        return None


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "::1", "fe80::1%eth0"])
async def test_security_37_a_name_that_is_pointed_into_our_network_leads_nowhere(host: str):
    with pytest.raises(OSError, match="no public address"):
        await PublicAddresses(_Rebound(host)).resolve("api.weixin.qq.com", 443)


async def test_of_several_addresses_only_the_public_ones_are_left():
    found = await PublicAddresses(_Rebound("10.0.0.1", "203.205.254.10")).resolve("api.weixin.qq.com", 443)
    assert [one["host"] for one in found] == ["203.205.254.10"]


async def test_a_name_without_public_address_is_an_away_platform(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outbound, "ThreadedResolver", lambda: _Rebound("127.0.0.1"))
    async with Outbound() as http:
        with pytest.raises(PlatformAway, match="no connection") as caught:
            await http.send("GET", "https://api.weixin.qq.com")
    assert not caught.value.was_sent
