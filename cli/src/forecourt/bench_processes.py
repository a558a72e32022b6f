"""Processes that live only for one benchmark: a gateway of our own, its peers, and what they have behind them."""

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from local_stack import mongo
from local_stack.config import Config, StackError
from local_stack.environment import service_environment
from local_stack.ports import free_port
from local_stack.processes import Process
from local_stack.secrets import load

START_SECONDS = 30.0
STOP_SECONDS = 15.0
LOOK_SECONDS = 0.02
NO_LIMIT = '{"per_second": 1000000, "burst": 1000000}'


class Started:
    """A running process with all its children."""

    def __init__(self, process: psutil.Popen, port: int) -> None:
        self._process = process
        self.port = port

    def cpu_seconds(self) -> float:
        """User and system time of it and its children so far."""
        times = [one.cpu_times() for one in (self._process, *self._process.children(recursive=True))]
        return sum(one.user + one.system for one in times)

    def resident_bytes(self) -> int:
        """Memory of the process itself."""
        return self._process.memory_info().rss


@asynccontextmanager
async def started(
    name: str, argv: Sequence[str], port: int, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Started]:
    """The process, once its port answers; it has ended afterwards. StackError, with its last words, if it does not."""
    with tempfile.TemporaryFile() as output:
        process = psutil.Popen(argv, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            if not await _answers(process, port):
                output.seek(0)
                raise StackError(f"{name} did not start: {output.read()[-500:].decode(errors='replace').strip()}")
            yield Started(process, port)
        finally:
            await asyncio.to_thread(_stop, process)


async def _answers(process: Any, port: int) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(LOOK_SECONDS)
        else:
            writer.close()
            return True
    return False


def _stop(process: Any) -> None:
    """Ends the process and what it started."""
    family = [*process.children(recursive=True), process] if process.poll() is None else []
    if family:
        process.terminate()
    _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
    for one in alive:
        one.kill()
    process.wait()


@asynccontextmanager
async def own_gateway(config: Config, folder: Path, **settings: Any) -> AsyncIterator[Started]:
    """A gateway like the platform's, on the same Kafka and keys, with these settings and no rate limit in the way.

    Its limits are on: each request is counted. Its traces go to the folder.
    """
    port = free_port()
    changed = {
        "port": port, "traces_file": folder / "gateway.jsonl", "rate_reads": NO_LIMIT, **settings,
    }  # fmt: skip
    environment = service_environment(config, "gateway")
    environment |= {f"GATEWAY_{name.upper()}": str(value) for name, value in changed.items()}
    argv = (sys.executable, "-m", "servicekit.serve", "gateway.main:create_app")
    async with started("the gateway", argv, port, environment) as gateway:
        yield gateway


def mongo_root_url(config: Config) -> str:
    """How an administrator reaches the platform's MongoDB: benchmarks have databases of their own there."""
    password = load(config)[f"mongo.{mongo.ROOT}"]
    place = f"127.0.0.1:{config.mongo_port}"
    return f"mongodb://{mongo.ROOT}:{password}@{place}/?replicaSet={mongo.REPLICA_SET}&authSource=admin"


def running_part(config: Config, name: str) -> psutil.Process:
    """A part of the platform that runs; StackError where it does not."""
    running = Process(config.data, name).running()
    if running is None:
        raise StackError(f"{name} does not run: `./forecourt up` starts it")
    return psutil.Process(running.pid)


def family_seconds(process: psutil.Process) -> float:
    """CPU seconds of a process and all its children, those that have ended too."""
    times = process.cpu_times()
    ended = times.children_user + times.children_system
    return ended + sum(map(process_seconds, (process, *process.children(recursive=True))))


def process_seconds(process: psutil.Process) -> float:
    """CPU seconds of a process alone."""
    times = process.cpu_times()
    return times.user + times.system


def allow_open_files(wanted: int) -> None:
    """Raises this process's limit of open files, and that of what it starts. StackError where the system forbids it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError) as error:
        advice = f"run `ulimit -Hn {wanted}` as root, then this again"
        raise StackError(f"{wanted:,} open files are needed and {hard:,} allowed: {advice}") from error
