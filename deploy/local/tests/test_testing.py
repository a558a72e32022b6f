"""Where the tests' own stacks are: no two workers meet."""

from pathlib import Path

from local_stack.config import LAST_OFFSET, Config
from local_stack.testing import PORT, PORTS_OF_A_WORKER, place_of

HERE = {"FORECOURT_DATA": "/data", "FORECOURT_PORT": "20000"}


def test_the_first_worker_has_what_a_session_without_workers_has():
    alone = place_of("service", 100, HERE)
    assert (
        alone == place_of("service", 100, HERE | {"PYTEST_XDIST_WORKER": "gw0"}) == Config(Path("/data/service"), 20100)
    )
    assert place_of("service", 0, {}).port == PORT


def test_another_worker_has_a_folder_and_ports_of_its_own():
    second = place_of("service", 100, HERE | {"PYTEST_XDIST_WORKER": "gw1"})
    assert second == Config(Path("/data/service-1"), 20100 + PORTS_OF_A_WORKER)


def test_a_worker_has_more_ports_than_its_stacks_take():
    """The highest is what test_lifecycle.py moves its stack to."""
    assert 200 + 20 + LAST_OFFSET < PORTS_OF_A_WORKER
