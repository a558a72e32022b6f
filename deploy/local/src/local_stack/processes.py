"""Processes that outlive the command that starts them, each known by a file that a reused pid cannot fool."""

import contextlib
import hashlib
import json
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from local_stack.config import StackError

LOG_LIMIT_BYTES = 8 * 1024 * 1024
LOG_LINE_BYTES = 4096
"""A generous length of one line, to know how far back its last lines begin."""

STOP_TIMEOUT_SECONDS = 15.0
ORPHAN_TIMEOUT_SECONDS = 2.0
POLL_SECONDS = 0.03

_children: dict[int, subprocess.Popen[bytes]] = {}
"""What this very process started: it must reap them, or they would stay as zombies."""


@dataclass(frozen=True)
class Command:
    """How to start one process. Secrets belong in `environment`, never in `argv`, which everyone can see."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    stamp: str = ""
    """Anything else whose change asks for a restart, such as the content of a file of settings."""

    def fingerprint(self) -> str:
        """Changes when a running process should be restarted to match this command."""
        text = json.dumps([self.argv, sorted(self.environment.items()), self.user, self.stamp])
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Running:
    """A live process of the stack, as its file describes it."""

    pid: int
    identity: str
    fingerprint: str
    stop_signal: int
    started_at: float


class Process:
    """The one process of a name in a data folder: start it, find it, stop it, read its log."""

    def __init__(self, data: Path, name: str) -> None:
        self.name = name
        self.log_file = data / "logs" / f"{name}.log"
        self._file = data / "run" / f"{name}.json"

    def running(self) -> Running | None:
        """The process if it is alive and really ours."""
        try:
            running = Running(**json.loads(self._file.read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):  # TypeError: written by another version
            return None
        return running if identity(running.pid) == running.identity else None

    def start(self, command: Command) -> None:
        """Start it in its own session, so that neither a closed terminal nor Ctrl-C reaches it."""
        for folder in (self.log_file.parent, self._file.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._rotate_log()
        with self.log_file.open("ab") as log:
            child = _spawn(command, log.fileno())
        _children[child.pid] = child
        running = Running(
            child.pid, identity(child.pid) or "", command.fingerprint(), int(command.stop_signal), time.time()
        )
        self._file.write_text(json.dumps(asdict(running)))

    def stop(self, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> None:
        """Ask it to end, wait, then kill what is left of it and its children."""
        running = self.running()
        if running is not None:
            _stop_tree(running.pid, running.stop_signal, timeout_seconds)
        self._file.unlink(missing_ok=True)

    def log_tail(self, lines: int = 15) -> str:
        """The last lines it wrote."""
        with self.log_file.open("rb") as log:
            log.seek(max(0, self.log_file.stat().st_size - lines * LOG_LINE_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def _rotate_log(self) -> None:
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_LIMIT_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))


def names(data: Path) -> list[str]:
    """Every process that the data folder knows of, alive or dead."""
    return sorted(file.stem for file in (data / "run").glob("*.json"))


def identity(pid: int) -> str | None:
    """Boot and start time of a live process, which a later process of the same pid cannot share; else None."""
    if (child := _children.get(pid)) is not None and child.poll() is not None:
        del _children[pid]
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{fields[18]}"


def wait_until(condition: Callable[[], bool], timeout_seconds: float) -> bool:
    """Whether the condition held before the deadline."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def minimal_environment() -> dict[str, str]:
    """What a child gets of the caller's environment: enough to run, no surprise and no secret of the caller's."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(Path.home()), "LANG": "C.UTF-8"}


def _spawn(command: Command, log: int) -> subprocess.Popen[bytes]:
    account = pwd.getpwnam(command.user) if command.user else None
    try:
        return subprocess.Popen(  # noqa: S603 -- the command is ours, no shell is involved
            command.argv,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
    except OSError as error:
        raise StackError(
            f"{command.name} does not start: {error}; `./forecourt doctor` tells what is missing"
        ) from error


def _stop_tree(pid: int, stop_signal: int, timeout_seconds: float) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        leader = psutil.Process(pid)
        children = leader.children(recursive=True)
        leader.send_signal(stop_signal)
        _, stubborn = psutil.wait_procs([leader], timeout=timeout_seconds)
        _, orphans = psutil.wait_procs(children, timeout=ORPHAN_TIMEOUT_SECONDS)
        alive = stubborn + orphans
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=timeout_seconds)
    if (child := _children.pop(pid, None)) is not None:
        child.wait(timeout_seconds)
