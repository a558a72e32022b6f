"""The merged OpenAPI document."""

import json
import re

import brotli

from gateway.openapi import Document, merge
from gateway.routing import LIVE, Route
from servicekit.access import Permission
from servicekit.testkit import eventually

PRICES, STATION, ADMIN = "/v1/prices", "/v1/stations/{station_id}", "/v1/admin"
PLAIN = {"Accept-Encoding": "identity"}
ROUTES = [Route("GET", PRICES, "pricing"), Route("GET", "/v1/stations/{id}", "stations")]


def document(path: str, item: Document, **components: Document) -> Document:
    """A service's document with one public path, one that is not, and a schema that nobody needs."""
    operation = {
        "security": [{"oauth2": []}],
        "responses": {
            "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}}},
            "400": {"description": "OAuth's own", "content": {"application/json": {}}},
            "404": {"description": "not here"},
            "429": {"description": "OAuth's own", "content": {"application/json": {}}},
        },
    }
    page = {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}
    schemas = {"Page": page, "Item": item, "NotNeeded": {}}
    return {
        "paths": {path: {"get": operation, "post": operation}, ADMIN: {"get": operation}},
        "components": {"schemas": schemas, "securitySchemes": {"oauth2": {"type": "oauth2"}}} | components,
    }


def test_only_routes_of_the_table_and_what_they_need() -> None:
    merged = merge({"pricing": document(PRICES, {"type": "integer"})}, ROUTES)
    assert {path: list(operations) for path, operations in merged["paths"].items()} == {PRICES: ["get"]}
    assert list(merged["components"]["schemas"]) == ["Item", "Page", "Problem"]
    assert merged["components"]["securitySchemes"] == {"oauth2": {"type": "oauth2"}}


def test_path_of_another_service_is_left_out() -> None:
    assert merge({"stations": document(PRICES, {})}, ROUTES)["paths"] == {}


def test_parameters_may_have_other_names() -> None:
    assert list(merge({"stations": document(STATION, {})}, ROUTES)["paths"]) == [STATION]


def test_errors_that_nobody_described_are_problems() -> None:
    merged = merge({"pricing": document(PRICES, {})}, ROUTES)
    responses = merged["paths"][PRICES]["get"]["responses"]
    assert set(responses) == {"200", "400", "404", "413", "414", "429", "431", "502", "503", "504"}
    for status in ("404", "429", "503", "504"):
        schema = responses[status]["content"]["application/problem+json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Problem"}


def test_every_operation_says_who_may_call_it() -> None:
    rows = [Route("GET", PRICES, "pricing"), Route("POST", PRICES, "pricing", Permission.CLIENTS_MANAGE)]
    merged = merge({"pricing": document(PRICES, {})}, rows)["paths"][PRICES]
    assert merged["get"]["x-access"] == "anyone"
    access = {name: value for name, value in merged["post"].items() if name.startswith("x-")}
    assert access == {
        "x-permission": "clients:manage", "x-roles": ["manager", "owner"], "x-reach": "stations", "x-step-up": True,
    }  # fmt: skip
    assert "manager, owner" in merged["post"]["description"]


def test_errors_that_a_service_describes_stay() -> None:
    merged = merge({"pricing": document(PRICES, {})}, ROUTES)
    responses = merged["paths"][PRICES]["get"]["responses"]
    for status in ("400", "429"):
        assert list(responses[status]["content"]) == ["application/problem+json", "application/json"]


def test_reads_that_may_be_kept_say_so() -> None:
    merged = merge({"pricing": document(PRICES, {})}, [Route("GET", PRICES, "pricing", cache=LIVE)])
    assert "content" not in merged["paths"][PRICES]["get"]["responses"]["304"]


def test_same_name_and_content_is_shared() -> None:
    same = {"type": "integer"}
    merged = merge({"pricing": document(PRICES, same), "stations": document(STATION, same)}, ROUTES)
    assert list(merged["components"]["schemas"]) == ["Item", "Page", "Problem"]


def test_same_name_with_another_content_gets_a_prefix() -> None:
    documents = {"pricing": document(PRICES, {"type": "integer"}), "stations": document(STATION, {"type": "string"})}
    merged = merge(documents, ROUTES)
    schemas = merged["components"]["schemas"]
    assert schemas["Item"] == {"type": "integer"}
    assert schemas["StationsItem"] == {"type": "string"}
    content = merged["paths"][STATION]["get"]["responses"]["200"]["content"]
    page = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert schemas[page]["items"]["$ref"] == "#/components/schemas/StationsItem"


def test_order_of_the_services_changes_nothing() -> None:
    documents = {"pricing": document(PRICES, {"a": 1}), "stations": document(STATION, {"b": 1})}
    backwards = dict(reversed(documents.items()))
    assert json.dumps(merge(documents, ROUTES)) == json.dumps(merge(backwards, ROUTES))


async def test_gateway_serves_the_merged_document_and_keeps_it_while_a_service_is_away(service, start_gateway) -> None:
    service.document = document("/v1/prices", {"type": "integer"})
    async with start_gateway(openapi_refresh_seconds=0.05) as client:

        async def has_both() -> bool:
            async with client.get("/openapi.json", headers=PLAIN) as response:
                return list((await response.json())["paths"]) == ["/v1/prices", "/v1/prices/stream"]

        await eventually(has_both)
        await service.stop()
        for _ in range(5):
            assert await has_both()


async def test_the_document_is_tagged_and_compressed(start_gateway) -> None:
    async with start_gateway() as client:
        async with client.get("/openapi.json", headers={"Accept-Encoding": "br"}) as response:
            document = json.loads(brotli.decompress(await response.read()))
            assert response.headers["vary"] == "accept-encoding"
            tag = response.headers["etag"]
        assert document["info"]["title"] == "Forecourt API"
        async with client.get("/openapi.json", headers={"If-None-Match": tag}) as response:
            assert (response.status, await response.read()) == (304, b"")


async def test_gateway_describes_its_stream(start_gateway) -> None:
    async with start_gateway() as client, client.get("/openapi.json", headers=PLAIN) as response:
        merged = await response.json()
    responses = merged["paths"]["/v1/prices/stream"]["get"]["responses"]
    data = responses["200"]["content"]["text/event-stream"]["schema"]["properties"]["data"]
    events = [model["$ref"].rpartition("/")[2] for model in data["contentSchema"]["anyOf"]]
    assert events == ["PriceEvent", "ResetEvent"]
    assert "Problem" in merged["components"]["schemas"]


async def test_reading_page_loads_nothing_from_elsewhere(start_gateway) -> None:
    async with start_gateway() as client:
        async with client.get("/docs") as response:
            page = await response.text()
            policy = response.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "//" not in page.replace("<!doctype html>", "")
        assets = re.findall(r'(?:href|src)="(/docs/[^"]+)"', page)
        assert len(assets) == 4
        for path in assets:
            async with client.get(path) as response:
                assert response.status == 200, path
        async with client.get("/docs/none.js") as response:
            assert response.status == 404
