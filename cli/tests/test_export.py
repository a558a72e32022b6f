"""`forecourt export`: what lies on a topic, once each, in typed files that other programs open, and nobody's id."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer

from forecourt import export, export_files
from forecourt.export_files import DayFiles
from forecourt.export_types import arrow_type, happened_at, row_of, schema_of
from local_stack.config import StackError
from schemas.base import rfc3339
from schemas.catalogue import CATALOGUE, NOT_FOR_ANALYSTS
from schemas.contracts import name_of
from schemas.events import CampaignPublishedV1, DiscountPercentage, OrderPaidV1, OrderRefundedV1
from schemas.examples import EXAMPLES
from servicekit.ids import new_id
from servicekit.testkit import KafkaProbe

from .conftest import Run

PAIRS = {type(full): (full, minimal) for full, minimal in EXAMPLES}
EXPORTED = [entry.event for entry in CATALOGUE if entry.topic not in NOT_FOR_ANALYSTS]
PUBLISHED_AT = datetime(2026, 4, 30, 23, 59, 59, 123456, tzinfo=UTC)
ENVELOPE = {"event_id": "id", "published_at": PUBLISHED_AT, "partition": 3, "offset": 2**40}
PAID, REFUNDED = "payments.OrderPaid.v1", "payments.OrderRefunded.v1"


@pytest.mark.parametrize("event", EXPORTED, ids=name_of)
def test_what_a_row_says_a_file_says(event: type, tmp_path: Path) -> None:
    rows = [row_of(one, ENVELOPE) for one in PAIRS[event]]
    files = DayFiles(tmp_path, "parquet")
    for row in rows:
        files.add("event", schema_of(event), date(2026, 4, 30), row)
    files.close()
    table = pq.ParquetFile(tmp_path / "event" / "day=2026-04-30" / "part-0.parquet").read()
    assert table.schema == schema_of(event)
    assert [without_nothing(row) for row in table.to_pylist()] == [without_nothing(row) for row in rows]


def without_nothing(value: Any) -> Any:
    """Without nulls: a struct of several models has each of their fields."""
    if isinstance(value, dict):
        return {name: without_nothing(one) for name, one in value.items() if one is not None}
    return [without_nothing(one) for one in value] if isinstance(value, list) else value


def test_columns_have_the_types_of_their_fields() -> None:
    columns = {field.name: str(field.type) for field in schema_of(OrderPaidV1)}
    assert columns["paid_minor"] == columns["version"] == "int64"
    assert columns["order_id"] == columns["fuel"] == columns["vehicle_id"] == "string"
    assert columns["occurred_at"] == columns["published_at"] == "timestamp[us, tz=UTC]"
    assert columns["breakdown"].startswith("list<item: struct<kind: string")
    published = PAIRS[CampaignPublishedV1][0].model_copy(update={"discount": DiscountPercentage(basis_points=250)})
    assert row_of(published, {})["discount"] == {"kind": "percentage", "basis_points": 250}
    with pytest.raises(TypeError, match="no column type"):
        arrow_type(complex)
    with pytest.raises(TypeError, match="no one column type"):
        arrow_type(int | str)


def test_the_day_is_that_of_what_happened() -> None:
    paid = PAIRS[OrderPaidV1][0].model_copy(update={"occurred_at": datetime.fromisoformat("2026-05-01T01:00:00+02:00")})
    assert happened_at(paid, PUBLISHED_AT).isoformat() == "2026-04-30T23:00:00+00:00"


@pytest.mark.parametrize("ending", export_files.FORMATS)
def test_many_days_fit_into_little_memory_and_few_files(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_files, "ROWS_IN_MEMORY", 7)
    monkeypatch.setattr(export_files, "FILES_OPEN", 2)
    schema = pa.schema([pa.field("number", pa.int64()), pa.field("text", pa.string())])
    files = DayFiles(tmp_path, ending)
    for number in range(100):
        row = {"number": number, "text": "=1+1\n" if number == 50 else "a, b"}
        files.add(f"event-{number % 2}", schema, date(2026, 4, 1) + timedelta(days=number % 5), row)
        assert len(files._open) <= 2
    files.close()
    query = {
        "parquet": "SELECT number, text FROM read_parquet(?) ORDER BY number",
        "csv": "SELECT number, text FROM read_csv(?) ORDER BY number",
        "jsonl": "SELECT number, text FROM read_json(?) ORDER BY number",
    }[ending]
    found = duckdb.execute(query, [f"{tmp_path}/*/*/*.{ending}"]).fetchall()
    assert [number for number, _ in found] == list(range(100))
    assert found[50][1] == ("'=1+1\n" if ending == "csv" else "=1+1\n")
    assert len(list(tmp_path.glob("*/*"))) == 10
    assert len(list(tmp_path.glob(f"*/*/*.{ending}"))) > 10, "a day that came again has another part"


def test_the_newest_ids_are_remembered() -> None:
    seen = export.Seen(least=3)
    ids = [("source", str(number)) for number in range(100)]
    for number, one in enumerate(ids):
        assert seen.first(one)
        assert not any(seen.first(known) for known in ids[max(0, number - 2) : number + 1])
    assert seen.first(ids[0]), "and the oldest are forgotten"


@pytest.fixture
def run(commands: Callable[[typer.Typer], Run]) -> Run:
    app = typer.Typer()
    app.command()(export.export)
    return commands(app)


def files_in(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def publish_orders(kafka: KafkaProbe) -> tuple[UUID, str]:
    """Two paid orders of a driver at a new station and a refund, one of them twice, and two records that are none."""
    station, driver = new_id(), str(new_id())
    paid, refunded = PAIRS[OrderPaidV1][0], PAIRS[OrderRefundedV1][0]
    own = {"station_id": station, "driver_id": driver}
    await kafka.publish(paid.model_copy(update=own | {"order_id": new_id(), "paid_minor": 10_000}))
    await kafka.publish(refunded.model_copy(update=own | {"order_id": new_id(), "amount_minor": 3_000}))
    again = paid.model_copy(update=own | {"order_id": new_id(), "paid_minor": 500})
    headers = [("ce_id", str(new_id()).encode()), ("ce_source", b"urn:forecourt:payments"),
               ("ce_type", OrderPaidV1.type().encode())]  # fmt: skip
    for _ in range(2):
        await kafka.send("payments.orders", again.to_json(), key=again.key().encode(), headers=headers)
    await kafka.send("payments.orders", b"{", headers=[("ce_type", OrderPaidV1.type().encode())])
    await kafka.send("payments.orders", b"{}", headers=[("ce_type", b"forecourt.payments.OrderDreamt.v9")])
    return station, driver


async def test_an_export_has_each_event_once_and_nobody_in_it(run: Run, kafka: KafkaProbe, tmp_path: Path) -> None:
    begun = rfc3339(datetime.now(UTC))
    station, driver = await publish_orders(kafka)
    manifest = json.loads(run("payments.orders", "--from", begun, "--out", str(tmp_path), "--json").out)
    assert manifest["rows"] == 3
    assert manifest["events"][PAID] == {"rows": 2, "days": {"2026-04-30": 2}}
    assert manifest["left_out"] == {
        "repeated": 1, "malformed": 1, "unknown_types": {"forecourt.payments.OrderDreamt.v9": 1}
    }  # fmt: skip
    folder = tmp_path / "payments.orders"
    assert json.loads((folder / "manifest.json").read_text()) == {k: v for k, v in manifest.items() if k != "folder"}
    [(orders, paid, drivers)] = duckdb.execute(
        "SELECT count(*), sum(paid_minor), count(DISTINCT driver_id) FROM read_parquet(?) "
        "WHERE station_id = ? AND day = '2026-04-30'", [f"{folder}/{PAID}/*/*.parquet", str(station)],
    ).fetchall()  # fmt: skip
    assert (orders, paid, drivers) == (2, 10_500, 1)
    drivers = duckdb.execute("SELECT driver_id FROM read_parquet(?)", [f"{folder}/*/*/*.parquet"]).fetchall()
    assert len(set(drivers)) == 1, "the same driver has one name in all files of an export"
    assert driver.encode() not in b"".join(file.read_bytes() for file in files_in(folder))
    again = tmp_path / "again"
    run("payments.orders", "--from", begun, "--out", str(again), "--json")
    assert len(ids_in(folder) | ids_in(again / "payments.orders")) == 2 * 2 * 3, "two exports share no id of an act"
    assert {file.relative_to(tmp_path).parts[0] for file in files_in(tmp_path)} == {"payments.orders", "again"}


def ids_in(folder: Path) -> set[str]:
    """Of orders and events, of which there are as many; their places on the topic are left out."""
    query = 'SELECT order_id, event_id, "partition", "offset" FROM read_parquet(?)'
    rows = duckdb.execute(query, [f"{folder}/*/*/*.parquet"]).fetchall()
    assert {row[2:] for row in rows} == {(None, None)}
    assert all(UUID(one).version == 4 for row in rows for one in row[:2])
    return {one for row in rows for one in row[:2]}


async def test_moments_bound_it_and_what_is_there_stays(run: Run, kafka: KafkaProbe, tmp_path: Path) -> None:
    await publish_orders(kafka)
    after = rfc3339(datetime.now(UTC) + timedelta(milliseconds=1))
    arguments = ("payments.orders", "--out", str(tmp_path), "--format", "jsonl", "--json")
    assert json.loads(run(*arguments, "--from", after).out)["rows"] == 0
    with pytest.raises(StackError, match="--replace"):
        run(*arguments)
    whole = json.loads(run(*arguments, "--to", after, "--replace").out)
    assert whole["rows"] >= 3
    files = [file for file in files_in(tmp_path) if file.suffix == ".jsonl"]
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert len(lines) == whole["rows"]
    assert all(len(line["driver_id"]) == 32 for line in lines)


@pytest.mark.parametrize("dies_at", ["rename", "rmtree"])
def test_who_dies_while_an_export_takes_the_place_of_another_loses_neither(
    dies_at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, rename = tmp_path / "a.topic", Path.rename

    def write(what: str) -> None:
        with export._folder_of_its_own(tmp_path, "a.topic", replace=True) as folder:
            (folder / "manifest.json").write_text(what)

    def die(*_: Any, **__: Any) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    def rename_or_die(one: Path, to: Path) -> Any:
        return rename(one, to) if one == place else die()

    write("old")
    monkeypatch.setattr(*((Path, "rename", rename_or_die) if dies_at == "rename" else (export.shutil, "rmtree", die)))
    with pytest.raises(KeyboardInterrupt):
        write("new")
    assert (place / "manifest.json").read_text() == ("old" if dies_at == "rename" else "new")
    write("newest")
    assert (place / "manifest.json").read_text() == "newest"


def test_what_goes_wrong_is_said_and_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = ("--out", str(tmp_path))
    for topic in NOT_FOR_ANALYSTS:
        with pytest.raises(StackError, match="not for analysts"):
            run(topic, *out)
    with pytest.raises(StackError, match="choose one of"):
        run("payments.odors", *out)
    with pytest.raises(StackError, match="--from is 'yesterday'"):
        run("pricing.prices", *out, "--from", "yesterday")
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="cannot write"):
        run("pricing.prices", "--out", str(tmp_path / "file"))
    monkeypatch.setattr(export.Exporter, "finish", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("pricing.prices", *out)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
