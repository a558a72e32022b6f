"""The check itself finds what it must: a check that finds nothing proves nothing."""

import copy
import json
from typing import Any

import pytest

from schemas.export import FOLDER

from .json_schema import violations

NAME = "pricing.PriceReportsSubmitted.v1"
SCHEMA: dict[str, Any] = json.loads((FOLDER / "json" / f"{NAME}.json").read_text())
VALUE: dict[str, Any] = json.loads((FOLDER / "examples" / f"{NAME}.json").read_text())["full"]["value"]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("report_id", ""), ("report_id", "x" * 65), ("report_id", "a b"), ("report_id", 7), ("station_id", "no uuid"),
        ("fuel", "coal"), ("price_mills", 1.5), ("price_mills", True), ("price_mills", 10**10), ("currency", "eur"),
        ("effective_at", "yesterday"),
    ],
)  # fmt: skip
def test_each_keyword_is_checked_in_nested_fields(field: str, wrong: Any):
    value = copy.deepcopy(VALUE)
    value["reports"][1][field] = wrong
    found = violations(value, SCHEMA)
    assert found
    assert all(one.startswith(f".reports[1].{field}: ") for one in found)


def test_missing_fields_and_empty_lists_are_found():
    value = copy.deepcopy(VALUE)
    del value["reports"][0]["fuel"]
    assert violations(value, SCHEMA) == [".reports[0].fuel: it is missing"]
    assert violations(VALUE | {"reports": []}, SCHEMA) == [".reports: [] is too short or too long: 0"]


def test_an_unknown_keyword_is_an_error():
    with pytest.raises(AssertionError, match="contentEncoding"):
        violations("x", {"type": "string", "contentEncoding": "base64"})
