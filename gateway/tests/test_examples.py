"""Examples made from schemas: what is written down stays, the rest follows from names and kinds."""

from typing import Any

import pytest

from gateway.example_values import BY_NAME, PROBLEMS
from gateway.examples import Document, Examples, add_examples

NODE = {"properties": {"name": {"type": "string"}, "nodes": {"items": {"$ref": "#/components/schemas/Node"}}}}
COMPONENTS = {"schemas": {"Node": NODE, "Grade": {"enum": ["diesel", "e5"]}, "Problem": {"type": "object"}}}


@pytest.mark.parametrize(
    ("name", "schema", "example"),
    [
        ("x", {"type": "string", "examples": ["a", "b"]}, "a"),
        ("lat", {"type": "number", "example": 1.5}, 1.5),
        ("lat", {"type": "number"}, BY_NAME["lat"]),
        ("lat", {"anyOf": [{"type": "number"}, {"type": "null"}]}, BY_NAME["lat"]),
        ("lat", {"anyOf": [{"type": "number"}, {"type": "null"}], "examples": [None]}, None),
        ("closed_at", {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, None),
        ("closed_at", {"type": "string", "format": "date-time"}, "2026-05-01T12:00:00Z"),
        ("trace_id", {"type": ["string", "null"]}, BY_NAME["trace_id"]),
        ("fuel", {"$ref": "#/components/schemas/Grade"}, "e5"),
        ("grade", {"allOf": [{"$ref": "#/components/schemas/Grade"}]}, "diesel"),
        ("fuels", {"type": "array", "items": {"$ref": "#/components/schemas/Grade"}}, ["e5"]),
        ("from", {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\d$"}, "2026-12-24"),
        ("kind", {"const": "one"}, "one"),
        ("repeated", {"type": "boolean", "default": False}, False),
        ("open", {"type": "boolean"}, True),
        ("status", {"type": "integer", "default": 3}, 3),
        ("free", {}, {}),
    ],
)
def test_example_of(name: str, schema: Document, example: Any) -> None:
    examples = Examples({"components": COMPONENTS})
    assert examples.of(schema, name) == example
    assert examples.guessed == []


def test_an_example_without_its_nulls_is_completed() -> None:
    text, nothing = {"type": "string"}, {"type": "null"}
    schema = {
        "properties": {"a": text, "b": {"anyOf": [text, nothing]}, "lat": {"type": "number"}, "c": text},
        "required": ["a", "b", "lat"], "examples": [{"a": "x"}],
    }  # fmt: skip
    whole = {"a": "x", "b": None, "lat": BY_NAME["lat"]}
    assert Examples({}).of(schema, "") == whole
    either = {"anyOf": [{"properties": {"z": text}}, {"items": schema}, schema]}
    assert Examples({}).completed({"a": "x"}, either) == whole
    assert Examples({}).completed([{"a": "x"}], {"items": schema}) == [whole]
    one_of = {"oneOf": [{"properties": {"z": text}, "required": ["z"]}, schema], "examples": [{"a": "x"}]}
    assert Examples({}).of(one_of, "") == whole, "it gets nothing of what it is not"


def test_what_nobody_said_is_named() -> None:
    examples = Examples({})
    assert examples.of({"properties": {"odd": {"type": "string"}, "strange": {"type": "integer"}}}, "") == {
        "odd": "odd", "strange": 1,
    }  # fmt: skip
    assert examples.guessed == ["odd", "strange"]


def test_a_schema_that_holds_itself_ends() -> None:
    assert Examples({"components": COMPONENTS}).of({"$ref": "#/components/schemas/Node"}, "")["name"]


def test_examples_are_filled_in_where_none_are() -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    operation = {
        "parameters": [
            {"name": "lat", "required": True, "schema": {"type": "number"}},
            {"name": "lon", "schema": {"type": "number"}},
            {"name": "own", "schema": {"type": "string"}, "example": "mine"},
        ],
        "requestBody": {"content": {"application/json": {"schema": {"type": "string"}, "example": "mine"}}},
        "responses": {"200": {"content": {"application/json": {"schema": NODE}}}, "404": {"content": problem}},
    }
    document: Document = {"paths": {"/": {"get": operation}}, "components": COMPONENTS}
    assert add_examples(document) == []
    lat, lon, own = operation["parameters"]
    assert lat["example"] == BY_NAME["lat"]
    assert "example" not in lon, "a reading page would fill it in"
    assert lon["schema"]["examples"] == [BY_NAME["lon"]]
    assert own["example"] == operation["requestBody"]["content"]["application/json"]["example"] == "mine"
    assert operation["responses"]["200"]["content"]["application/json"]["example"]["name"] == BY_NAME["name"]
    assert problem["application/problem+json"]["example"] == PROBLEMS["404"]
