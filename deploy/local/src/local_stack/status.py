"""What runs in a stack, seen from outside."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypedDict

import psutil

from local_stack import parts, secrets
from local_stack.config import Config
from local_stack.parts import Part, ServicePart
from local_stack.processes import Process, names
from local_stack.services import SERVICES

State = Literal["ready", "not ready", "dead", "stopped"]
"""`dead`: it was started and has ended without being told to."""

MIB = 1024 * 1024


class LastUp(TypedDict):
    """What the last `up` that started something did; `cold` when it made the data folder."""

    seconds: float
    cold: bool
    started: list[str]


@dataclass(frozen=True)
class PartStatus:
    """One part: `started_at` in seconds since the epoch; memory shared by its processes counts once."""

    name: str
    state: State
    ports: tuple[int, ...]
    pid: int | None = None
    resident_mib: float | None = None
    started_at: float | None = None


def status(config: Config) -> list[PartStatus]:
    """Every part of the stack, servers first."""
    known = names(config.data)
    running = _parts(config) if known else {}
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(
            pool.map(
                lambda item: _status(config, item[0], item[1], running.get(item[0]), item[0] in known),
                parts.ports(config).items(),
            )
        )


def last_up(config: Config) -> LastUp | None:
    """What the last `up` took; None when there was none."""
    file = config.data / "last-up.json"
    return json.loads(file.read_text()) if file.exists() else None


def _parts(config: Config) -> dict[str, Part]:
    services = [ServicePart(config, service) for service in SERVICES]
    return {part.name: part for part in (*parts.servers(config, secrets.load(config)), *services)}


def _status(config: Config, name: str, ports: tuple[int, ...], part: Part | None, known: bool) -> PartStatus:
    process = Process(config.data, name).running()
    if process is None or part is None:
        return PartStatus(name, "dead" if known else "stopped", ports)
    state = "ready" if part.answers() else "not ready"
    return PartStatus(name, state, ports, process.pid, _resident_mib(process.pid), process.started_at)


def _resident_mib(pid: int) -> float | None:
    """Proportional set size of the process and its children, so that shared memory is not counted twice."""
    try:
        leader = psutil.Process(pid)
        sizes = [_size_bytes(process) for process in (leader, *leader.children(recursive=True))]
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return round(sum(sizes) / MIB, 1)


def _size_bytes(process: psutil.Process) -> int:
    """Postgres's processes come and go with connections; one that has just gone holds nothing."""
    try:
        return process.memory_full_info().pss
    except psutil.NoSuchProcess:
        return 0
