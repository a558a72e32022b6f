"""What tests of the whole platform share: a client of the gateway, people who sign in, and the count of the matrix."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from local_stack.config import Config

from .people import People

CELLS = pytest.StashKey[int]()
"""How many questions of the security matrix were asked."""


@pytest.fixture(scope="module")
async def http(platform: Config) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the gateway."""
    async with aiohttp.ClientSession(platform.gateway_url) as session:
        yield session


@pytest.fixture(scope="module")
def people(platform: Config, http: aiohttp.ClientSession) -> People:
    """Whoever a test needs."""
    return People(platform, http)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says how much of the matrix was tried."""
    if cells := config.stash.get(CELLS, 0):
        terminalreporter.write_line(f"security matrix: {cells:,} cells")
