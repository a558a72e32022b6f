"""Fixtures for tests of the whole platform."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from local_stack.canaries import expect_none
from local_stack.config import Config
from local_stack.testing import disposable_stack

UP_TIMEOUT_SECONDS = 180


@pytest.fixture(scope="package")
def platform() -> Iterator[Config]:
    """All servers and services, brought up as a person does it: by the command, in a process of its own.

    No test leaves a canary there.
    """
    with disposable_stack("platform", port_offset=100) as config:
        subprocess.run(
            [sys.executable, "-m", "forecourt", "up"],
            env=os.environ | config.environment(),
            check=True,
            timeout=UP_TIMEOUT_SECONDS,
        )
        yield config
        expect_none(config)
