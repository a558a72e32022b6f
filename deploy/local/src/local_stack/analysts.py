"""Analysts' access to Kafka: a user of their own who only reads, and the topics that their copies lie in."""

# confluent_kafka re-exports without __all__.
# pyright: reportPrivateImportUsage=false

import re
import secrets
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from local_stack.config import Config, StackError
from local_stack.kafka_provision import (
    TIMEOUT_SECONDS,
    analysts_of,
    apply_rules,
    finish,
    remove_users,
    set_passwords,
)
from local_stack.processes import wait_until
from schemas.catalogue import COPIED, COPIES_KEEP_MS, TOPICS, analysts_read, copy_of, principal_of

MOST_ANALYSTS = 50
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,30})[a-z0-9]")
GROUPS_END_SECONDS = 10.0


def check_name(name: str) -> str:
    """The name; StackError where it cannot be one."""
    if NAME.fullmatch(name):
        return name
    raise StackError(f"{name!r} cannot be an analyst's name: 3 to 32 small letters, digits and hyphens between them")


def require_room(admin: AdminClient, name: str) -> None:
    """StackError where there is such an analyst already, or no room for one more."""
    known = analysts_of(admin)
    if name in known:
        raise StackError(f"there is an analyst {name} already: rotate the password, or remove it first")
    if len(known) >= MOST_ANALYSTS:
        raise StackError(f"there are {len(known)} analysts, which is the most: remove one first")


def prepare(admin: AdminClient, name: str) -> None:
    """Make the topics of the analyst's copies and the rules of who reads them; what is there already stays."""
    existing = admin.list_topics(timeout=TIMEOUT_SECONDS).topics
    new = [
        NewTopic(copy, topic.partitions, replication_factor=1, config={
            "cleanup.policy": "delete", "retention.ms": str(min(topic.retention_ms, COPIES_KEEP_MS)),
        })
        for topic in COPIED if (copy := copy_of(topic.name, name)) not in existing
    ]  # fmt: skip
    if new:
        finish(admin.create_topics(new, request_timeout=TIMEOUT_SECONDS).values())
    apply_rules(admin, {*analysts_of(admin), name})


def give_password(config: Config, admin: AdminClient, name: str) -> str:
    """A new password that works: an older one does not any more. It is kept nowhere but as the broker's hash."""
    password = secrets.token_urlsafe(24)
    set_passwords(admin, {principal_of(name): password})
    settings = client_settings(config, name, password) | {"log_level": 0}

    def logs_in() -> bool:
        with suppress(KafkaException):
            return bool(AdminClient(settings).list_topics(timeout=2))
        return False

    if not wait_until(logs_in, TIMEOUT_SECONDS):
        raise StackError(f"Kafka does not let {principal_of(name)} in: read its log with `./forecourt logs kafka`")
    return password


def lock_out(admin: AdminClient, name: str) -> None:
    """Nobody reads as this analyst any more: the rules end what is connected, too."""
    analysts = analysts_of(admin)
    if name in analysts:
        remove_users(admin, {principal_of(name)})
    apply_rules(admin, analysts - {name})


def discard(admin: AdminClient, name: str) -> None:
    """Delete the analyst's copies, and where its groups and those of its copies were."""
    prefix = f"{principal_of(name)}."
    copies = [topic for topic in admin.list_topics(timeout=TIMEOUT_SECONDS).topics if topic.startswith(prefix)]
    if copies:
        finish(admin.delete_topics(copies, request_timeout=TIMEOUT_SECONDS).values())
    # A group cannot go while somebody is in it. What is left of one names nobody, and the broker forgets it in a week.
    wait_until(lambda: _groups_gone(admin, (prefix, f"analytics.copy.{name}.")), GROUPS_END_SECONDS)


def client_settings(config: Config, name: str, password: str) -> dict[str, Any]:
    """What a client of librdkafka (confluent-kafka, kcat) needs to read as this analyst."""
    return {
        "bootstrap.servers": config.kafka_bootstrap, "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256", "sasl.username": principal_of(name), "sasl.password": password,
    }  # fmt: skip


def readable_topics(name: str) -> list[str]:
    """Every topic that the analyst may read, by the names it has for them."""
    reading = {topic.name: analysts_read(topic) for topic in TOPICS}
    return [copy_of(topic, name) if how == "as a copy" else topic for topic, how in reading.items() if how]


def _groups_gone(admin: AdminClient, prefixes: tuple[str, ...]) -> bool:
    listed = admin.list_consumer_groups(request_timeout=TIMEOUT_SECONDS).result(timeout=TIMEOUT_SECONDS).valid
    groups = [one.group_id for one in listed or () if one.group_id.startswith(prefixes)]
    if groups:
        for future in admin.delete_consumer_groups(groups, request_timeout=TIMEOUT_SECONDS).values():
            with suppress(KafkaException):
                future.result(timeout=TIMEOUT_SECONDS)
    return not groups
