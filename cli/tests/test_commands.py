"""The commands as a person runs them: what they print, how they fail, what they exit with."""

import json
import os
import shlex
import socket
import subprocess
from pathlib import Path

import pytest
import typer
from aiokafka import AIOKafkaProducer
from typer._click import Context
from typer.core import TyperGroup
from typer.testing import CliRunner

from feeds import FEEDS
from forecourt.main import COMMANDS, LazyGroup, app
from local_stack.config import REPOSITORY, Config
from local_stack.environment import kafka_credentials
from schemas.catalogue import STATION_SYSTEMS, TOPICS
from servicekit.testkit import KafkaProbe

TIMEOUT_SECONDS = 60


def forecourt(*arguments: str, data: Path, port: int | str) -> subprocess.CompletedProcess[str]:
    """Run the launcher as it is, from another folder."""
    environment = os.environ | {"FORECOURT_DATA": str(data), "FORECOURT_PORT": str(port), "COLUMNS": "200"}
    command = [REPOSITORY / "forecourt", *arguments]
    return subprocess.run(  # noqa: S603 -- our own launcher
        command, env=environment, capture_output=True, text=True, cwd="/", timeout=TIMEOUT_SECONDS, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "port", "words"),
    [
        (["tail", "no.such.topic"], "18999", "choose one of stations.stations"),
        (["tail", "pricing.prices"], "18999", "./forecourt up"),
        (["logs", "pricing"], "18999", "./forecourt up"),
        (["migrate", "nothing"], "18999", "choose one of identity"),
        (["replay", "--feed", "narnia", "--file", "x"], "18999", "choose one of tankerkoenig, france"),
        (["replay", "--feed", "italy", "--prices", "x"], "18999", "italy needs --stations and --prices"),
        (["replay", "--feed", "france"], "18999", "france needs --file"),
        (["replay", "--feed", "france", "--file", "x", "--speed", "60"], "18999", "leave out --speed"),
        (["feeds", "sample", "--feed", "narnia", "--out", "x"], "18999", "choose one of tankerkoenig, france"),
        (["feeds", "sample", "--feed", "italy", "--out", "/dev/null"], "18999", "choose another --out"),
        (["up"], "http", "FORECOURT_PORT"),
    ],
)
def test_expected_error_is_one_line_with_the_remedy(
    tmp_path: Path, arguments: list[str], port: str, words: str
) -> None:
    result = forecourt(*arguments, data=tmp_path, port=port)
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr


def test_every_command_explains_itself_with_an_example() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, LazyGroup)
    paths = [[name] for name in COMMANDS]
    for name in COMMANDS:
        inner = group.get_command(Context(group), name)
        if isinstance(inner, TyperGroup):
            paths.remove([name])
            paths += [[name, command] for command in inner.commands]
    helps = {" ".join(path): CliRunner().invoke(app, [*path, "--help"]) for path in paths}
    assert [path for path, result in helps.items() if result.exit_code or "Example:" not in result.stdout] == []


def test_topics_shows_the_whole_catalogue(tmp_path: Path) -> None:
    shown = forecourt("topics", data=tmp_path, port=18999).stdout
    assert [topic.name for topic in TOPICS if topic.name not in shown] == []


def test_feeds_lists_every_feed(tmp_path: Path) -> None:
    listed = json.loads(forecourt("feeds", "--json", data=tmp_path, port=18999).stdout)
    assert [feed["name"] for feed in listed] == list(FEEDS)
    assert all(feed["licence"] and feed["shape"] and feed["country"] for feed in listed)
    shown = forecourt("feeds", data=tmp_path, port=18999).stdout
    assert [name for name in FEEDS if name not in shown] == []


def test_a_sample_comes_with_the_command_that_replays_it(tmp_path: Path) -> None:
    out = tmp_path / "a folder"
    result = forecourt("feeds", "sample", "--feed", "nsw", "--out", str(out), data=tmp_path, port=18999)
    commands = [shlex.split(line) for line in result.stdout.splitlines()]
    assert [command[:4] for command in commands] == [["./forecourt", "replay", "--feed", "nsw"]] * 2
    assert all(Path(path).is_file() for command in commands for path in command[5::2])
    [first, _] = json.loads(
        forecourt("feeds", "sample", "--feed", "nsw", "--out", str(out), "--json", data=tmp_path, port=18999).stdout
    )
    assert shlex.split(first["replay"]) == commands[0]
    assert first["holds"]["changes"] > 600


def test_down_without_a_stack_is_no_error(tmp_path: Path) -> None:
    result = forecourt("down", data=tmp_path / "none", port=18999)
    assert (result.returncode, result.stdout) == (0, "nothing was running\n")


def test_wipe_asks_first(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    assert forecourt("down", "--wipe", data=tmp_path, port=18999).returncode == 1
    assert (tmp_path / "kept").exists()
    assert forecourt("down", "--wipe", "--yes", data=tmp_path, port=18999).returncode == 0
    assert not tmp_path.exists()


def test_doctor_names_the_process_on_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = forecourt("doctor", "--json", data=tmp_path, port=port)
    assert result.returncode == 1
    (finding,) = [found for found in json.loads(result.stdout) if found["check"] == "gateway"]
    assert not finding["well"]
    assert f"port {port} is taken by" in finding["found"]
    assert f"pid {os.getpid()}" in finding["found"]
    assert "FORECOURT_PORT" in finding["remedy"]


def test_status_of_a_running_stack(infrastructure: Config) -> None:
    result = forecourt("status", "--json", data=infrastructure.data, port=infrastructure.port)
    status = json.loads(result.stdout)
    servers = {part["name"]: part for part in status["parts"][:3]}
    assert {name: part["state"] for name, part in servers.items()} == dict.fromkeys(
        ("kafka", "postgres", "mongo"), "ready"
    )
    assert status["resident_mib"] == pytest.approx(sum(part["resident_mib"] for part in servers.values()), abs=0.2)


async def test_tail_shows_events_of_a_topic(infrastructure: Config) -> None:
    async with AIOKafkaProducer(**kafka_credentials(infrastructure, "stations"), acks="all") as producer:
        event = {"station_id": "s-1", "status": "free", "extra": "x"}
        headers = [("ce_type", b"forecourt.stations.PumpStatusChanged.v1")]
        await producer.send_and_wait("stations.pumps", json.dumps(event).encode(), key=b"s-1", headers=headers)
    data, port = infrastructure.data, infrastructure.port
    count = str(len(await KafkaProbe(kafka_credentials(infrastructure, "admin")).read("stations.pumps")))
    text = forecourt("tail", "stations.pumps", "--from-beginning", "-n", count, data=data, port=port)
    assert "stations.PumpStatusChanged.v1  s-1  status=free" in text.stdout
    lines = forecourt("tail", "stations.pumps", "--from-beginning", "-n", count, "--json", data=data, port=port)
    assert event in [json.loads(line)["value"] for line in lines.stdout.splitlines()]


async def test_tail_hides_the_tokens_of_raw_reports(infrastructure: Config) -> None:
    async with AIOKafkaProducer(**kafka_credentials(infrastructure, STATION_SYSTEMS), acks="all") as producer:
        headers = [("authorization", b"Bearer very-secret")]
        for value in (b"{}", b"not json \xff"):
            await producer.send_and_wait("pricing.reports", value, key=b"s-1", headers=headers, partition=0)
    data, port = infrastructure.data, infrastructure.port
    for form in ([], ["--json"]):
        result = forecourt("tail", "pricing.reports", "--from-beginning", "-n", "2", *form, data=data, port=port)
        assert result.returncode == 0
        assert len(result.stdout.splitlines()) == 2
        assert "very-secret" not in result.stdout + result.stderr
