"""Bring a whole stack up and take it down; every step finds what is already right and leaves it alone."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from local_stack import keyrings, parts, processes, secrets
from local_stack.config import Config, StackError
from local_stack.environment import migration_command
from local_stack.kafka import Kafka
from local_stack.locks import holder, locked
from local_stack.mongo import Mongo
from local_stack.parts import Report, ServicePart
from local_stack.postgres import Postgres
from local_stack.processes import Process
from local_stack.services import SERVICES, Service

SERVERS = (Kafka.name, Postgres.name, Mongo.name)
MIGRATION_TIMEOUT_SECONDS = 120.0

Item = TypeVar("Item")
Result = TypeVar("Result")


def _silent(part: str, step: str) -> None:
    """Report to nobody."""


def up(config: Config, report: Report = _silent, *, infrastructure_only: bool = False) -> list[str]:
    """Start whatever does not run, in order, and wait until all is ready.

    Returns the parts it started. StackError when a part cannot start.
    """
    begun = time.monotonic()
    _make_data_folder(config)
    with stack_lock(config, report):
        known = secrets.load_or_create(config)
        keyrings.ensure(config, known)
        cold = not (config.data / "last-up.json").exists()
        started = _each(parts.servers(config, known), lambda server: parts.start_server(config, server, report))
        if not infrastructure_only:
            started += _each(SERVICES, lambda service: _start_service(config, service, report))
        names = [name for name in started if name]
        _record(config, names, time.monotonic() - begun, cold=cold)
    return names


def down(config: Config, report: Report = _silent) -> list[str]:
    """Stop every process of the stack, services first; the data stays. Returns the parts that ran."""
    if not config.data.exists():
        return []
    with stack_lock(config, report):
        known = processes.names(config.data)
        running = [name for name in known if Process(config.data, name).running()]
        for group in ([name for name in known if name not in SERVERS], [name for name in known if name in SERVERS]):
            _each(group, lambda name: _stop(config, name, report))
    return running


def lock_holder(config: Config) -> int | None:
    """The process that is in the middle of an `up` or `down`."""
    return holder(config.data / "up.lock")


def migrate(config: Config, service: Service) -> None:
    """Bring one service's schema up to date; the servers must run. StackError with the command's own words."""
    command = migration_command(config, service)
    result = subprocess.run(  # noqa: S603 -- the command is ours, no shell is involved
        command.argv, env=dict(command.environment), capture_output=True, text=True, check=False,
        timeout=MIGRATION_TIMEOUT_SECONDS,
    )  # fmt: skip
    if result.returncode != 0:
        raise StackError(f"the migrations of {service.name} fail:\n{(result.stderr or result.stdout).strip()}")


def _start_service(config: Config, service: Service, report: Report) -> str | None:
    """Migrations take a process each, so they are skipped when no file that has a say has changed."""
    state = service.migrations_state()
    if state and parts.applied_once(config, service.name, state, lambda: migrate(config, service)):
        report(service.name, "has its schema up to date")
    return parts.start(config, ServicePart(config, service), report)


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
    """Others may pass through, since Postgres is another user when we are root, but read nothing inside."""
    try:
        config.cache.mkdir(parents=True, exist_ok=True)
        config.data.mkdir(parents=True, exist_ok=True, mode=0o711)
        (config.data / "traces").mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        reason = f"cannot make {error.filename}: {error.strerror}"
        raise StackError(f"{reason}; set FORECOURT_DATA to another folder") from None


def stack_lock(config: Config, report: Report) -> AbstractContextManager[None]:
    """Around what no `up` or `down` may come between, nor another of its kind."""
    return locked(config.data / "up.lock", lambda: report("stack", "waits for another `up` or `down` to end"))


def _record(config: Config, started: list[str], seconds: float, *, cold: bool) -> None:
    if started:
        text = json.dumps({"seconds": round(seconds, 2), "cold": cold, "started": started})
        Path(config.data / "last-up.json").write_text(text)
