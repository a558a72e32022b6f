"""The search for canaries finds a leak wherever one is put, and takes nothing else for one."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from local_stack import canaries, secrets
from local_stack.canaries import Hunt, Leak, disguises, mongo, postgres
from local_stack.config import Config
from local_stack.environment import kafka_credentials
from servicekit.testkit import KafkaProbe, canary_phone, eventually

TOPIC, DATABASE = "scratch", "scratch"
NUMBER = "+8613800138000"
CANARY = "+8619900123456"


@pytest.mark.parametrize(
    "line",
    [f"sent to {CANARY}", f"GET /v1/x?phone=%2B{CANARY[1:]}", json.dumps({"phone": CANARY[1:]}),
     r"a careful \u002b8619900123456", "national 19900123456", "mail x@canary-forecourt.example", "plate 沪A·CANARY1",
     "nickname canary-7", "card 9900123412341234", '{"number": "9900 1234 1234 1234"}', "to 9900-1234-1234-1234-567"],
)  # fmt: skip
def test_security_41_leak_in_a_log_or_trace_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "service.log").write_text(f"nothing here\n{line}\n", encoding="utf-8")
    hunt = Hunt()
    hunt.files(tmp_path)
    assert [leak.place for leak in hunt.leaks] == ["service.log:2"]


@pytest.mark.parametrize(
    "line",
    ["zone Atlantic/Canary", "trace a19900123456bcdef", "at 1719900123456", "share 0.19900123456", "19900123456789",
     "card 990012******1234", "at 1799001234123412345", "9900 rows in 12 s", "trace a9900123412341234"],
)  # fmt: skip
def test_what_only_looks_like_a_canary_is_left_alone(line: str) -> None:
    hunt = Hunt()
    hunt.look("log", line)
    assert hunt.leaks == []


@pytest.mark.parametrize("writing", sorted(disguises(NUMBER)))
def test_security_41_known_value_is_found_in_any_writing(writing: bytes) -> None:
    hunt = Hunt([NUMBER])
    hunt.look("column", b"\x00\xff" + writing)
    hunt.look("another", writing[::-1])
    assert [leak.place for leak in hunt.leaks] == ["column"]


async def is_gone(admin: AIOKafkaAdminClient) -> bool:
    return TOPIC not in await admin.list_topics()


@pytest.fixture
async def topic(infrastructure: Config) -> AsyncIterator[str]:
    """A topic that is gone before the last search."""
    admin = AIOKafkaAdminClient(**kafka_credentials(infrastructure, secrets.KAFKA_ADMIN))
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, 1, 1)])
    try:
        yield TOPIC
    finally:
        await admin.delete_topics([TOPIC])
        await eventually(lambda: is_gone(admin))
        await admin.close()


def test_security_41_a_session_fails_whose_tests_left_a_canary(
    infrastructure: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hunt(config: Config) -> list[Leak]:
        return [Leak("outbox", f"of {config.data.name}")]

    monkeypatch.setattr(canaries, "hunt_in_stack", hunt)
    with pytest.raises(AssertionError, match=f"of {infrastructure.data.name}"):
        canaries.expect_none(infrastructure)


async def test_security_41_leak_in_a_topic_is_found(infrastructure: Config, topic: str) -> None:
    probe, phone = KafkaProbe(kafka_credentials(infrastructure, secrets.KAFKA_ADMIN)), canary_phone().encode()
    await probe.send(topic, phone)
    await probe.send(topic, b"{}", phone)
    await probe.send(topic, b"{}", None, [("ce_x", phone)])
    await probe.send(topic, b"{}")
    hunt = Hunt()
    await hunt.topics(kafka_credentials(infrastructure, secrets.KAFKA_ADMIN))
    assert [leak.place for leak in hunt.leaks if topic in leak.place] == [f"topic {topic}/0/{n}" for n in range(3)]


async def test_security_41_leak_in_a_table_is_found(infrastructure: Config) -> None:
    hunt = Hunt()
    async with postgres(infrastructure) as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("CREATE SCHEMA scratch")
        await connection.execute("CREATE TABLE scratch.dead_letters (value bytea, headers jsonb)")
        await connection.execute("INSERT INTO scratch.dead_letters VALUES ($1, '{}')", canary_phone().encode())
        await connection.execute("""INSERT INTO scratch.dead_letters VALUES ('', '{"x": "canary-1"}')""")
        await hunt.postgres(connection, ["dead_letters"])
        await transaction.rollback()
    columns = [leak.place for leak in hunt.leaks if leak.place.startswith("scratch.")]
    assert columns == ["scratch.dead_letters.value", "scratch.dead_letters.headers"]


async def test_security_41_leak_in_a_collection_is_found(infrastructure: Config) -> None:
    hunt = Hunt()
    with mongo(infrastructure) as client:
        await client[DATABASE].outbox.insert_one({"record": {"headers": [{"x": canary_phone()}]}})
        await hunt.mongo(client[DATABASE])
        await client.drop_database(DATABASE)
    assert [leak.place for leak in hunt.leaks] == [f"{DATABASE}.outbox.record.headers.x"]
