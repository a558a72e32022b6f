"""The schemas of the merged OpenAPI document, closed: what they do not name may not be in an answer."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs

from .operations import Answer, Document, Operation

JSON = "application/json"


class ClosedSchemas:
    """Checks answers against what the document says of them, and no more than that."""

    def __init__(self, document: Document) -> None:
        self._components = closed(document["components"])
        self._validator = cache(self._make)
        self._operations = document["paths"]

    def violations(self, operation: Operation, answer: Answer) -> Iterator[str]:
        """What an answer has that its schema does not, or lacks; nothing for errors and for what is no JSON."""
        if answer.status >= 400 or answer.document is None:
            return
        method, path = operation.key
        described = operation.document["responses"].get(str(answer.status))
        if described is None or JSON not in described.get("content", {}):
            yield f"{answer.status} with JSON is not described"
            return
        for error in self._validator(method, path, str(answer.status)).iter_errors(answer.document):
            yield f"{answer.status} {'/'.join(map(str, error.instance_path))}: {error.message}"

    def _make(self, method: str, path: str, status: str) -> Any:
        schema = self._operations[path][method]["responses"][status]["content"][JSON]["schema"]
        return jsonschema_rs.validator_for({"components": self._components, **closed(schema)}, validate_formats=True)


def closed(node: Any) -> Any:
    """The same part of a document in which objects have no other fields than those that are named."""
    if isinstance(node, list):
        return [closed(part) for part in node]
    if not isinstance(node, dict):
        return node
    inner = {name: closed(part) for name, part in node.items()}
    is_model = isinstance(node.get("properties"), dict) and "additionalProperties" not in node and "type" in node
    return inner | {"additionalProperties": False} if is_model else inner
