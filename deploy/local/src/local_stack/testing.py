"""Stacks for tests: made from nothing, alone, and gone afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_stack import stack
from local_stack.config import REPOSITORY, Config, StackError
from local_stack.locks import holder, locked

FOLDER = REPOSITORY / ".forecourt-test"
PORT = 18080
RUNNING: list[Config] = []
"""The stacks that this test session uses now, the oldest first."""


@contextmanager
def disposable_stack(name: str, port_offset: int) -> Iterator[Config]:
    """An empty stack that nobody else uses; whatever the caller starts in it is stopped and deleted at the end.

    FORECOURT_DATA and FORECOURT_PORT move the tests' stacks: the folder becomes `<FORECOURT_DATA>/<name>`, so that
    a stack with real data is never wiped, and the port `FORECOURT_PORT + port_offset`.
    """
    folder = Path(os.environ.get("FORECOURT_DATA") or FOLDER).absolute()
    config = Config(folder / name, int(os.environ.get("FORECOURT_PORT") or PORT) + port_offset)
    session = folder / f"{name}.lock"
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


def _remove(config: Config) -> None:
    stack.down(config)
    if config.data.exists():
        stack.wipe(config)
