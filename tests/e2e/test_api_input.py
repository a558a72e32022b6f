"""What every operation makes of input that nobody should send: generated from the merged OpenAPI document.

Its name puts it before test_authorisation.py, which uses the world up that both share.
"""

import io
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from gateway.routes import ROUTES
from gateway.routing import Route
from local_stack.config import Config
from local_stack.services import UPSTREAMS

from .operations import Api, Key, Operation
from .world import OURS, World

UNKNOWN = "canary_field"
JUDGED_ONE_BY_ONE = {("post", "/v1/station-imports")}
"""Its rows have a verdict each: a wrong one is rejected and stops no other."""
MOST_AT_ONCE = 100
DEEP = 3_000
"""Deeper than Python's own stack, short enough for the smallest body."""


def with_body(api: Api) -> list[Operation]:
    """The operations that take JSON of ours: a payment provider writes what it likes, and signs it."""
    return [
        one for one in api.operations.values()
        if "application/json" in _contents(one) and not one.key[1].startswith("/v1/webhooks/")
    ]  # fmt: skip


def _contents(operation: Operation) -> dict[str, Any]:
    return operation.document.get("requestBody", {}).get("content", {})


def authorization_for(world: World, operation: Operation) -> str | None:
    """Somebody who may do it, so that nothing but the input is wrong."""
    if operation.permission is None:
        return None
    return next(one.authorization for one in world.callers if one.side == OURS and one.role in operation.holders)


def places(body: Any) -> Iterator[Any]:
    """The body with a field more, in each of its objects."""
    if isinstance(body, dict):
        yield body | {UNKNOWN: 1}
        for name, part in body.items():
            yield from (body | {name: one} for one in places(part))
    if isinstance(body, list):
        for index, part in enumerate(body):
            yield from ([*body[:index], one, *body[index + 1 :]] for one in places(part))


def read_only(api: Api, operation: Operation) -> set[str]:
    """Fields that the answer has and the request does not."""
    taken = fields(api, _contents(operation)["application/json"]["schema"])
    shown: set[str] = set()
    for status, response in operation.document["responses"].items():
        if status.startswith("2"):
            shown |= fields(api, response.get("content", {}).get("application/json", {}).get("schema", {}))
    return shown - taken


def fields(api: Api, schema: dict[str, Any]) -> set[str]:
    """The names of a model's fields, of all alternatives."""
    if "$ref" in schema:
        return fields(api, api.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    alternatives = [one for kind in ("anyOf", "oneOf", "allOf") for one in schema.get(kind, ())]
    return set(schema.get("properties", ())).union(*(fields(api, one) for one in alternatives))


async def test_security_22_unknown_fields_are_refused_in_every_object_of_every_body(api: Api, world: World):
    wrong, asked = [], 0
    for operation in with_body(api):
        objects = world.objects(operation, OURS)
        for body in places(operation.body(objects)):
            answer = await api.ask(operation, authorization_for(world, operation), objects, json=body)
            asked += 1
            fine = answer.status == 422 and UNKNOWN in answer.text
            if operation.key in JUDGED_ONE_BY_ONE and answer.status == 200:
                fine = [one["verdict"] for one in answer.document["results"]] == ["rejected"]
            wrong += [] if fine else [f"{operation.key} takes {body}: {answer.status} {answer.text}"]
    assert asked > len(with_body(api))
    assert wrong == []


async def test_security_22_what_can_only_be_read_cannot_be_written(api: Api, world: World):
    wrong, asked = [], 0
    for operation in with_body(api):
        objects = world.objects(operation, OURS)
        for name in sorted(read_only(api, operation)):
            body = operation.body(objects) | {name: "canary"}
            answer = await api.ask(operation, authorization_for(world, operation), objects, json=body)
            asked += 1
            wrong += [] if answer.status == 422 else [f"{operation.key} takes {name}: {answer.status} {answer.text}"]
    assert asked > 30
    assert wrong == []


def test_security_25_every_list_has_a_longest_page(api: Api):
    longest = {
        operation.key: parameter["schema"].get("maximum", "no maximum")
        for operation in api.operations.values()
        for parameter in operation.parameters
        if parameter["name"] == "limit"
    }
    assert longest
    assert {key: most for key, most in longest.items() if not isinstance(most, int) or most > MOST_AT_ONCE} == {}


async def test_security_25_a_longer_page_is_refused(api: Api, world: World):
    for operation in api.operations.values():
        if "limit" in {one["name"] for one in operation.parameters}:
            objects = world.objects(operation, OURS)
            query = operation.query(objects) | {"limit": MOST_AT_ONCE + 1}
            answer = await api.ask(operation, authorization_for(world, operation), objects, params=query)
            assert answer.status == 422, (operation.key, answer.text)


@pytest.mark.parametrize(
    "route", [one for one in ROUTES if one.method != "GET"], ids=lambda one: f"{one.method} {one.path}"
)
async def test_security_25_a_longer_body_is_refused(api: Api, world: World, route: Route):
    operation = api.operations[route.method.lower(), route.path]
    headers = {"Authorization": authorization_for(world, operation) or "", "Content-Type": "application/json"}
    answer = await api.ask(
        operation,
        None,
        world.objects(operation, OURS),
        json=None,
        data=io.BytesIO(b" " * (route.body_bytes + 1)),
        headers=headers,
    )
    assert (answer.status, answer.slug) == (413, "body-too-large")


async def test_security_25_json_that_is_nested_without_end_is_refused(api: Api, world: World):
    for operation in with_body(api):
        objects = world.objects(operation, OURS)
        for body in nested(operation.body(objects)):
            headers = {"Authorization": authorization_for(world, operation) or "", "Content-Type": "application/json"}
            answer = await api.ask(operation, None, objects, json=None, data=body, headers=headers)
            fine = 400 <= answer.status < 500 or (operation.key in JUDGED_ONE_BY_ONE and answer.status == 200)
            assert fine, (operation.key, body[:60], answer.status, answer.text)


def nested(body: Any) -> Iterator[bytes]:
    """JSON that is deep: as the body itself, and in the place of each of its fields."""
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        deep = opening * DEEP + "1" + closing * DEEP
        yield deep.encode()
        yield (opening * DEEP).encode()
        for name in body if isinstance(body, dict) else ():
            others = {other: part for other, part in body.items() if other != name}
            yield f"{json.dumps(others)[:-1]}{',' if others else ''}{json.dumps(name)}:{deep}}}".encode()


HIDDEN: tuple[Key, ...] = (
    ("get", "/internal/personal-data/0190f3a1-7c1e-7cc3-98c4-dc0c0c07398f"), ("get", "/internal"), ("get", "/redoc"),
    ("get", "/v1/openapi.json"), ("get", "/openapi.yaml"), ("get", "/metrics/"), ("get", "/debug"), ("trace", "/v1/me"),
    ("connect", "/v1/me"),
)  # fmt: skip


@pytest.mark.parametrize(("method", "path"), HIDDEN, ids=str)
async def test_security_29_nothing_else_is_behind_the_gateway(api: Api, method: str, path: str):
    async with api.http.request(method, path) as reply:
        assert reply.status in {400, 404, 405}


@pytest.mark.parametrize("service", UPSTREAMS, ids=lambda one: one.name)
async def test_security_29_no_service_has_reading_pages_of_its_own(platform: Config, service: Any):
    async with aiohttp.ClientSession(service.url(platform)) as session:
        for path in ("/docs", "/redoc", "/debug"):
            async with session.get(path) as reply:
                assert reply.status == 404, path


IDENTITY_HEADERS = ("X-User-Id", "X-Forecourt-Subject", "X-Forecourt-Roles", "X-Internal-User", "X-Forwarded-User")


async def test_security_30_nobody_becomes_somebody_else_by_a_header(api: Api, world: World):
    """At the gateway and at a service alike: who asks is what the token says."""
    operation = api.operations["get", "/v1/me"]
    driver, other = (world.of("driver", side) for side in world.sides)
    mine = await api.ask(operation, driver.authorization, {})
    theirs = await api.ask(operation, other.authorization, {})
    forged = dict.fromkeys(IDENTITY_HEADERS, theirs.document["user_id"])
    answer = await api.ask(operation, None, {}, headers=forged | {"Authorization": driver.authorization})
    assert answer.document["user_id"] == mine.document["user_id"] != theirs.document["user_id"]
    assert (await api.ask(operation, None, {}, headers=forged)).status == 401
