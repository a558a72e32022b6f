"""What the catalogue asks of a broker: users, topics and who may read or write them."""

# confluent_kafka re-exports without __all__ and annotates filters as if None (any) were not allowed.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false

import json
from collections.abc import Collection, Iterable
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from local_stack.config import Config, StackError
from local_stack.processes import wait_until
from local_stack.secrets import KAFKA_ADMIN, KAFKA_PRINCIPALS, Secrets
from local_stack.services import SERVICES
from schemas.catalogue import (
    ANALYST,
    COPIER,
    OBSERVER,
    STATION_SYSTEMS,
    TOPICS,
    Topic,
    analysts_read,
    copy_of,
    principal_of,
)

REPORTS_TOPIC = "pricing.reports"
"""Raw reports carry their senders' access tokens, so observers do not see them."""

TIMEOUT_SECONDS = 20.0
_SCRAM_ITERATIONS = 4096
"""Kafka's least; the passwords have 192 random bits, so more would only slow each login."""

Rule = tuple[str, ResourceType, str, ResourcePatternType, AclOperation]
"""Principal, kind of resource, its name, literal or prefixed, and what is allowed."""


def client_settings(config: Config, secrets: Secrets, principal: str) -> dict[str, Any]:
    """librdkafka's settings for a principal."""
    return {
        "bootstrap.servers": config.kafka_bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": principal,
        "sasl.password": secrets[f"kafka.{principal}"],
        "log_level": 0,
    }


def topic_settings(topic: Topic) -> dict[str, str]:
    """A topic's settings. The broker's own clock stamps what station systems send: theirs is not to be trusted."""
    settings = {
        "cleanup.policy": topic.cleanup,
        "message.timestamp.type": "LogAppendTime" if topic.producer == STATION_SYSTEMS else "CreateTime",
    }
    return settings | ({"retention.ms": str(topic.retention_ms)} if topic.cleanup == "delete" else {})


def analysts_of(admin: AdminClient) -> set[str]:
    """The analysts that there are: the broker's own users are the register of who may log in."""
    return {user.removeprefix(f"{ANALYST}-") for user in _users(admin) if user.startswith(f"{ANALYST}-")}


def _users(admin: AdminClient) -> set[str]:
    described: Any = admin.describe_user_scram_credentials(request_timeout=TIMEOUT_SECONDS)  # of all: one future
    return set(described.result(timeout=TIMEOUT_SECONDS))


def rules(analysts: Collection[str] = ()) -> set[Rule]:
    """Every access rule; what is not here is refused."""
    return _rules_of_the_suite().union(*map(_rules_of_an_analyst, analysts))


def _rules_of_an_analyst(name: str) -> set[Rule]:
    """To read, and nothing else: no topic is theirs to write, nor another's group to join."""
    principal = principal_of(name)
    found: set[Rule] = {(principal, ResourceType.GROUP, f"{principal}.", ResourcePatternType.PREFIXED,
                         AclOperation.READ)}  # fmt: skip
    for topic in TOPICS:
        if reading := analysts_read(topic):
            readable = topic.name if reading == "directly" else copy_of(topic.name, name)
            found |= _topic_rules(principal, readable, AclOperation.READ)
    return found


def _rules_of_the_suite() -> set[Rule]:
    found: set[Rule] = set()
    for topic in TOPICS:
        found |= _topic_rules(topic.producer, topic.name, AclOperation.WRITE)
        for consumer in topic.consumers:
            found |= _topic_rules(consumer, topic.name, AclOperation.READ)
        if topic.name != REPORTS_TOPIC:
            found |= _topic_rules(OBSERVER, topic.name, AclOperation.READ)
        if analysts_read(topic) == "as a copy":
            found |= _topic_rules(COPIER, topic.name, AclOperation.READ)
    copies = (COPIER, ResourceType.TOPIC, f"{ANALYST}-", ResourcePatternType.PREFIXED)
    found |= {(*copies, AclOperation.WRITE), (*copies, AclOperation.DESCRIBE)}
    for producer in {topic.producer for topic in TOPICS}:
        cluster = (ResourceType.BROKER, "kafka-cluster", ResourcePatternType.LITERAL)
        found.add((producer, *cluster, AclOperation.IDEMPOTENT_WRITE))
    for consumer in {OBSERVER, *(service.name for service in SERVICES)}:
        found.add((consumer, ResourceType.GROUP, f"{consumer}.", ResourcePatternType.PREFIXED, AclOperation.READ))
    return found


def desired_state(secrets: Secrets) -> str:
    """Everything that `apply` makes, as text, so that a stack may skip it when nothing changed."""
    topics = {topic.name: (topic.partitions, topic_settings(topic)) for topic in TOPICS}
    users = {name: secrets[f"kafka.{name}"] for name in KAFKA_PRINCIPALS}
    return json.dumps([topics, users, sorted(map(str, rules()))])


def apply(admin: AdminClient, secrets: Secrets) -> None:
    """Bring the broker to the desired state; users and rules that are no longer wanted go, analysts stay."""
    _apply_users(admin, secrets)
    _apply_topics(admin)
    apply_rules(admin, analysts_of(admin))


def _topic_rules(principal: str, topic: str, operation: AclOperation) -> set[Rule]:
    resource = (principal, ResourceType.TOPIC, topic, ResourcePatternType.LITERAL)
    return {(*resource, operation), (*resource, AclOperation.DESCRIBE)}


def _apply_users(admin: AdminClient, secrets: Secrets) -> None:
    set_passwords(admin, {name: secrets[f"kafka.{name}"] for name in KAFKA_PRINCIPALS if name != KAFKA_ADMIN})
    analysts = {principal_of(name) for name in analysts_of(admin)}
    remove_users(admin, _users(admin) - set(KAFKA_PRINCIPALS) - analysts)


def set_passwords(admin: AdminClient, passwords: dict[str, str]) -> None:
    """Make users, or give them new passwords; the broker keeps salted hashes."""
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, _SCRAM_ITERATIONS)
    changes = [UserScramCredentialUpsertion(user, info, word.encode()) for user, word in passwords.items()]
    finish(admin.alter_user_scram_credentials(changes, request_timeout=TIMEOUT_SECONDS).values())


def remove_users(admin: AdminClient, users: Collection[str]) -> None:
    """Nobody logs in as one of them any more."""
    if users:
        changes = [UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_256) for user in users]
        finish(admin.alter_user_scram_credentials(changes, request_timeout=TIMEOUT_SECONDS).values())


def _apply_topics(admin: AdminClient) -> None:
    existing = admin.list_topics(timeout=TIMEOUT_SECONDS).topics
    new = [
        NewTopic(topic.name, topic.partitions, replication_factor=1, config=topic_settings(topic))
        for topic in TOPICS
        if topic.name not in existing
    ]
    if new:
        finish(admin.create_topics(new, request_timeout=TIMEOUT_SECONDS).values())
    kept = [topic for topic in TOPICS if topic.name in existing]
    if kept:
        resources = [_settings_resource(topic) for topic in kept]
        finish(admin.incremental_alter_configs(resources, request_timeout=TIMEOUT_SECONDS).values())
    grown = [
        NewPartitions(topic.name, topic.partitions)
        for topic in kept
        if topic.partitions > len(existing[topic.name].partitions)
    ]
    if grown:
        finish(admin.create_partitions(grown, request_timeout=TIMEOUT_SECONDS).values())


def _settings_resource(topic: Topic) -> ConfigResource:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in topic_settings(topic).items()
    ]
    return ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries)


def current_rules(admin: AdminClient) -> set[Rule]:
    """The rules that the broker has now."""
    everything = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
    )
    found = admin.describe_acls(everything, request_timeout=TIMEOUT_SECONDS).result()
    return {
        (acl.principal.removeprefix("User:"), acl.restype, acl.name, acl.resource_pattern_type, acl.operation)
        for acl in found
    }


def apply_rules(admin: AdminClient, analysts: Collection[str]) -> None:
    """Make the access rules those of the suite and of these analysts, and wait until they hold."""
    found, wanted = current_rules(admin), rules(analysts)
    if wanted - found:
        bindings = [_binding(rule) for rule in wanted - found]
        finish(admin.create_acls(bindings, request_timeout=TIMEOUT_SECONDS).values())
    if found - wanted:
        unwanted = [_exactly(_binding(rule)) for rule in found - wanted]
        finish(admin.delete_acls(unwanted, request_timeout=TIMEOUT_SECONDS).values())
    # The controller has accepted the rules; the broker acts on them, and on the users before them, a moment later.
    if not wait_until(lambda: current_rules(admin) == wanted, TIMEOUT_SECONDS):
        raise StackError("Kafka does not take over its access rules: read its log with `./forecourt logs kafka`")


def _binding(rule: Rule) -> AclBinding:
    principal, kind, name, pattern, operation = rule
    return AclBinding(kind, name, pattern, f"User:{principal}", "*", operation, AclPermissionType.ALLOW)


def _exactly(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype, binding.name, binding.resource_pattern_type, binding.principal, binding.host,
        binding.operation, binding.permission_type,
    )  # fmt: skip


def finish(futures: Iterable[Any]) -> None:
    """Wait for each answer; the first refusal is raised."""
    for future in futures:
        future.result(timeout=TIMEOUT_SECONDS)
