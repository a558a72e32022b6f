"""Fixtures for every test: real servers, started only when a test asks for them."""

from collections.abc import AsyncIterator, Iterator

import pytest

from local_stack import stack
from local_stack.config import Config
from local_stack.environment import kafka_credentials
from local_stack.testing import RUNNING, disposable_stack
from servicekit import app
from servicekit.testkit import Issuer, KafkaProbe, running_issuer

LOG_LINE = '{"time": '


@pytest.fixture(scope="session", autouse=True)
def impatience() -> Iterator[None]:
    """Ends services sooner: one that ran for a moment waits for its consumer group, which the one before has left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "CANCEL_AGAIN_SECONDS", 1.0)
        yield


@pytest.fixture(scope="session")
def infrastructure() -> Iterator[Config]:
    """Kafka, Postgres and MongoDB, provisioned and empty, for the whole session."""
    with disposable_stack("service", port_offset=0) as config:
        stack.up(config, infrastructure_only=True)
        yield config


@pytest.fixture(scope="session")
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer of tokens in the place of identity."""
    async with running_issuer() as running:
        yield running


@pytest.fixture(scope="session")
def kafka(infrastructure: Config) -> KafkaProbe:
    """A look into every topic."""
    return KafkaProbe(kafka_credentials(infrastructure, "admin"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What services in this process logged goes where a stack's other services log: one search then finds it all."""
    if not RUNNING:
        return
    lines = [line for line in report.capstdout.splitlines(keepends=True) if line.startswith(LOG_LINE)]
    folder = RUNNING[0].data / "logs"
    if lines and folder.exists():
        with (folder / "in-process.log").open("a", encoding="utf-8") as log:
            log.writelines(lines)
