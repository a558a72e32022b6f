"""A stack of servers through its life: idle repeats, kills, a move to other ports, the end."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from motor.motor_asyncio import AsyncIOMotorClient

from local_stack import stack
from local_stack.config import Config
from local_stack.environment import kafka_credentials, service_environment
from local_stack.processes import Process, wait_until
from local_stack.stack import SERVERS
from local_stack.status import status
from local_stack.testing import disposable_stack

TOPIC = "stations.stations"


@pytest.fixture(scope="module")
def lifecycle(infrastructure: Config) -> Iterator[Config]:
    """A second stack, beside the one that other tests use."""
    with disposable_stack("lifecycle", port_offset=200) as config:
        stack.up(config, infrastructure_only=True)
        yield config


def pids(config: Config) -> dict[str, int]:
    found = {name: Process(config.data, name).running() for name in SERVERS}
    return {name: running.pid for name, running in found.items() if running is not None}


async def write(config: Config, text: str) -> None:
    """One row, one document and one record."""
    connection = await asyncpg.connect(service_environment(config, "pricing")["PRICING_POSTGRES_DSN"])
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (text text)")
    await connection.execute("INSERT INTO kept VALUES ($1)", text)
    await connection.close()
    client = AsyncIOMotorClient(service_environment(config, "stations")["STATIONS_MONGO_URL"])
    await client["stations"]["kept"].insert_one({"text": text})
    client.close()
    async with AIOKafkaProducer(**kafka_credentials(config, "stations"), acks="all") as producer:
        await producer.send_and_wait(TOPIC, text.encode(), key=b"station")


async def read(config: Config) -> tuple[list[str], list[str], list[str]]:
    """All rows, documents and records that `write` left."""
    connection = await asyncpg.connect(service_environment(config, "pricing")["PRICING_POSTGRES_DSN"])
    rows = [row["text"] for row in await connection.fetch("SELECT text FROM kept ORDER BY text")]
    await connection.close()
    client = AsyncIOMotorClient(service_environment(config, "stations")["STATIONS_MONGO_URL"])
    documents = [found["text"] async for found in client["stations"]["kept"].find().sort("text")]
    client.close()
    settings = {"auto_offset_reset": "earliest", "group_id": None, "consumer_timeout_ms": 2000}
    records: list[str] = []
    async with AIOKafkaConsumer(TOPIC, **kafka_credentials(config, "pricing"), **settings) as consumer:
        while len(records) < len(rows):
            batch = await consumer.getmany(timeout_ms=5000)
            assert batch, "the records are gone"
            records += [(record.value or b"").decode() for found in batch.values() for record in found]
    return rows, documents, records


def test_two_stacks_run_side_by_side(infrastructure: Config, lifecycle: Config) -> None:
    for config in (infrastructure, lifecycle):
        assert [part.state for part in status(config)[:3]] == ["ready"] * 3
    assert not set(pids(infrastructure).values()) & set(pids(lifecycle).values())


def test_second_up_starts_nothing(lifecycle: Config) -> None:
    before = pids(lifecycle)
    assert stack.up(lifecycle, infrastructure_only=True) == []
    assert pids(lifecycle) == before


async def test_killed_servers_come_back_with_their_data(lifecycle: Config) -> None:
    await write(lifecycle, "before the kill")
    before = pids(lifecycle)
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not pids(lifecycle), 10)
    assert [part.state for part in status(lifecycle)[:3]] == ["dead"] * 3
    assert sorted(stack.up(lifecycle, infrastructure_only=True)) == sorted(SERVERS)
    assert not set(before.values()) & set(pids(lifecycle).values())
    assert await read(lifecycle) == (["before the kill"],) * 3


async def test_stack_moves_to_other_ports_with_its_data(lifecycle: Config) -> None:
    expected = await read(lifecycle)
    moved = replace(lifecycle, port=lifecycle.port + 20)
    stack.up(moved, infrastructure_only=True)
    assert await read(moved) == expected
    await write(moved, "moved")


def test_down_leaves_no_process_and_keeps_the_data(lifecycle: Config) -> None:
    stack.up(lifecycle, infrastructure_only=True)
    leaders = [psutil.Process(pid) for pid in pids(lifecycle).values()]
    tree = [process for leader in leaders for process in (leader, *leader.children(recursive=True))]
    assert sorted(stack.down(lifecycle)) == sorted(SERVERS)
    assert [process for process in tree if process.is_running()] == []
    assert (lifecycle.data / "secrets.json").exists()
    assert stack.down(lifecycle) == []
