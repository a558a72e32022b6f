"""What the released producers wrote is read by today's models, whatever the schemas say."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.catalogue import ENTRY_BY_TYPE
from schemas.export import FOLDER

FILES = sorted((FOLDER / "released" / "examples").glob("*.json"))


def test_every_released_event_has_released_examples():
    assert [path.name for path in FILES] == [path.name for path in sorted((FOLDER / "released").glob("*.json"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_todays_models_read_released_records(path: Path):
    records: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    assert records.keys() == {"full", "minimal"}
    for record in records.values():
        event = ENTRY_BY_TYPE[record["headers"]["ce_type"]].event.model_validate_json(json.dumps(record["value"]))
        assert event.key() == record["key"]
        written = event.model_dump(mode="json")
        assert {name: written[name] for name in record["value"]} == record["value"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_field_from_a_later_release_is_ignored_on_every_level(path: Path):
    for record in json.loads(path.read_text(encoding="utf-8")).values():
        model = ENTRY_BY_TYPE[record["headers"]["ce_type"]].event
        assert model.model_validate_json(json.dumps(_with_extra(record["value"]))) == model(**record["value"])


def _with_extra(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_extra(one) for one in value]
    if isinstance(value, dict):
        return {name: _with_extra(one) for name, one in value.items()} | {"added_in_a_later_release": {"x": [1]}}
    return value
