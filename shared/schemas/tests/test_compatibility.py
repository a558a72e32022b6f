"""Each kind of break is found and says which field breaks whom; what is allowed passes."""

import copy
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import compatibility, export
from schemas.compatibility import breaks, read_contracts
from schemas.contracts import contracts
from schemas.release import release
from schemas.subsumption import UnknownKeyword

Document = dict[str, Any]
PRICE_CHANGED = "pricing.PriceChanged.v1"
REPORTS = "pricing.PriceReportsSubmitted.v1"
CLOSED = "stations.StationClosed.v1"
CONTRACTS = contracts()
NAMES = sorted(CONTRACTS)


def changed(name: str, change: Callable[[Document], object]) -> list[compatibility.Break]:
    """The breaks after one contract was changed."""
    current = copy.deepcopy(CONTRACTS)
    change(current[name])
    return breaks(CONTRACTS, current)


def field(document: Document, path: str) -> Document:
    """The schema of a field, `$ref` followed."""
    schema = document
    for name in path.split("."):
        schema = schema["properties"][name.removesuffix("[]")]
        schema = schema["items"] if name.endswith("[]") else schema
        while "$ref" in schema:
            schema = document["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def setting(path: str, **keywords: Any) -> Callable[[Document], None]:
    """A change that sets keywords of a field."""
    return lambda document: field(document, path).update(keywords)


def dropping(path: str, keyword: str) -> Callable[[Document], object]:
    """A change that removes a keyword of a field."""
    return lambda document: field(document, path).pop(keyword)


def removing(name: str) -> Callable[[Document], None]:
    """A change that removes a field."""

    def change(document: Document) -> None:
        del document["properties"][name]
        document["required"].remove(name)

    return change


def requiring(document: Document) -> None:
    """A new field without a default."""
    document["properties"]["region"] = {"type": "string"}
    document["required"].append("region")


BREAKING: dict[str, tuple[str, Callable[[Document], object], str, str]] = {
    "required field added": (PRICE_CHANGED, requiring, "region", "stations, gateway"),
    "required field removed": (PRICE_CHANGED, removing("report_id"), "report_id", "stations, gateway"),
    "default removed and no longer sent": (
        CLOSED, lambda d: d["required"].remove("occurred_at"), "occurred_at", "pricing, gateway",
    ),
    "type changed": (PRICE_CHANGED, setting("version", type="string"), "version", "stations, gateway"),
    "integer widened to number": (PRICE_CHANGED, setting("version", type="number"), "version", "stations, gateway"),
    "null no longer allowed": (
        PRICE_CHANGED,
        lambda d: field(d, "price_mills")["anyOf"].pop(),
        "price_mills",
        "stations, gateway",
    ),
    "null newly allowed": (
        PRICE_CHANGED,
        lambda d: d["properties"].update(fuel={"anyOf": [{"$ref": "#/$defs/Fuel"}, {"type": "null"}]}),
        "fuel",
        "stations, gateway",
    ),
    "format changed": (PRICE_CHANGED, setting("received_at", format="date"), "received_at", "stations, gateway"),
    "format removed": (PRICE_CHANGED, dropping("received_at", "format"), "received_at", "stations, gateway"),
    "pattern changed": (PRICE_CHANGED, setting("currency", pattern="^[A-Z]{2}$"), "currency", "stations, gateway"),
    "pattern added": (PRICE_CHANGED, setting("report_id", pattern="^x"), "report_id", "stations, gateway"),
    "enum value removed": (
        PRICE_CHANGED, lambda d: field(d, "fuel")["enum"].remove("lpg"), "fuel", "stations, gateway",
    ),
    "enum value added": (
        PRICE_CHANGED, lambda d: field(d, "fuel")["enum"].append("lng"), "fuel", "stations, gateway",
    ),
    "enum opened": (PRICE_CHANGED, dropping("fuel", "enum"), "fuel", "stations, gateway"),
    "constant instead of an enum": (
        "stations.PumpStatusChanged.v1",
        lambda d: d["properties"].update(status={"type": "string", "const": "free"}),
        "status",
        "analyst",
    ),
    "range narrowed below": (PRICE_CHANGED, setting("version", minimum=2), "version", "stations, gateway"),
    "range widened below": (PRICE_CHANGED, setting("version", minimum=0), "version", "stations, gateway"),
    "bound removed": (PRICE_CHANGED, dropping("version", "minimum"), "version", "stations, gateway"),
    "length narrowed": (CLOSED, setting("operator", maxLength=32), "operator", "pricing, gateway"),
    "length widened": (CLOSED, setting("operator", maxLength=128), "operator", "pricing, gateway"),
    "list shortened": (REPORTS, setting("reports", maxItems=10), "reports", "pricing"),
    "nested field required": (
        REPORTS, lambda d: requiring(d["$defs"]["PriceReport"]), "reports[].region", "pricing",
    ),
    "nested pattern changed": (REPORTS, setting("reports[].report_id", pattern="^x"), "reports[].report_id", "pricing"),
    "topic changed": (PRICE_CHANGED, lambda d: d.update({"x-topic": "pricing.other"}), "(topic)", "stations, gateway"),
    "key changed": (PRICE_CHANGED, lambda d: d.update({"x-key": "fuel"}), "(key)", "stations, gateway"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BREAKING)
def test_a_break_names_event_field_and_consumer(kind: str):
    name, change, path, consumers = BREAKING[kind]
    found = changed(name, change)
    assert found
    assert {(one.event, one.field) for one in found} == {(name, path)}
    assert all(consumers in str(one) for one in found)


def test_a_removed_event_breaks_its_consumers():
    current = dict(CONTRACTS)
    del current[CLOSED]
    [one] = breaks(CONTRACTS, current)
    assert (
        str(one) == f"{CLOSED}: (event): it was removed; "
        "it breaks pricing, gateway, stations, identity, payments, loyalty, analytics, analyst"
    )


def test_a_new_event_and_a_new_consumer_break_nobody():
    current = copy.deepcopy(CONTRACTS)
    current["pricing.PriceChanged.v2"] = current[PRICE_CHANGED]
    current[PRICE_CHANGED]["x-consumers"].append("payments")
    assert breaks(CONTRACTS, current) == []


def test_only_the_side_that_breaks_is_named():
    """A wider range is read by today's consumers, old ones refuse it; a narrower one is the other way round."""
    wider = changed(PRICE_CHANGED, setting("version", minimum=0))
    narrower = changed(PRICE_CHANGED, setting("version", minimum=2))
    assert ["refused by released consumers" in one.change for one in wider] == [True]
    assert ["refused by today's" in one.change for one in narrower] == [True]


def test_a_keyword_that_the_comparison_does_not_know_is_not_passed_over():
    with pytest.raises(UnknownKeyword, match="contentEncoding"):
        changed(PRICE_CHANGED, setting("report_id", contentEncoding="base64"))


FIELD_SCHEMAS = st.sampled_from(
    [
        {"type": "string", "maxLength": 5, "default": "x"},
        {"type": "integer", "minimum": 3, "default": 3},
        {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}], "default": None},
        {"type": "array", "items": {"type": "object", "properties": {}, "required": []}, "default": []},
    ]
)


@given(
    name=st.sampled_from(NAMES),
    fields=st.dictionaries(st.from_regex(re.compile(r"new_[a-z]{1,8}"), fullmatch=True), FIELD_SCHEMAS, max_size=4),
)
def test_optional_fields_may_be_added_to_any_event(name: str, fields: dict[str, Document]):
    def add(document: Document) -> None:
        document["properties"].update(fields)
        document["required"] += list(fields)

    assert changed(name, add) == []


@given(data=st.data(), name=st.sampled_from(NAMES))
def test_a_field_that_consumers_need_may_never_be_removed(data: st.DataObject, name: str):
    document = CONTRACTS[name]
    needed = [one for one in document["required"] if "default" not in document["properties"][one]]
    chosen = data.draw(st.sampled_from(needed))
    found = changed(name, removing(chosen))
    assert [(one.event, one.field) for one in found] == [(name, chosen)]
    assert found[0].consumers == tuple(document["x-consumers"])


@given(data=st.data(), name=st.sampled_from(NAMES))
def test_no_type_may_be_changed(data: st.DataObject, name: str):
    path = data.draw(st.sampled_from(sorted(CONTRACTS[name]["properties"])))
    found = changed(name, lambda document: document["properties"].update({path: {"type": "boolean"}}))
    assert {one.field for one in found} == {path}


def test_what_is_committed_is_compatible_with_the_release(capsys: pytest.CaptureFixture[str]):
    assert compatibility.main() == 0
    assert capsys.readouterr().out == "compatible with the released schemas\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(export.FOLDER, tmp_path / "schemas", ignore=shutil.ignore_patterns("src", "tests")))


def test_the_command_prints_a_line_per_break_and_fails(folder: Path, capsys: pytest.CaptureFixture[str]):
    path = folder / "released" / f"{PRICE_CHANGED}.json"
    document = json.loads(path.read_text())
    document["properties"]["version"]["minimum"] = 0
    path.write_text(json.dumps(document))
    assert compatibility.main(folder) == 1
    line, advice = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{PRICE_CHANGED}: version: ")
    assert line.endswith("it breaks stations, gateway, pricing, payments, loyalty, analytics, analyst")
    assert "new version" in advice


def test_a_release_takes_schemas_and_examples_over(folder: Path):
    for path in (folder / "released").rglob("*.json"):
        path.unlink()
    assert release(folder) is None
    assert read_contracts(folder / "released") == CONTRACTS
    examples = {path.name: path.read_text() for path in (folder / "examples").iterdir()}
    assert {path.name: path.read_text() for path in (folder / "released" / "examples").iterdir()} == examples


def test_a_release_refuses_breaks_and_stale_files(folder: Path):
    released = folder / "released" / "pricing.Gone.v1.json"
    shutil.copy(folder / "released" / f"{PRICE_CHANGED}.json", released)
    assert "pricing.Gone.v1: (event): it was removed" in (release(folder) or "")
    released.unlink()
    (folder / "asyncapi.json").write_text("{}")
    assert "make schemas" in (release(folder) or "")
