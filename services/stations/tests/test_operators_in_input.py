"""What clients send becomes no operator and no path of a MongoDB command: every field of every operation is tried."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from servicekit.cursors import encode_cursor
from servicekit.ids import new_id
from servicekit.testkit import Issuer, KafkaProbe, eventually, running
from stations.main import create_app
from stations.settings import Settings

from .conftest import Stations, row

MARK = "operatormark"
"""In keys only: where one turns up as a key of a command, what was sent has become part of a question."""
OPERATOR, DOTTED = f"${MARK}", f"{MARK}.name"
VALUES: tuple[Any, ...] = ({OPERATOR: ""}, {DOTTED: ""}, [{OPERATOR: ""}])
SCOPES = ("stations:write", "pumps:write", "driver")


class Commands(CommandListener):
    """Every command that the driver sends."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.count = 0

    def started(self, event: CommandStartedEvent) -> None:
        """Keeps the keys of the command, at any depth."""
        self.count += 1
        self.keys |= set(keys_of(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing to keep."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing to keep."""


def keys_of(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield key
            yield from keys_of(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from keys_of(value)


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest.fixture
async def watched(
    settings: Settings, issuer: Issuer, kafka: KafkaProbe, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stations]:
    """The service, with all that it asks MongoDB."""
    monkeypatch.setattr("servicekit.mongo.AsyncIOMotorClient", partial(AsyncIOMotorClient, event_listeners=[commands]))
    app = create_app(settings)
    async with running(app) as client:
        stations = Stations(client, app.state.store, issuer, settings, kafka, f"operator-{new_id()}", app.state.indexer)
        await eventually(stations.indexer.is_loaded)
        yield stations


def spoilt(example: Any) -> Iterator[Any]:
    """The example with one value replaced, or one key added, at each of its places."""
    yield from VALUES
    if isinstance(example, dict):
        yield example | {OPERATOR: "x"}
        yield example | {DOTTED: "x"}
        for name, value in example.items():
            yield from (example | {name: one} for one in spoilt(value))
    if isinstance(example, list):
        yield from ([one] for value in example[:1] for one in spoilt(value))


def examples_of(station: str, operator: str) -> dict[tuple[str, str], Any]:
    """A good body for each operation that takes one."""
    return {
        ("post", "/v1/station-imports"): {"operator": operator, "stations": [row()]},
        ("post", "/v1/stations"): row() | {"operator": operator},
        ("patch", "/v1/stations/{station_id}"): {"name": "Aral Alex", "address": {"city": "Berlin"}},
        ("post", "/v1/stations/{station_id}/closures"): {"reason": "sold"},
        ("put", "/v1/stations/{station_id}/pumps/{pump_id}"): {"status": "free", "fuels": ["e5"]},
        ("put", "/v1/me/favourites/{station_id}"): {"note": "near home"},
        ("post", "/v1/stations/{station_id}/reviews"): {"stars": 5, "text": "good"},
    }


async def test_security_24_no_operator_or_dotted_key_reaches_a_filter(watched: Stations, commands: Commands):
    station = str(await watched.register())
    headers = watched.bearer(*SCOPES)
    document = (await watched.client.get("/openapi.json")).json()
    bodies = examples_of(station, watched.operator)
    asked = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert ("requestBody" in operation) == ((method, path) in bodies), f"give {method} {path} a body here"
            for url, query, body in requests(path, operation, station, bodies.get((method, path))):
                reply = await watched.client.request(method, url, params=query, json=body, headers=headers)
                assert reply.status_code < 500, (method, url, query, body, reply.text)
                asked += 1
    assert asked > 200
    assert commands.count > 100
    assert {key for key in commands.keys if MARK in key} == set()


def requests(
    path: str, operation: dict[str, Any], station: str, body: Any
) -> Iterator[tuple[str, dict[str, str] | None, Any]]:
    """(URL, query, body) of each attempt."""
    good = path.format(station_id=station, pump_id="1")
    texts = [json.dumps({OPERATOR: ""}), OPERATOR, DOTTED]
    for parameter in operation.get("parameters", []):
        name = parameter["name"]
        if parameter["in"] == "path":
            others = {"station_id": station, "pump_id": "1"}
            yield from ((path.format(**others | {name: text}), None, body) for text in texts)
        if parameter["in"] == "query":
            yield from ((good, {name: text}, body) for text in texts)
            yield from ((good, {f"{name}[{key}]": "x"}, body) for key in (OPERATOR, DOTTED))
        if name == "cursor":
            yield from ((good, {name: encode_cursor(value)}, body) for value in (*VALUES, [{OPERATOR: ""}, station]))
    if body is not None:
        yield from ((good, None, one) for one in spoilt(body))


def test_the_listener_would_see_it(commands: Commands):
    assert set(keys_of({"find": "x", "filter": {"$or": [{OPERATOR: 1}]}})) == {"find", "filter", "$or", OPERATOR}
