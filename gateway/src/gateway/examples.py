"""Gives every operation of an OpenAPI document an example request and an example answer. Pure.

An example that a service wrote stays. The others are made from the schemas: a field's own examples, constants, values
of its list, or what a field of this name looks like anywhere in the suite.
"""

import re
from collections.abc import Iterator
from typing import Any

from gateway.example_values import BY_FORMAT, BY_NAME, NULL_WHERE_IT_MAY_BE, PROBLEMS

PROBLEM_REFERENCE = {"$ref": "#/components/schemas/Problem"}
Document = dict[str, Any]
MAX_DEPTH = 12
"""Schemas may refer to themselves."""
NULLABLE = "x-nullable"
FORMATS = {
    "date": r"^[-0-9]{10}$", "date-time": r"^[-0-9]{10}T", "uuid": r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
}  # fmt: skip
METHODS = frozenset({"get", "put", "post", "delete", "patch"})


class Examples:
    """Examples for the schemas of one document. `guessed` names the fields for which nobody has said how they look."""

    def __init__(self, document: Document) -> None:
        self.guessed: list[str] = []
        self._components = document.get("components", {})

    def of(self, schema: Document, name: str, depth: int = 0) -> Any:
        """A value of the schema, for a field or parameter of this name."""
        whole, schema = schema, self._resolved(schema)
        if (given := _given(schema, name)) is not None:
            return self.completed(given[0], whole, depth)
        if depth > MAX_DEPTH:
            return None
        if "properties" in schema:
            return {field: self.of(part, field, depth + 1) for field, part in schema["properties"].items()}
        if "items" in schema:
            return [self.of(schema["items"], name.removesuffix("s"), depth + 1)]
        return self._leaf(schema, name)

    def completed(self, example: Any, schema: Document, depth: int = 0) -> Any:
        """A given example with the required fields that it lacks: FastAPI leaves out of examples whatever is null."""
        schema = self._resolved(self._alternative(example, schema))
        if isinstance(example, list):
            return [self.completed(one, schema.get("items", {}), depth + 1) for one in example]
        if not isinstance(example, dict) or depth > MAX_DEPTH:
            return example
        fields: Document = schema.get("properties", {})
        missing = [name for name in schema.get("required", ()) if name not in example and name in fields]
        return {
            **{name: self.completed(part, fields.get(name, {}), depth + 1) for name, part in example.items()},
            **{name: self._null_or_value(fields[name], name, depth + 1) for name in missing},
        }

    def _alternative(self, example: Any, schema: Document) -> Document:
        """Of alternatives the one that has the example's fields."""
        alternatives = schema.get("anyOf") or schema.get("oneOf") or ()
        if not isinstance(example, dict):
            return schema
        fits = (one for one in alternatives if example.keys() <= self._resolved(one).get("properties", {}).keys())
        return next(fits, schema)

    def _null_or_value(self, schema: Document, name: str, depth: int) -> Any:
        return None if self._resolved(schema).get(NULLABLE) else self.of(schema, name, depth)

    def _leaf(self, schema: Document, name: str) -> Any:
        kind = schema.get("type")
        if kind == "boolean":
            return True
        if kind in {"object", None}:
            return {}
        if (example := BY_FORMAT.get(schema.get("format", ""))) is not None:
            return example
        self.guessed.append(name)
        return schema.get("minimum", 1) if kind in {"integer", "number"} else name

    def _resolved(self, schema: Document) -> Document:
        """The schema itself, by way of references, and of alternatives the first that is not null."""
        beside = {key: schema[key] for key in ("examples", "example", "default", NULLABLE) if key in schema}
        if "$ref" in schema:
            _, _, section, component = schema["$ref"].split("/")
            return self._resolved(self._components[section][component] | beside)
        if "allOf" in schema:
            return self._resolved(schema["allOf"][0] | beside)
        if alternatives := schema.get("anyOf") or schema.get("oneOf"):
            beside[NULLABLE] = {"type": "null"} in alternatives
            return self._resolved(next((one for one in alternatives if one.get("type") != "null"), {}) | beside)
        if isinstance(schema.get("type"), list):
            return schema | {"type": schema["type"][0], NULLABLE: "null" in schema["type"]}
        return schema


def _given(schema: Document, name: str) -> list[Any] | None:
    """The value that is written down for the schema, in a list; None where there is none."""
    if examples := schema.get("examples"):
        return [examples[0]]
    for keyword in ("example", "const"):
        if keyword in schema:
            return [schema[keyword]]
    if schema.get(NULLABLE) and name in NULL_WHERE_IT_MAY_BE:
        return [None]
    known = BY_NAME.get(name, ())
    for value in known if isinstance(known, tuple) else (known,):
        if _fits(value, schema):
            return [value]
    if schema.get("default") not in (None, []):
        return [schema["default"]]
    return schema["enum"][:1] if "enum" in schema else None


def _fits(value: Any, schema: Document) -> bool:
    """Whether the value is of the schema's kind, as far as a name can mean different things."""
    if "enum" in schema:
        return value in schema["enum"]
    if isinstance(value, str):
        patterns = (schema.get("pattern", ""), FORMATS.get(schema.get("format", ""), ""))
        return schema.get("type") == "string" and all(re.search(pattern, value) for pattern in patterns)
    if isinstance(value, list):
        return schema.get("type") == "array" and all(_fits(one, schema.get("items", {})) for one in value)
    return schema.get("type") == ("integer" if isinstance(value, int) else "number")


def add_examples(document: Document) -> list[str]:
    """Fills in the examples that are missing, in place; returns the fields for which it had to guess."""
    examples = Examples(document)
    for operation in operations(document):
        for parameter in operation.get("parameters", []):
            _illustrate_parameter(parameter, examples)
        for status, content in _contents(operation):
            _illustrate_content(status, content, examples)
    return examples.guessed


def operations(document: Document) -> Iterator[Document]:
    """Every operation of the document."""
    for path in document["paths"].values():
        yield from (operation for method, operation in path.items() if method in METHODS)


def _contents(operation: Document) -> Iterator[tuple[str, Document]]:
    """What goes in (with an empty status) and what comes out by status."""
    for status, message in [("", operation.get("requestBody", {})), *operation["responses"].items()]:
        yield from ((status, content) for content in message.get("content", {}).values())


def _illustrate_content(status: str, content: Document, examples: Examples) -> None:
    schema = content.get("schema", {})
    if "examples" in content:
        for one in content["examples"].values():
            one["value"] = examples.completed(one["value"], schema)
    elif "example" in content:
        content["example"] = examples.completed(content["example"], schema)
    elif schema == PROBLEM_REFERENCE and status in PROBLEMS:
        content["example"] = PROBLEMS[status]
    else:
        content["example"] = examples.of(schema, "")


def _illustrate_parameter(parameter: Document, examples: Examples) -> None:
    """A required parameter gets an example that a reading page fills in; of others it only shows how they look."""
    schema = parameter.get("schema", {})
    if "example" in parameter or "examples" in parameter or "examples" in schema:
        return
    value = examples.of(schema, parameter["name"])
    if parameter.get("required"):
        parameter["example"] = value
    else:
        parameter["schema"] = {**schema, "examples": [value]}
