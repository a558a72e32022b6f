"""Fixtures for every test: real servers, started only when a test asks for them. And how workers share the tests."""

from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from xdist.scheduler import LoadScopeScheduling

from local_stack import stack
from local_stack.canaries import expect_none
from local_stack.config import Config
from local_stack.environment import kafka_credentials
from local_stack.testing import RUNNING, disposable_stack
from servicekit import app
from servicekit.testkit import Issuer, KafkaProbe, SharedService, running_issuer

LOG_LINE = '{"time": '
LONGEST_FIRST = (
    "tests/e2e", "services/payments/tests", "services/identity/tests", "services/loyalty/tests", "tests/chaos",
)  # fmt: skip
"""What workers begin with, so that none is left alone with it at the end; all else comes as it always does.

So whatever a worker has is in the same order each time. Tests of contracts write odd records: they are among the last.
"""
_log: list[str] = []
"""What services in this process logged, until there is a stack to take it."""


@pytest.fixture(scope="session", autouse=True)
def impatience() -> Iterator[None]:
    """Ends services sooner: one that ran for a moment waits for its consumer group, which the one before has left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "CANCEL_AGAIN_SECONDS", 1.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_traces() -> None:
    """Keeps the spans of this process nowhere.

    The first service would write those of all into its file, and of the simulators, which are asked with secrets. Only
    the processes of a whole stack keep them apart: there they are searched for canaries.
    """
    trace.set_tracer_provider(TracerProvider())


@pytest.fixture(scope="module", autouse=True)
async def alone(request: pytest.FixtureRequest) -> None:
    """No service goes on that tests of another folder shared: it would take the records that these wait for."""
    await SharedService.enter(request.path.parent)


@pytest.fixture(scope="session")
def infrastructure() -> Iterator[Config]:
    """Kafka, Postgres and MongoDB, provisioned and empty, for the whole session; no test leaves a canary there."""
    with disposable_stack("service", port_offset=0) as config:
        stack.up(config, infrastructure_only=True)
        yield config
        expect_none(config)


@pytest.fixture(scope="session")
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer of tokens in the place of identity."""
    async with running_issuer() as running:
        yield running


@pytest.fixture(scope="session")
def kafka(infrastructure: Config) -> KafkaProbe:
    """A look into every topic."""
    return KafkaProbe(kafka_credentials(infrastructure, "admin"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What services in this process logged goes where a stack's other services log: one search then finds it all."""
    report = yield
    if report.when == "teardown":
        _log.extend(line for line in report.capstdout.splitlines(keepends=True) if line.startswith(LOG_LINE))
        _write_log()
    return report


def _write_log() -> None:
    if RUNNING and _log and (folder := RUNNING[0].data / "logs").exists():
        with (folder / "in-process.log").open("a", encoding="utf-8") as log:
            log.writelines(_log)
        _log.clear()


class ByFolder(LoadScopeScheduling):
    """Gives each worker whole folders: their tests share services that take long to start."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """The folder of a test's file; of those that take longest by themselves a part."""
    file = nodeid.partition("::")[0]
    return file if file in LONGEST_FIRST else str(Path(file).parent)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolder:
    """Used where `-n` asks for workers."""
    config.option.loadscopereorder = False  # by the number of tests, which says little of how long they take
    return ByFolder(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts first for workers what takes longest."""
    if hasattr(config, "workerinput"):
        place = {name: number for number, name in enumerate(LONGEST_FIRST)}
        items.sort(key=lambda item: place.get(group(item.nodeid), len(place)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what tests recorded for it, whichever worker ran them: `lines` as they are, and the sum of `cells`."""
    reports = [one for every in terminalreporter.stats.values() for one in every if isinstance(one, pytest.TestReport)]
    recorded = [one for report in reports if report.when == "teardown" for one in report.user_properties]
    for text in (str(value) for name, value in recorded if name == "lines"):
        terminalreporter.write_line(text)
    if cells := sum(int(str(value)) for name, value in recorded if name == "cells"):
        terminalreporter.write_line(f"security matrix: {cells:,} cells")
