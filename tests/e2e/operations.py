"""Every operation of the merged OpenAPI document as a request that would be accepted from the right client."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from servicekit.ids import new_id

Document = dict[str, Any]
Key = tuple[str, str]
"""(method, path) as the document has them, e.g. ("get", "/v1/prices")."""

VALUES: dict[str, Any] = {"pump_id": "1", "region": "AT", "provider": "google"}
"""What stands for a path parameter that names no object of anybody's."""

MADE_BY: dict[str, tuple[Key, tuple[str | int, ...]]] = {
    "change_id": (("post", "/v1/price-changes"), ("price_changes", 0, "change_id")),
    "alert_id": (("post", "/v1/me/price-alerts"), ("alert_id",)),
    "favourite": (("put", "/v1/me/favourites/{station_id}"), ("station_id",)),
}
"""The operation that makes the object of a path parameter, or one that others must not see; where its reply has the
id."""


@dataclass(frozen=True)
class Operation:
    """One operation; its request comes from its examples."""

    key: Key
    scopes: frozenset[str]
    document: Document

    @property
    def parameters(self) -> list[Document]:
        """Path, query and header parameters."""
        return self.document.get("parameters", [])

    def body(self, objects: Mapping[str, Any]) -> Any:
        """The example body, about these objects; None where the operation takes none."""
        contents = self.document.get("requestBody", {}).get("content", {})
        example = _example(contents["application/json"]) if "application/json" in contents else None
        return _about(example, objects)

    def query(self, objects: Mapping[str, Any]) -> Document:
        """The required part of the query."""
        required = [one for one in self.parameters if one["in"] == "query" and one.get("required")]
        return {one["name"]: _about({one["name"]: _example(one)}, objects)[one["name"]] for one in required}

    @property
    def names(self) -> list[str]:
        """The path's parameters."""
        return [one["name"] for one in self.parameters if one["in"] == "path"]

    def path(self, objects: Mapping[str, Any]) -> str:
        """The path of these objects."""
        known = {**VALUES, **objects}
        if unknown := [name for name in self.names if name not in known]:
            pytest.fail(f"{self.key}: say in VALUES or MADE_BY of {__file__} what {unknown} is in a test")
        return self.key[1].format_map(known)


class Api:
    """The platform's operations, about objects that a test has made."""

    def __init__(self, http: aiohttp.ClientSession, document: Document) -> None:
        self._http = http
        self.operations = {operation.key: operation for operation in _operations(document)}
        self.objects: dict[str, Any] = {}

    def protected(self) -> list[Operation]:
        """The operations that need a token."""
        return [operation for operation in self.operations.values() if "security" in operation.document]

    async def ask(
        self, operation: Operation, authorization: str | None, objects: Mapping[str, Any] | None = None
    ) -> tuple[int, Any]:
        """(status, JSON) of an operation's request; `objects` are others than those made."""
        objects = {**self.objects, **(objects or {})}
        headers = {"Idempotency-Key": str(new_id())} | ({"Authorization": authorization} if authorization else {})
        async with self._http.request(
            operation.key[0], operation.path(objects), json=operation.body(objects), params=operation.query(objects),
            headers=headers,
        ) as reply:  # fmt: skip
            return reply.status, await reply.json(content_type=None)

    async def make(self, names: Iterable[str], authorization: str) -> dict[str, Any]:
        """Makes what path parameters of these names stand for, as its owner does."""
        made: dict[str, Any] = {}
        for name, (key, way) in MADE_BY.items():
            if name in names and key in self.operations:
                status, reply = await self.ask(self.operations[key], authorization)
                assert status in {200, 201}, (key, reply)
                for step in way:
                    reply = reply[step]
                made[name] = reply
        return made


def _operations(document: Document) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, it in methods.items():
            scopes = {
                scope for requirement in it.get("security", []) for scopes in requirement.values() for scope in scopes
            }
            yield Operation((method, path), frozenset(scopes), it)


def _example(holder: Document) -> Any:
    if "example" in holder:
        return holder["example"]
    return next(iter(holder["examples"].values()))["value"] if "examples" in holder else holder["schema"]["examples"][0]


def _about(example: Any, objects: Mapping[str, Any]) -> Any:
    """The example with its objects replaced: `station_id` as well as `station_ids`."""
    if isinstance(example, list):
        return [_about(one, objects) for one in example]
    if not isinstance(example, dict):
        return example
    return {name: _replaced(name, part, objects) for name, part in example.items()}


def _replaced(name: str, part: Any, objects: Mapping[str, Any]) -> Any:
    if name in objects:
        return [objects[name]] if isinstance(part, list) else objects[name]
    if name.removesuffix("s") in objects and isinstance(part, list):
        return [objects[name.removesuffix("s")]]
    return _about(part, objects)
