"""Fixtures for every test: real servers, started only when a test asks for them."""

from collections.abc import Iterator

import pytest

from local_stack import stack
from local_stack.config import Config
from local_stack.testing import disposable_stack


@pytest.fixture(scope="session")
def infrastructure() -> Iterator[Config]:
    """Kafka, Postgres and MongoDB, provisioned and empty, for the whole session."""
    with disposable_stack("service", port_offset=0) as config:
        stack.up(config, infrastructure_only=True)
        yield config
