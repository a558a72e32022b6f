"""A JSON Schema check for the keywords that our contracts use; any other keyword is an error, never passed over."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from schemas.subsumption import KNOWN

Schema = Mapping[str, Any]
TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}
FORMATS: dict[str, Callable[[str], object]] = {"uuid": UUID, "date-time": datetime.fromisoformat}


def violations(value: Any, schema: Schema, root: Schema | None = None, path: str = "") -> list[str]:
    """What is wrong with the value, each with the path of its field."""
    return list(_check(value, schema, root or schema, path))


def _check(value: Any, schema: Schema, root: Schema, path: str) -> Iterator[str]:
    unknown = [key for key in schema if key not in KNOWN and not key.startswith("x-")]
    assert not unknown, f"teach json_schema.py the keywords {unknown}"
    if "$ref" in schema:
        yield from _check(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, path)
    if "anyOf" in schema and all(violations(value, option, root, path) for option in schema["anyOf"]):
        yield f"{path}: {value!r} is none of what is allowed"
    if "type" in schema and not TYPES[schema["type"]](value):
        yield f"{path}: {value!r} is not of type {schema['type']}"
        return
    yield from (f"{path}: {value!r} {why}" for why in _keywords(value, schema))
    if isinstance(value, dict):
        yield from (f"{path}.{name}: it is missing" for name in schema.get("required", ()) if name not in value)
        for name, child in schema.get("properties", {}).items():
            if name in value:
                yield from _check(value[name], child, root, f"{path}.{name}")
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _check(item, schema["items"], root, f"{path}[{index}]")


def _keywords(value: Any, schema: Schema) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"is not one of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"is not {schema['const']!r}"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"does not match {schema['pattern']}"
        if "format" in schema and not _has_format(value, schema["format"]):
            yield f"is not a {schema['format']}"
    yield from _bounds(value, schema)


def _bounds(value: Any, schema: Schema) -> Iterator[str]:
    for keyword, measure in (("Length", str), ("Items", list)):
        if isinstance(value, measure) and not (
            schema.get(f"min{keyword}", 0) <= len(value) <= schema.get(f"max{keyword}", len(value))
        ):
            yield f"is too short or too long: {len(value)}"
    if TYPES["number"](value) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield "is out of range"


def _has_format(value: str, name: str) -> bool:
    try:
        FORMATS[name](value)
    except ValueError:
        return False
    return True
