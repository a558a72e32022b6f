"""`forecourt analyst`: made, listed, given another password, and gone; and topics as analysts find them."""

import json
from collections.abc import Callable, Iterator

import pytest
import typer
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient  # pyright: ignore[reportPrivateImportUsage] -- it has no __all__

from forecourt import analyst, topics
from local_stack import analysts, secrets
from local_stack.config import Config, StackError
from local_stack.environment import service_environment
from local_stack.kafka import Kafka
from servicekit.migrations import migrate

from .conftest import Result, Run

NAME = "test-grace"


@pytest.fixture
async def run(config: Config, commands: Callable[[typer.Typer], Run]) -> Run:
    await migrate("analytics", service_environment(config, "analytics"))
    return commands(analyst.app)


@pytest.fixture(autouse=True)
def _leaves_no_analyst(infrastructure: Config) -> Iterator[None]:
    yield
    admin = Kafka(infrastructure, secrets.load(infrastructure)).admin()
    analysts.lock_out(admin, NAME)
    analysts.discard(admin, NAME)


def shown(result: Result) -> dict:
    assert result.code == 0, result.err
    return json.loads(result.out)


def logs_in(settings: dict) -> bool:
    try:
        return bool(AdminClient(settings | {"log_level": 0}).list_topics(timeout=1))
    except KafkaException:
        return False


def listed(run: Run) -> list[tuple[str, str]]:
    return [(one["name"], one["state"]) for one in json.loads(run("list", "--json").out)]


def test_from_create_to_remove(run: Run) -> None:
    access = shown(run("create", NAME, "--json"))
    assert access["username"] == f"analyst-{NAME}"
    assert access["group_prefix"] == f"analyst-{NAME}."
    assert "pricing.prices" in access["topics"]
    assert "payments.orders" not in access["topics"]
    assert access["copies"]["payments.orders"] == f"analyst-{NAME}.payments.orders"
    assert logs_in(access["settings"])
    with pytest.raises(StackError, match="rotate"):
        run("create", NAME)
    rotated = shown(run("rotate", NAME, "--json"))
    assert logs_in(rotated["settings"])
    assert not logs_in(access["settings"])
    assert run("remove", NAME).code == 0
    with pytest.raises(StackError, match="there is no analyst"):
        run("rotate", NAME)


def test_what_was_interrupted_is_seen_and_finished(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> str:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(analysts, "give_password", die)
        with pytest.raises(SystemExit):
            run("create", NAME)
    assert listed(run) == [(NAME, "unfinished")]
    assert f"sasl.username=analyst-{NAME}" in run("create", NAME).out
    with monkeypatch.context() as patched:
        patched.setattr(analyst, "answer", die)
        with pytest.raises(SystemExit):
            run("remove", NAME)
    assert run("remove", NAME).code == 0
    assert listed(run) == []


def test_topics_are_told_whole_and_one_by_one(commands: Callable[[typer.Typer], Run]) -> None:
    app = typer.Typer()
    app.command()(topics.topics)
    run = commands(app)
    everything = json.loads(run("--json").out)
    assert {"pricing.prices", "analytics.station-hours"} <= {one["topic"] for one in everything}
    orders = json.loads(run("payments.orders", "--json").out)
    assert orders["personal_data"] == ["driver_id"]
    assert orders["analysts"] == {"read": "as a copy", "why_not": None}
    assert orders["sample"]["value"]["order_id"]
    assert "authorization" not in json.loads(run("pricing.reports", "--json").out)["sample"]["headers"]
    assert "access tokens" in run("pricing.reports").out
    with pytest.raises(StackError, match=r"choose one of .*payments\.orders"):
        run("payments.odors")
