"""A stack is found through the environment only."""

from pathlib import Path

import pytest

from local_stack.config import REPOSITORY, Config, StackError


def test_defaults_lie_in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORECOURT_DATA", raising=False)
    monkeypatch.delenv("FORECOURT_PORT", raising=False)
    config = Config.from_environment()
    assert config.data == REPOSITORY / ".forecourt"
    assert config.gateway_url == "http://127.0.0.1:8080"


def test_environment_moves_data_and_every_port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORECOURT_DATA", str(tmp_path))
    monkeypatch.setenv("FORECOURT_PORT", "9000")
    config = Config.from_environment()
    assert config == Config(tmp_path, 9000)
    assert (config.kafka_port, config.kafka_controller_port) == (9010, 9011)
    assert (config.postgres_port, config.mongo_port) == (9012, 9013)
    assert config.environment() == {"FORECOURT_DATA": str(tmp_path), "FORECOURT_PORT": "9000"}


@pytest.mark.parametrize("port", ["x", "80", "65530", "-1", "9000.5", "٩٠٠٠"])
def test_senseless_port_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("FORECOURT_PORT", port)
    with pytest.raises(StackError, match="FORECOURT_PORT"):
        Config.from_environment()
