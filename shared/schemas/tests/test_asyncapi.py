"""AsyncAPI 3.0's own rules, as far as they can be checked without its tools."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from schemas.asyncapi import document
from schemas.catalogue import CATALOGUE, TOPICS, analysts_read
from schemas.contracts import name_of
from schemas.export import FOLDER

DOCUMENT: dict[str, Any] = document()
COMPONENT_NAME = re.compile(r"[a-zA-Z0-9.\-_]+")
ALLOWED = {
    "": {"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components"},
    "servers": {"host", "protocol", "protocolVersion", "pathname", "description", "title", "summary", "variables",
                "security", "tags", "externalDocs", "bindings"},
    "channels": {"address", "messages", "title", "summary", "description", "servers", "parameters", "tags",
                 "externalDocs", "bindings"},
    "operations": {"action", "channel", "title", "summary", "description", "security", "tags", "externalDocs",
                   "bindings", "traits", "messages", "reply"},
    "messages": {"headers", "payload", "correlationId", "contentType", "name", "title", "summary", "description",
                 "tags", "externalDocs", "bindings", "examples", "traits"},
}  # fmt: skip


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of the document."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(child)


def resolve(reference: str) -> Any:
    """What a local reference points at; KeyError where that is nothing."""
    target: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        target = target[part.replace("~1", "/").replace("~0", "~")]
    return target


def test_the_committed_document_is_json_and_so_yaml():
    text = (FOLDER / "asyncapi.json").read_text(encoding="utf-8")
    assert json.loads(text) == yaml.safe_load(text) == DOCUMENT


def test_every_object_has_only_fields_of_the_specification():
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT.keys() <= ALLOWED[""]
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    for kind in ("servers", "channels", "operations"):
        assert all(one.keys() <= ALLOWED[kind] for one in DOCUMENT[kind].values())
    assert all(one.keys() <= ALLOWED["messages"] for one in DOCUMENT["components"]["messages"].values())


def test_every_reference_resolves():
    references = [one["$ref"] for one in walk(DOCUMENT) if "$ref" in one]
    assert len(references) > len(CATALOGUE)
    for reference in references:
        assert resolve(reference), reference


def test_component_names_follow_the_rule():
    for components in DOCUMENT["components"].values():
        assert all(COMPONENT_NAME.fullmatch(name) for name in components)


def test_every_topic_is_a_channel_with_its_messages():
    assert DOCUMENT["channels"].keys() == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        channel = DOCUMENT["channels"][topic.name]
        assert channel["address"] == channel["bindings"]["kafka"]["topic"] == topic.name
        assert channel["messages"].keys() == {name_of(e.event) for e in CATALOGUE if e.topic == topic.name}
        assert channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] == [topic.cleanup]


def test_every_operation_names_messages_of_its_own_channel():
    for name, operation in DOCUMENT["operations"].items():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        assert resolve(channel)["messages"]
        assert operation["messages"]
        assert all(one["$ref"].startswith(f"{channel}/messages/") for one in operation["messages"]), name


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_who_sends_and_who_receives_is_who_may(topic: Any):
    of_topic = {name: one["action"] for name, one in DOCUMENT["operations"].items() if name.endswith(topic.name)}
    senders = {name.split(".")[0] for name, action in of_topic.items() if action == "send"}
    receivers = {name.split(".")[0] for name, action in of_topic.items() if action == "receive"}
    assert senders == {topic.producer}
    assert receivers == {*topic.consumers, *(("analyst",) if analysts_read(topic) == "directly" else ())}


def test_the_server_asks_for_a_login():
    [security] = DOCUMENT["servers"]["kafka"]["security"]
    assert resolve(security["$ref"])["type"] == "scramSha256"
    assert set(re.findall(r"\{(\w+)\}", DOCUMENT["servers"]["kafka"]["host"])) == {"bootstrap"}


def test_payloads_use_only_what_draft_7_knows_too():
    """AsyncAPI's own schema format is a superset of draft 7."""
    later = {"$defs", "prefixItems", "unevaluatedProperties", "dependentRequired", "$dynamicRef", "minContains"}
    assert all(not later & one.keys() for one in walk(DOCUMENT["components"]))


def test_examples_carry_the_type_that_the_headers_ask_for():
    for message in DOCUMENT["components"]["messages"].values():
        headers = message["headers"]
        for example in message["examples"]:
            assert example.keys() == {"name", "headers", "payload"}
            assert set(headers["required"]) <= example["headers"].keys() <= headers["properties"].keys()
            assert example["headers"]["ce_type"] == headers["properties"]["ce_type"]["const"] == message["name"]
