"""The parts of a stack: how one server or service is made to run and to answer."""

import hashlib
import http.client
import time
from collections.abc import Callable
from typing import Protocol

from local_stack.config import Config, StackError
from local_stack.environment import service_command
from local_stack.kafka import Kafka
from local_stack.mongo import Mongo
from local_stack.ports import owner
from local_stack.postgres import Postgres
from local_stack.processes import POLL_SECONDS, Command, Process, wait_until
from local_stack.secrets import Secrets
from local_stack.services import SERVICES, Service

Report = Callable[[str, str], None]
"""Told the part and what it does now."""

RUNNING_PART_TIMEOUT_SECONDS = 5.0
_REMAINS = ("is still in use", 'lock file "postmaster.pid" already exists')
"""Postgres's words for what is left of a killed server for a moment: its children, or itself not yet buried."""


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

    timeout_seconds = 60.0

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


def servers(config: Config, secrets: Secrets) -> list[Server]:
    """The three servers."""
    return [Kafka(config, secrets), Postgres(config, secrets), Mongo(config, secrets)]


def ports(config: Config) -> dict[str, tuple[int, ...]]:
    """The ports of every part by its name, in the order of a listing."""
    of_servers = {
        Kafka.name: (config.kafka_port, config.kafka_controller_port),
        Postgres.name: (config.postgres_port,),
        Mongo.name: (config.mongo_port,),
    }
    return of_servers | {service.name: (service.port(config),) for service in SERVICES}


def start_server(config: Config, server: Server, report: Report) -> str | None:
    """Install, start and provision a server; its name if it had to be started."""
    server.prepare(lambda step: report(server.name, step))
    started = start(config, server, report)
    if applied_once(config, server.name, server.desired(), server.provision):
        report(server.name, "is provisioned")
    return started


def applied_once(config: Config, name: str, desired: str, apply: Callable[[], None]) -> bool:
    """Apply a desired state unless this very state was applied to the data folder before; whether it was needed."""
    file = config.data / "applied" / name
    digest = hashlib.sha256(desired.encode()).hexdigest()
    if file.exists() and file.read_text() == digest:
        return False
    apply()
    file.parent.mkdir(exist_ok=True)
    file.write_text(digest)
    return True


def start(config: Config, part: Part, report: Report) -> str | None:
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
    """Wait until the part answers, and start it again while the remains of a killed Postgres are in its way."""
    deadline = time.monotonic() + part.timeout_seconds
    while time.monotonic() < deadline:
        if not process.running():
            if not any(words in process.log_tail() for words in _REMAINS):
                raise _failure(process, "ended as it started")
            process.start(command)
        elif part.answers():
            return
        time.sleep(POLL_SECONDS)
    raise _failure(process, f"is not ready after {part.timeout_seconds:.0f} s")


def _failure(process: Process, state: str) -> StackError:
    return StackError(f"{process.name} {state}. The end of its log, {process.log_file}:\n{process.log_tail()}")


def _require_free(part: Part) -> None:
    for port in part.ports:
        if (process := owner(port)) is not None:
            raise StackError(
                f"port {port} of {part.name} is taken by {process}: end it, or set FORECOURT_PORT to move the stack"
            )
