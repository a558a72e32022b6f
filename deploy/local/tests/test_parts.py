"""Starting one part: what runs well is left alone, what does not is started again."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_stack import parts
from local_stack.config import Config, StackError
from local_stack.processes import Command, Process, wait_until

SERVER = "import sys; from http.server import *; HTTPServer(('127.0.0.1', int(sys.argv[1])), SimpleHTTPRequestHandler)"


class Listener:
    """A part that is ready once it listens."""

    name = "listener"
    timeout_seconds = 10.0

    def __init__(self, port: int, code: str = f"{SERVER}.serve_forever()", setting: str = "1") -> None:
        self.ports = (port,)
        self._command = Command(self.name, (sys.executable, "-c", code, str(port)), {"SETTING": setting})

    def command(self) -> Command:
        return self._command

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.ports[0])) == 0


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    yield Config(tmp_path, 9000)
    Process(tmp_path, "listener").stop()


def start(config: Config, part: parts.Part) -> tuple[str | None, int, str]:
    """What `start` answered, the pid that runs now, and what was told meanwhile."""
    told: list[str] = []
    started = parts.start(config, part, lambda _, step: told.append(step))
    running = Process(config.data, part.name).running()
    assert running is not None
    return started, running.pid, " ".join(told)


def test_running_part_is_left_alone(config: Config, port: int) -> None:
    started, pid, _ = start(config, Listener(port))
    again, same_pid, told = start(config, Listener(port))
    assert started == "listener"
    assert (again, same_pid, told) == (None, pid, "runs already")


def test_part_with_stale_settings_is_started_again(config: Config, port: int) -> None:
    _, pid, _ = start(config, Listener(port))
    started, new_pid, told = start(config, Listener(port, setting="2"))
    assert started == "listener"
    assert new_pid != pid
    assert "has changed" in told


def test_dead_part_is_started_again(config: Config, port: int) -> None:
    _, pid, _ = start(config, Listener(port))
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: Process(config.data, "listener").running() is None, 10)
    _, new_pid, _ = start(config, Listener(port))
    assert new_pid != pid


def test_part_that_dies_shows_the_end_of_its_log(config: Config, port: int) -> None:
    with pytest.raises(StackError, match=r"ended as it started(.|\n)*listener\.log(.|\n)*no such luck"):
        start(config, Listener(port, code="raise SystemExit('no such luck')"))


def test_taken_port_names_the_process_and_the_way_out(config: Config, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(StackError, match=rf"port {port} .*pid {os.getpid()}.*FORECOURT_PORT"):
            start(config, Listener(port))
        assert Process(config.data, "listener").running() is None
