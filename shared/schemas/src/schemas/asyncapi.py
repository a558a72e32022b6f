"""The suite's events as one AsyncAPI 3.0 document: topics, messages, and who sends or receives them."""

from typing import Any

from pydantic.json_schema import models_json_schema

from schemas.catalogue import ANALYST, CATALOGUE, STATION_SYSTEMS, TOPICS, Entry, Topic, analysts_read
from schemas.contracts import name_of
from schemas.examples import golden_records

BINDING_VERSION = "0.5.0"
ANALYSTS_GROUPS = f"{ANALYST}-[a-z0-9-]+"
SASL = {"$ref": "#/components/securitySchemes/sasl"}


def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Forecourt events",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in binary mode on Kafka. A topic holds one kind of aggregate, its key is "
            "the aggregate's id, and consumers ignore fields and event types that they do not know.",
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": _server()},
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(operation for topic in TOPICS for operation in _operations(topic)),
        "components": {
            "messages": {name_of(entry.event): _message(entry) for entry in CATALOGUE},
            "schemas": _schemas(),
            "securitySchemes": {
                "sasl": {"type": "scramSha256", "description": "A Kafka user per service, with access rules per topic"}
            },
        },
    }


def _server() -> dict[str, Any]:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka-secure",
        "description": "SASL_SSL in production; the local stack speaks SASL_PLAINTEXT on loopback.",
        "variables": {"bootstrap": {"default": "127.0.0.1:8090", "description": "Kafka's bootstrap server"}},
        "security": [SASL],
    }


def _channel(topic: Topic) -> dict[str, Any]:
    settings: dict[str, Any] = {"cleanup.policy": [topic.cleanup]}
    if topic.cleanup == "delete":
        settings["retention.ms"] = topic.retention_ms
    binding = {
        "topic": topic.name, "partitions": topic.partitions, "topicConfiguration": settings,
        "bindingVersion": BINDING_VERSION,
    }  # fmt: skip
    return {
        "address": topic.name,
        "description": topic.description,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _names(topic)},
        "bindings": {"kafka": binding},
    }


def _names(topic: Topic) -> list[str]:
    return [name_of(entry.event) for entry in CATALOGUE if entry.topic == topic.name]


def _operations(topic: Topic) -> list[tuple[str, dict[str, Any]]]:
    readers = [*topic.consumers, *([ANALYST] if analysts_read(topic) == "directly" else [])]
    actions = [(topic.producer, "send"), *((reader, "receive") for reader in readers)]
    return [(f"{service}.{action}.{topic.name}", _operation(service, action, topic)) for service, action in actions]


def _operation(service: str, action: str, topic: Topic) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "title": f"{service} {action}s {topic.name}",
        "tags": [{"name": service}],
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in _names(topic)],
    }
    if action == "receive":
        group = {"type": "string", "pattern": rf"^{ANALYSTS_GROUPS if service == ANALYST else service}\."}
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": BINDING_VERSION}}
    return operation


def _message(entry: Entry) -> dict[str, Any]:
    examples = golden_records()[entry.event].items()
    return {
        "name": entry.event.type(),
        "title": name_of(entry.event),
        "summary": entry.event.__doc__,
        "contentType": "application/json",
        "headers": _headers(entry),
        "payload": {"$ref": f"#/components/schemas/{entry.event.__name__}"},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": BINDING_VERSION}},
        "examples": [
            {"name": name, "headers": record["headers"], "payload": record["value"]} for name, record in examples
        ],
    }


def _headers(entry: Entry) -> dict[str, Any]:
    text = {"type": "string"}
    properties: dict[str, Any] = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": text | {"description": "With ce_source the identity of the event: the same twice is one event"},
        "ce_source": text,
        "ce_type": {"const": entry.event.type()},
        "ce_time": text | {"format": "date-time", "description": "When it was published"},
        "content-type": {"const": "application/json"},
        "traceparent": text | {"description": "W3C trace context of the change"},
    }
    required = ["ce_specversion", "ce_id", "ce_source", "ce_type"]
    if next(topic for topic in TOPICS if topic.name == entry.topic).producer == STATION_SYSTEMS:
        properties["authorization"] = text | {"description": "Bearer and the sender's access token (prices:write)"}
        required.append("authorization")
    return {"type": "object", "properties": properties, "required": required}


def _schemas() -> dict[str, Any]:
    """The payloads and what they share, under `#/components/schemas`."""
    models = [(entry.event, "serialization") for entry in CATALOGUE]
    _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")  # pyright: ignore[reportArgumentType] - the tuple's literal is widened
    return definitions["$defs"]
