"""Would a reader with one JSON Schema take every value that a writer with another may send?

It knows the keywords that our models use and refuses the rest, so that nothing passes unseen.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

Schema = Mapping[str, Any]
Refusal = tuple[str, str]
"""A field's path, and why the reader refuses it."""

LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems")
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
SAME = ("pattern", "format", "multipleOf", "uniqueItems")
STRUCTURE = ("$ref", "$defs", "anyOf", "type", "enum", "const", "properties", "required", "items")
NOTES = ("$schema", "$id", "title", "description", "default", "examples", "deprecated")
KNOWN = frozenset(chain(LOWER_BOUNDS, UPPER_BOUNDS, SAME, STRUCTURE, NOTES))


class UnknownKeyword(ValueError):
    """A schema uses a keyword whose meaning is not known here; teach this module before the schema is released."""


def refusals(*, reader: Schema, writer: Schema) -> list[Refusal]:
    """Every field whose values the reader may refuse; empty if it takes them all. Raises UnknownKeyword."""
    return list(_Comparison(reader, writer).compare(reader, writer, ""))


class _Comparison:
    def __init__(self, reader: Schema, writer: Schema) -> None:
        self._reader_definitions = reader.get("$defs", {})
        self._writer_definitions = writer.get("$defs", {})

    def compare(self, reader: Schema, writer: Schema, path: str) -> Iterator[Refusal]:
        accepted = _alternatives(reader, self._reader_definitions)
        for sent in _alternatives(writer, self._writer_definitions):
            same_type = [one for one in accepted if one.get("type") == sent.get("type")] or (
                [one for one in accepted if "type" not in one]
            )
            if not same_type:
                kinds = " or ".join(str(one.get("type")) for one in accepted)
                yield _named(path), f"the type {sent.get('type')} is sent where {kinds} is read"
                continue
            tries = [list(self._compare_one(one, sent, path)) for one in same_type]
            yield from min(tries, key=len)

    def _compare_one(self, reader: Schema, writer: Schema, path: str) -> Iterator[Refusal]:
        yield from ((_named(path), why) for why in chain(_values(reader, writer), _bounds(reader, writer)))
        yield from self._properties(reader, writer, path)
        if "items" in reader:
            yield from self.compare(reader["items"], writer.get("items", {}), f"{path}[]")

    def _properties(self, reader: Schema, writer: Schema, path: str) -> Iterator[Refusal]:
        always_sent = set(writer.get("required", ()))
        sent = writer.get("properties", {})
        for name, schema in reader.get("properties", {}).items():
            field = f"{path}.{name}" if path else name
            if name in reader.get("required", ()) and "default" not in schema and name not in always_sent:
                yield field, "it is required to read and not always sent"
            if name in sent:
                yield from self.compare(schema, sent[name], field)


def _alternatives(schema: Schema, definitions: Schema) -> list[Schema]:
    """The schema without `$ref` and `anyOf`: the list of what a value may be."""
    if unknown := [key for key in schema if key not in KNOWN and not key.startswith("x-")]:
        raise UnknownKeyword(f"the keyword {unknown[0]} is new: teach schemas.subsumption what it means")
    if "$ref" in schema:
        return _alternatives(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    if "anyOf" in schema:
        return [one for option in schema["anyOf"] for one in _alternatives(option, definitions)]
    return [schema]


def _values(reader: Schema, writer: Schema) -> Iterator[str]:
    allowed, sent = _listed(reader), _listed(writer)
    if allowed is None:
        return
    if sent is None:
        yield f"any value is sent where only {_shown(allowed)} is read"
    elif extra := [value for value in sent if value not in allowed]:
        yield f"{_shown(extra)} is sent and not read"


def _listed(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _shown(values: list[Any]) -> str:
    return ", ".join(map(repr, values))


def _bounds(reader: Schema, writer: Schema) -> Iterator[str]:
    for key in LOWER_BOUNDS:
        if key in reader and writer.get(key, float("-inf")) < reader[key]:
            yield f"{key} is {writer.get(key, 'nothing')} where it is sent and {reader[key]} where it is read"
    for key in UPPER_BOUNDS:
        if key in reader and writer.get(key, float("inf")) > reader[key]:
            yield f"{key} is {writer.get(key, 'nothing')} where it is sent and {reader[key]} where it is read"
    for key in SAME:
        if key in reader and writer.get(key) != reader[key]:
            yield f"{key} is {writer.get(key, 'nothing')!r} where it is sent and {reader[key]!r} where it is read"


def _named(path: str) -> str:
    return path or "(value)"
