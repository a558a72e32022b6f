"""A lock that only one process of the machine holds, released by the kernel even when its holder is killed."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from local_stack.config import StackError
from local_stack.processes import wait_until

LOCK_TIMEOUT_SECONDS = 300.0


@contextmanager
def locked(file: Path, waiting: Callable[[], None], timeout_seconds: float = LOCK_TIMEOUT_SECONDS) -> Iterator[None]:
    """Hold the lock; call `waiting` once if another process has it; StackError when it keeps it too long."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as handle:
        if not _taken(handle):
            waiting()
            if not wait_until(lambda: _taken(handle), timeout_seconds):
                raise StackError(
                    f"another process has held {file} for {timeout_seconds:.0f} s: find it with `fuser {file}`"
                )
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def holder(file: Path) -> int | None:
    """The process that holds the lock now."""
    if not file.exists():
        return None
    with file.open("r") as handle:
        return None if _taken(handle) else int(handle.read() or 0) or None


def _taken(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
