"""Bring a whole stack up and take it down; every step finds what is already right and leaves it alone."""

import hashlib
import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

from local_stack import processes, secrets
from local_stack.config import Config, StackError
from local_stack.environment import migration_command, service_command
from local_stack.kafka import Kafka
from local_stack.locks import locked
from local_stack.mongo import Mongo
from local_stack.ports import owner
from local_stack.postgres import Postgres
from local_stack.processes import Command, Process, wait_until
from local_stack.services import SERVICES, Service

Report = Callable[[str, str], None]
"""Told the part and what it does now."""

SERVERS = (Kafka.name, Postgres.name, Mongo.name)
RUNNING_PART_TIMEOUT_SECONDS = 5.0
MIGRATION_TIMEOUT_SECONDS = 120.0
_ORPHANS = "is still in use"
"""Postgres's word for children of a killed server that have not ended yet."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Part(Protocol):
    """Something that `up` starts: a server or a service."""

    name: str
    timeout_seconds: float

    @property
    def ports(self) -> tuple[int, ...]:
        """What must be free before it starts."""
        ...

    def command(self) -> Command:
        """How to start it."""
        ...

    def answers(self) -> bool:
        """Whether it is ready."""
        ...


class Server(Part, Protocol):
    """A part with a data folder to make and a state to provision."""

    def prepare(self, report: Callable[[str], None]) -> None:
        """Install it and make its data folder."""
        ...

    def desired(self) -> str:
        """The state that `provision` makes, as text."""
        ...

    def provision(self) -> None:
        """Make users, topics, databases."""
        ...


class ServicePart:
    """A Forecourt service as a part of the stack."""

    timeout_seconds = 30.0

    def __init__(self, config: Config, service: Service) -> None:
        self.name = service.name
        self.ports = (service.port(config),)
        self._config = config
        self._service = service

    def command(self) -> Command:
        """How to start the service."""
        return service_command(self._config, self._service)

    def answers(self) -> bool:
        """Whether `/readyz` says 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=3)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def up(
    config: Config, report: Report = lambda part, step: None, *, infrastructure_only: bool = False,
    services: Iterable[Service] = SERVICES,
) -> list[str]:  # fmt: skip
    """Start whatever does not run, in order, and wait until all is ready.

    Returns the parts it started. StackError when a part cannot start.
    """
    begun = time.monotonic()
    _make_data_folder(config)
    with _stack_lock(config, report):
        known = secrets.load_or_create(config)
        cold = not (config.data / "last-up.json").exists()
        servers = (Kafka(config, known), Postgres(config, known), Mongo(config, known))
        started = _each(servers, lambda server: _start_server(config, server, report))
        if not infrastructure_only:
            services = list(services)
            _each(services, lambda service: migrate(config, service, report))
            started += _each(services, lambda service: _start(config, ServicePart(config, service), report))
        names = [name for name in started if name]
        _record(config, names, time.monotonic() - begun, cold=cold)
    return names


def down(config: Config, report: Report = lambda part, step: None) -> list[str]:
    """Stop every process of the stack, services first; the data stays. Returns the parts that ran."""
    if not config.data.exists():
        return []
    with _stack_lock(config, report):
        known = processes.names(config.data)
        running = [name for name in known if Process(config.data, name).running()]
        for group in ([name for name in known if name not in SERVERS], [name for name in known if name in SERVERS]):
            _each(group, lambda name: _stop(config, name, report))
    return running


def last_up(config: Config) -> dict[str, object] | None:
    """What the last `up` that started something took: `seconds`, `cold`, `started`."""
    file = config.data / "last-up.json"
    return json.loads(file.read_text()) if file.exists() else None


def _start_server(config: Config, server: Server, report: Report) -> str | None:
    server.prepare(lambda step: report(server.name, step))
    started = _start(config, server, report)
    applied = config.data / "provisioned" / server.name
    digest = hashlib.sha256(server.desired().encode()).hexdigest()
    if not applied.exists() or applied.read_text() != digest:
        server.provision()
        applied.parent.mkdir(exist_ok=True)
        applied.write_text(digest)
        report(server.name, "is provisioned")
    return started


def _start(config: Config, part: Part, report: Report) -> str | None:
    """Make the part run as its command says; its name if that took a start."""
    process, command, begun = Process(config.data, part.name), part.command(), time.monotonic()
    if (running := process.running()) is not None:
        current = running.fingerprint == command.fingerprint()
        if current and wait_until(part.answers, RUNNING_PART_TIMEOUT_SECONDS):
            report(part.name, "runs already")
            return None
        report(part.name, "does not answer: starts again" if current else "has changed: starts again")
        process.stop()
    _require_free(part)
    report(part.name, "starts")
    process.start(command)
    _wait_until_ready(part, process, command)
    report(part.name, f"is ready after {time.monotonic() - begun:.1f} s")
    return part.name


def _wait_until_ready(part: Part, process: Process, command: Command) -> None:
    deadline = time.monotonic() + part.timeout_seconds
    while not wait_until(lambda: not process.running() or part.answers(), max(0.0, deadline - time.monotonic())) or (
        not process.running()
    ):
        log = process.log_tail()
        if process.running() or time.monotonic() > deadline or _ORPHANS not in log:
            state = "is not ready in time" if process.running() else "ended as it started"
            raise StackError(f"{part.name} {state}. The end of its log, {process.log_file}:\n{log}")
        process.start(command)


def _require_free(part: Part) -> None:
    for port in part.ports:
        if (process := owner(port)) is not None:
            raise StackError(
                f"port {port} of {part.name} is taken by {process}: end it, or set FORECOURT_PORT to move the stack"
            )


def migrate(config: Config, service: Service, report: Report) -> None:
    """Bring one service's schema up to date; the servers must run. StackError with the command's own words."""
    if not (service.path / "migrations").is_dir():
        return
    command = migration_command(config, service)
    result = subprocess.run(  # noqa: S603 -- the command is ours, no shell is involved
        command.argv, env=dict(command.environment), capture_output=True, text=True, check=False,
        timeout=MIGRATION_TIMEOUT_SECONDS,
    )  # fmt: skip
    if result.returncode != 0:
        raise StackError(f"the migrations of {service.name} fail:\n{(result.stderr or result.stdout).strip()}")
    report(service.name, "has its schema up to date")


def wipe(config: Config) -> None:
    """Delete the data folder of a stack that is down."""
    shutil.rmtree(config.data)


def _stop(config: Config, name: str, report: Report) -> None:
    process = Process(config.data, name)
    was_running = process.running() is not None
    process.stop()
    if was_running:
        report(name, "has stopped")


def _each(items: Iterable[Item], work: Callable[[Item], Result]) -> list[Result]:
    """Do the work for all at once; when some fail, the first error is raised after all have ended."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(work, items))


def _make_data_folder(config: Config) -> None:
    try:
        for folder in (config.data, config.data / "traces", config.cache):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"cannot make {error.filename}: {error.strerror}; set FORECOURT_DATA to another folder"
        ) from None


def _stack_lock(config: Config, report: Report):
    return locked(config.data / "up.lock", lambda: report("stack", "waits for another `up` or `down` to end"))


def _record(config: Config, started: list[str], seconds: float, *, cold: bool) -> None:
    if started:
        text = json.dumps({"seconds": round(seconds, 2), "cold": cold, "started": started})
        Path(config.data / "last-up.json").write_text(text)
