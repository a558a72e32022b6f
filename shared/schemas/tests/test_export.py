"""The generated files are what the models say, and tell both sides of each contract."""

import shutil
from pathlib import Path

import pytest

from schemas import export
from schemas.catalogue import CATALOGUE, TOPICS, Entry, topic_of
from schemas.contracts import contract, name_of
from schemas.examples import golden_records

ENTRIES = pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: name_of(entry.event))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the folder of the schemas, without the code."""
    return Path(shutil.copytree(export.FOLDER, tmp_path / "schemas", ignore=shutil.ignore_patterns("src", "tests")))


def test_the_committed_files_are_what_the_models_say():
    assert export.differences() == []


@pytest.mark.parametrize(
    "name", ["json/pricing.PriceChanged.v1.json", "examples/pricing.PriceChanged.v1.json", "asyncapi.json", "README.md"]
)
def test_a_difference_names_the_file_and_the_command(folder: Path, name: str):
    path = folder / name
    path.write_text(path.read_text().replace("pricing.PriceChanged.v1", "pricing.PriceChanged.v9"))
    assert export.differences(folder) == [f"schemas/{name} is not what the models say: run `make schemas`"]
    export.write(folder)
    assert export.differences(folder) == []


def test_a_missing_file_and_one_too_many_are_differences(folder: Path):
    (folder / "json" / "pricing.PriceChanged.v1.json").rename(folder / "json" / "pricing.Gone.v1.json")
    missing, left_over = export.differences(folder)
    assert "json/pricing.PriceChanged.v1.json is not" in missing
    assert "json/pricing.Gone.v1.json belongs to no event" in left_over
    export.write(folder)
    assert not (folder / "json" / "pricing.Gone.v1.json").exists()


def test_writing_twice_gives_the_same_bytes(folder: Path):
    export.write(folder)
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    export.write(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first


@ENTRIES
def test_one_schema_tells_producers_and_consumers(entry: Entry):
    """`required` without those that have a default is what a consumer needs; with them, what a producer writes."""
    document = contract(entry)
    needed = [name for name in document["required"] if "default" not in document["properties"][name]]
    assert needed == entry.event.model_json_schema(mode="validation").get("required", [])
    assert document["required"] == list(entry.event.model_fields)


@ENTRIES
def test_moments_are_marked_as_such_for_producers_too(entry: Entry):
    properties = contract(entry)["properties"]
    moments = {name for name in properties if name.endswith("_at")}
    assert moments
    for name in moments:
        said = properties[name].get("anyOf", [properties[name]])  # one that may be absent is a moment or null
        assert said[0]["format"] == "date-time"


@ENTRIES
def test_the_full_example_has_every_field_and_the_minimal_one_no_optional_field(entry: Entry):
    records = golden_records()[entry.event]
    assert None not in records["full"]["value"].values()
    minimal = records["minimal"]["value"]
    optional = [name for name, field in entry.event.model_fields.items() if not field.is_required()]
    assert all(minimal[name] is None for name in optional)


def test_golden_ids_are_all_different():
    ids = [record["headers"]["ce_id"] for records in golden_records().values() for record in records.values()]
    assert len(set(ids)) == len(ids) == 2 * len(CATALOGUE)


@ENTRIES
def test_the_table_has_a_row_for_the_event(entry: Entry):
    row = next(line for line in export.catalogue_table().splitlines() if name_of(entry.event) in line)
    topic = topic_of(entry.event)
    assert all(word in row for word in (topic.name, topic.key, topic.producer, entry.owner, *topic.consumers))


def test_every_topic_carries_an_event_of_its_owner():
    for topic in TOPICS:
        owners = {entry.owner for entry in CATALOGUE if entry.topic == topic.name}
        assert owners == {topic.name.partition(".")[0]}
