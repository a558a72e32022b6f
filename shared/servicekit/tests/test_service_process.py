"""A service as a process of its own: traces and logs go through it whole, and it drains when told to stop."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import TopicPartition
from pydantic import SecretStr

from servicekit.ids import new_id
from servicekit.kafka import make_consumer
from servicekit.testkit import eventually

from .conftest import TOPIC, PostgresBackend

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
STOP_SECONDS = 20


@dataclass
class TinyService:
    """The running process."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient
    log: Path
    traces: Path

    async def stop(self) -> None:
        """SIGTERM; uvicorn drains and then ends by the signal that it was sent."""
        self.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(self.process.wait(), STOP_SECONDS) == -signal.SIGTERM


def environment(backend: PostgresBackend, port: int, traces: Path) -> dict[str, str]:
    """The variables of the service; its secrets travel in them as in production."""
    fields = {name: getattr(backend.settings, name) for name in type(backend.settings).model_fields}
    given: dict[str, Any] = fields | {"port": port, "traces_file": traces}
    plain = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else str(value) for name, value in given.items()
    }
    tests = str(Path(__file__).parent)
    return os.environ | {"PYTHONPATH": tests} | {f"TINY_{name.upper()}": value for name, value in plain.items()}


async def skip_what_is_there(backend: PostgresBackend) -> None:
    """The service's group begins at the end of its topic: what other tests left there would share its first batch."""
    client = make_consumer(backend.settings, TOPIC, group=f"{backend.settings.service}.main")
    await client.start()
    try:

        async def assigned() -> set[TopicPartition]:
            return client.assignment()

        await client.commit(await client.end_offsets(await eventually(assigned)))
    finally:
        await client.stop()


@pytest.fixture
async def tiny(postgres: PostgresBackend, tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[TinyService]:
    traces, log = tmp_path / "traces.jsonl", tmp_path / "log.jsonl"
    await skip_what_is_there(postgres)
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "servicekit.serve", "tiny_service:create_app", stdout=out, stderr=out,
            env=environment(postgres, unused_tcp_port, traces),
        )  # fmt: skip
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{unused_tcp_port}") as client:

        async def is_ready() -> bool:
            assert process.returncode is None, log.read_text()
            try:
                return (await client.get("/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(is_ready, 30)
        yield TinyService(process, client, log, traces)
    if process.returncode is None:
        process.kill()
        await process.wait()


async def test_one_trace_goes_from_the_request_through_kafka_to_the_consumer(
    tiny: TinyService, postgres: PostgresBackend
):
    station_id = str(new_id())
    reply = await tiny.client.put(f"/v1/stations/{station_id}/pump", headers={"traceparent": TRACEPARENT})
    assert reply.status_code == 200, reply.text
    async with postgres.connect() as store:

        async def consumed() -> bool:
            return station_id in await postgres.notes(store)

        await eventually(consumed, 20)
    labels = f'service="{postgres.settings.service}",topic="stations.pumps"'

    async def counted() -> bool:
        """The consumer may have the message before the relay has heard that Kafka took it."""
        return f"forecourt_outbox_published_total{{{labels}}} 1.0" in (await tiny.client.get("/metrics")).text

    await eventually(counted)
    await tiny.stop()
    spans = [json.loads(line) for line in tiny.traces.read_text().splitlines()]
    ours = {span["name"]: span for span in spans if span["trace_id"] == TRACE_ID}
    assert {"PUT /v1/stations/{station_id}/pump", "consume"} <= ours.keys()
    logged = [json.loads(line) for line in tiny.log.read_text().splitlines()]
    [line] = [one for one in logged if one["message"] == "consumed" and one["station"] == station_id]
    assert (line["trace_id"], line["service"]) == (TRACE_ID, postgres.settings.service)
    assert logged[0]["settings"]["kafka_password"] == "**********"
    assert_no_secret(tiny, postgres)


def assert_no_secret(tiny: TinyService, postgres: PostgresBackend) -> None:
    """Neither log nor traces name what must not be known."""
    text = tiny.log.read_text() + tiny.traces.read_text()
    assert postgres.settings.kafka_password.get_secret_value() not in text
    assert postgres.settings.postgres_dsn.get_secret_value() not in text
