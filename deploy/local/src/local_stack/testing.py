"""Stacks for tests: made from nothing, alone, and gone afterwards. Each worker has its own."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local_stack import stack
from local_stack.config import REPOSITORY, Config, StackError
from local_stack.locks import holder, locked

FOLDER = REPOSITORY / ".forecourt-test"
PORT = 18080
PORTS_OF_A_WORKER = 300
"""More than any offset that a test's stack has."""
RUNNING: list[Config] = []
"""The stacks that this test session uses now, the oldest first."""


@contextmanager
def disposable_stack(name: str, port_offset: int) -> Iterator[Config]:
    """An empty stack that nobody else uses; whatever the caller starts in it is stopped and deleted at the end.

    FORECOURT_DATA and FORECOURT_PORT move the tests' stacks: the folder becomes `<FORECOURT_DATA>/<name>`, so that
    a stack with real data is never wiped, and the port `FORECOURT_PORT + port_offset`. The first worker has what a
    session without workers has; those after it have folders with their number, and ports above.
    """
    config = place_of(name, port_offset, os.environ)
    session = config.data.with_name(f"{config.data.name}.lock")
    if (other := holder(session)) is not None:
        raise StackError(f"test session {other} uses {config.data}: set FORECOURT_DATA and FORECOURT_PORT to others")
    with locked(session, lambda: None):
        _remove(config)  # what a killed session left
        RUNNING.append(config)
        try:
            yield config
        finally:
            RUNNING.remove(config)
            _remove(config)


def place_of(name: str, port_offset: int, environment: Mapping[str, str]) -> Config:
    """Where the worker's stack of this name lives."""
    worker = int(environment.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    folder = Path(environment.get("FORECOURT_DATA") or FOLDER).absolute()
    base = int(environment.get("FORECOURT_PORT") or PORT) + worker * PORTS_OF_A_WORKER
    return Config(folder / (f"{name}-{worker}" if worker else name), base + port_offset)


def _remove(config: Config) -> None:
    stack.down(config)
    if config.data.exists():
        stack.wipe(config)
