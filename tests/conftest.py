"""Fixtures for tests of the whole platform."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from local_stack.config import Config
from local_stack.testing import disposable_stack
from servicekit.testkit import SharedService

UP_TIMEOUT_SECONDS = 180
LAST = "test_security_41_canaries.py"
"""Searches what all other tests have left behind."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The search for canaries comes last."""
    items.sort(key=lambda item: item.path.name == LAST)


@pytest.fixture(scope="session", autouse=True)
async def alone() -> None:
    """None of the services that tests before shared goes on."""
    await SharedService.stop_all()


@pytest.fixture(scope="session")
def platform() -> Iterator[Config]:
    """All servers and services, brought up as a person does it: by the command, in a process of its own."""
    with disposable_stack("platform", port_offset=100) as config:
        subprocess.run(
            [sys.executable, "-m", "forecourt", "up"],
            env=os.environ | config.environment(),
            check=True,
            timeout=UP_TIMEOUT_SECONDS,
        )
        yield config
