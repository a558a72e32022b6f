"""The feed under test and small files for it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# pytest's importlib mode calls this file feeds.tests.conftest and makes an empty package `feeds` of the folder for it,
# which would hide the real one.
if getattr(sys.modules.get("feeds"), "__file__", None) is None:
    sys.modules.pop("feeds", None)

from feeds import FEEDS
from feeds.base import Feed


@pytest.fixture
def feed() -> Feed:
    return FEEDS["tankerkoenig"]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a header and lines into a file and give its path."""

    def write_lines(header: tuple[str, ...], *lines: str) -> Path:
        path = tmp_path / "table.csv"
        path.write_text("\n".join((",".join(header), *lines)) + "\n", encoding="utf-8")
        return path

    return write_lines
