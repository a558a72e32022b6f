"""A process is known for certain, ends for certain, and its log stays small."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local_stack import processes
from local_stack.config import StackError
from local_stack.processes import Command, Process, wait_until

SLEEPER = "import time; print('begun', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); {SLEEPER}"


def python(code: str, **environment: str) -> Command:
    return Command("sleeper", (sys.executable, "-c", code), environment)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path, "sleeper")
    yield process
    process.stop()


def start(process: Process, code: str) -> int:
    process.start(python(code))
    assert wait_until(lambda: "begun" in process.log_tail(), 10)
    running = process.running()
    assert running is not None
    return running.pid


def test_started_process_is_found_and_stopped(process: Process) -> None:
    pid = start(process, SLEEPER)
    assert os.getsid(pid) == pid, "it has a session of its own, so Ctrl-C does not reach it"
    process.stop()
    assert process.running() is None
    assert not psutil.pid_exists(pid)


def test_process_that_ignores_the_signal_is_killed(process: Process) -> None:
    pid = start(process, STUBBORN)
    process.stop(timeout_seconds=0.2)
    assert not psutil.pid_exists(pid)


def test_children_end_with_it(process: Process) -> None:
    pid = start(process, PARENT)
    assert wait_until(lambda: len(psutil.Process(pid).children()) == 1, 10)
    child = psutil.Process(pid).children()[0]
    process.stop()
    assert not child.is_running()


def test_killed_process_is_dead_though_nobody_waited_for_it(process: Process) -> None:
    pid = start(process, SLEEPER)
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: process.running() is None, 10)


def test_reused_pid_is_not_mistaken(process: Process, tmp_path: Path) -> None:
    """The file names the pid of a stranger, as after a reboot: it is neither ours nor ours to stop."""
    start(process, SLEEPER)
    process.stop()
    with psutil.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.DEVNULL) as stranger:
        try:
            fields = {"identity": "an earlier boot:1", "fingerprint": "", "stop_signal": 15, "started_at": 0.0}
            file = tmp_path / "run/sleeper.json"
            file.write_text(json.dumps({"pid": stranger.pid, **fields}))
            assert process.running() is None
            process.stop()
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_fingerprint_follows_environment_and_stamp() -> None:
    base = python(SLEEPER, A="1")
    assert base.fingerprint() == python(SLEEPER, A="1").fingerprint()
    assert base.fingerprint() != python(SLEEPER, A="2").fingerprint()
    stamped = Command("sleeper", base.argv, base.environment, stamp="new code")
    assert base.fingerprint() != stamped.fingerprint()


def test_large_log_is_set_aside_at_the_next_start(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOG_LIMIT_BYTES", 3)
    start(process, SLEEPER)
    process.stop()
    start(process, SLEEPER)
    assert process.log_file.read_text() == "begun\n"
    assert process.log_file.with_suffix(".log.1").read_text() == "begun\n"


def test_missing_program_is_an_error_that_names_the_part(process: Process) -> None:
    with pytest.raises(StackError, match="sleeper does not start"):
        process.start(Command("sleeper", ("/nowhere/program",), {}))
