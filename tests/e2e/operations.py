"""Every operation of the merged OpenAPI document as a request that would be accepted from the right client."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import aiohttp
import pytest

from servicekit.ids import new_id
from servicekit.problems import TYPE_PREFIX

Document = dict[str, Any]
Key = tuple[str, str]
"""(method, path) as the document has them, e.g. ("get", "/v1/prices")."""

VALUES: dict[str, Any] = {
    "pump_id": "1", "region": "AT", "provider": "wechat", "month": "2026-11",
    "campaign_id": "01930b5e-7c1a-7000-8000-3f0e2a9b4c17",
    "account_id": "0b0c6d4e-55a1-5f0e-9d5b-0a4f4f6f2c11", "refund_id": "01930b5e-7c1a-7000-8000-3f0e2a9b4c13",
    "manager_id": "01930b5e-7c1a-7000-8000-3f0e2a9b4c16",
    "recharge_id": "01930b5e-7c1a-7000-8000-3f0e2a9b4c14", "invoice_id": "01930b5e-7c1a-7000-8000-3f0e2a9b4c15",
    "flag_id": "01930b5e-7c1a-7000-8000-3f0e2a9b4c17", "operator": "nobodys-operator",
    "coupon_id": "01900000-0000-7000-8000-0000000009c1", "code": "ABCD-EFGH-JKLM",
    "gift_order_id": "01900000-0000-7000-8000-0000000009b2",
    "report": "days",
    "exception_id": "01930b5e-7c1a-7000-8000-3f0e2a9b4c16", "date": str(date.today() - timedelta(days=3)),
}  # fmt: skip
"""What stands for a path parameter that names no object of anybody's."""

MADE_BY: dict[str, tuple[Key, tuple[str | int, ...]]] = {
    "change_id": (("post", "/v1/price-changes"), ("price_changes", 0, "change_id")),
    "campaign_id": (("post", "/v1/campaigns"), ("campaign_id",)),
    "alert_id": (("post", "/v1/me/price-alerts"), ("alert_id",)),
    "vehicle_id": (("post", "/v1/me/vehicles"), ("vehicle_id",)),
    "export_id": (("post", "/v1/me/export"), ("export_id",)),
    "identity_id": (("get", "/v1/me/identities"), ("identities", 0, "id")),
    "session_id": (("get", "/v1/me/sessions"), ("sessions", 0, "session_id")),
    "client_id": (("post", "/v1/clients"), ("client_id",)),
    "invitation_id": (("post", "/v1/staff"), ("invitation_id",)),
    "card_id": (("post", "/v1/fuel-cards"), ("card_id",)),
    "company_id": (("post", "/v1/companies"), ("company_id",)),
    "title_id": (("post", "/v1/invoice-titles"), ("title_id",)),
    "shift_id": (("post", "/v1/stations/{station_id}/shifts"), ("shift_id",)),
    "gift_id": (("post", "/v1/gifts"), ("gift_id",)),
    "template_id": (("post", "/v1/coupon-templates"), ("template_id",)),
    "schedule_id": (("post", "/v1/report-schedules"), ("schedule_id",)),
}
"""The operation that makes, or shows, the object of a path parameter; where its reply has the id."""


@dataclass(frozen=True)
class Operation:
    """One operation; its request comes from its examples."""

    key: Key
    document: Document

    @property
    def permission(self) -> str | None:
        """What it asks for; None: anyone may call it."""
        return self.document.get("x-permission")

    @property
    def holders(self) -> frozenset[str]:
        """The roles that hold the permission, `machine` too."""
        return frozenset(self.document.get("x-roles", ()))

    @property
    def needs_fresh_sign_in(self) -> bool:
        """Whether the sign-in must be of the last minutes."""
        return self.document.get("x-step-up", False)

    @property
    def reach(self) -> str | None:
        """`own`, `stations` or `platform`."""
        return self.document.get("x-reach")

    @property
    def is_endless(self) -> bool:
        """Whether it answers with a stream of events, which goes on for as long as one listens."""
        return "text/event-stream" in self.document["responses"].get("200", {}).get("content", {})

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

    def is_about(self, objects: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
        """Whether its request about these objects differs from the one about others."""
        return any(ask(objects) != ask(others) for ask in (self.path, self.body, self.query))

    def path(self, objects: Mapping[str, Any]) -> str:
        """The path of these objects."""
        known = {**VALUES, **objects}
        if unknown := [name for name in self.names if name not in known]:
            pytest.fail(f"{self.key}: say in VALUES or MADE_BY of {__file__} what {unknown} is in a test")
        return self.key[1].format_map(known)


@dataclass(frozen=True)
class Answer:
    """What came back; `document` is None where that is no JSON."""

    status: int
    text: str
    document: Any
    headers: Mapping[str, str]

    @property
    def slug(self) -> str:
        """The problem's type, as short as the code says it; empty where it is none."""
        kind = self.document.get("type", "") if isinstance(self.document, dict) else ""
        return str(kind).removeprefix(TYPE_PREFIX)


class Api:
    """The platform's operations."""

    def __init__(self, http: aiohttp.ClientSession, document: Document) -> None:
        self.http = http
        self.document = document
        self.operations = {operation.key: operation for operation in _operations(document)}

    def protected(self) -> list[Operation]:
        """The operations that need a token."""
        return [operation for operation in self.operations.values() if operation.permission is not None]

    async def ask(
        self, operation: Operation, authorization: str | None, objects: Mapping[str, Any], **instead: Any
    ) -> Answer:
        """The answer to an operation's request about these objects; `instead` replaces arguments of the request."""
        headers = {"Idempotency-Key": str(new_id())} | ({"Authorization": authorization} if authorization else {})
        asked = {"json": operation.body(objects), "params": operation.query(objects), "headers": headers} | instead
        async with self.http.request(operation.key[0], operation.path(objects), **asked) as reply:
            endless = reply.content_type == "text/event-stream"
            text = (await (reply.content.readany() if endless else reply.read())).decode(errors="replace")
            document = json.loads(text) if text and reply.content_type.endswith("json") else None
            return Answer(reply.status, text, document, reply.headers)

    async def make(self, name: str, authorization: str, objects: Mapping[str, Any]) -> Any:
        """Makes what a path parameter of this name stands for, as its owner does; its id."""
        key, way = MADE_BY[name]
        answer = await self.ask(self.operations[key], authorization, objects)
        assert answer.status in {200, 201, 202}, (key, answer.text)
        found = answer.document
        for step in way:
            found = found[step]
        return found


def _operations(document: Document) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, it in methods.items():
            yield Operation((method, path), it)


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
    if name.removesuffix("s") in objects and isinstance(part, list) and not isinstance(next(iter(part), None), dict):
        return [objects[name.removesuffix("s")]]
    return _about(part, objects)
