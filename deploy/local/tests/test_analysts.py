"""Analysts' users and rules: what they may read, and that nobody else's work takes it from them."""

from collections.abc import Iterator

import pytest

from local_stack import analysts, kafka_provision, secrets
from local_stack.config import Config, StackError
from local_stack.kafka import Kafka
from schemas.catalogue import CATALOGUE, LINKED_IDS, NOT_FOR_ANALYSTS, TOPIC_BY_NAME, TOPICS, analysts_read


@pytest.mark.parametrize("name", ["ada", "a-b", "team-7", "x" * 32])
def test_a_name_is_a_word(name: str) -> None:
    assert analysts.check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "ab", "x" * 33, "-ada", "ada-", "Ada", "a.da", "ada lovelace", "ada\n", "*", "ädä"]
)
def test_what_cannot_be_a_name_says_what_can(name: str) -> None:
    with pytest.raises(StackError, match="small letters"):
        analysts.check_name(name)


def test_no_topic_with_personal_data_is_read_directly() -> None:
    for topic in TOPICS:
        personal = [entry for entry in CATALOGUE if entry.topic == topic.name and entry.personal_data]
        fields = {name for entry in CATALOGUE if entry.topic == topic.name for name in entry.event.model_fields}
        if analysts_read(topic) == "directly":
            assert not personal
            assert not fields & LINKED_IDS - {"campaign_id"}
        elif topic.name not in NOT_FOR_ANALYSTS:
            assert personal


def test_an_analyst_has_rules_to_read_and_none_to_write() -> None:
    of_ada = kafka_provision.rules({"ada"}) - kafka_provision.rules()
    assert {rule[0] for rule in of_ada} == {"analyst-ada"}
    assert {rule[-1].name for rule in of_ada} == {"READ", "DESCRIBE"}
    names = {rule[2] for rule in of_ada}
    assert names == {*analysts.readable_topics("ada"), "analyst-ada."}
    assert not names & ({"payments.orders", *NOT_FOR_ANALYSTS})
    assert {"pricing.prices", "analyst-ada.payments.orders"} <= names
    assert NOT_FOR_ANALYSTS.keys() <= TOPIC_BY_NAME.keys()


@pytest.fixture
def kafka_server(infrastructure: Config) -> Iterator[Kafka]:
    server = Kafka(infrastructure, secrets.load(infrastructure))
    yield server
    for name in ("test-one", "test-two"):
        analysts.lock_out(server.admin(), name)
        analysts.discard(server.admin(), name)


def test_analysts_survive_what_every_up_does_and_go_when_removed(infrastructure: Config, kafka_server: Kafka) -> None:
    admin = kafka_server.admin()
    for name in ("test-one", "test-two"):
        analysts.require_room(admin, name)
        analysts.prepare(admin, name)
        analysts.give_password(infrastructure, admin, name)
    with pytest.raises(StackError, match="already"):
        analysts.require_room(admin, "test-one")
    kafka_server.provision()
    both = {"test-one", "test-two"}
    assert kafka_provision.analysts_of(admin) == both
    assert kafka_provision.current_rules(admin) == kafka_provision.rules(both)
    analysts.lock_out(admin, "test-one")
    analysts.discard(admin, "test-one")
    analysts.lock_out(admin, "test-one")  # once more, as after a death half-way
    assert kafka_provision.analysts_of(admin) == {"test-two"}
    assert kafka_provision.current_rules(admin) == kafka_provision.rules({"test-two"})
    topics = set(admin.list_topics(timeout=10).topics)
    assert not any(topic.startswith("analyst-test-one.") for topic in topics)
    assert "analyst-test-two.payments.orders" in topics


def test_one_that_was_begun_and_has_no_password_yet_is_no_analyst(kafka_server: Kafka) -> None:
    admin = kafka_server.admin()
    analysts.prepare(admin, "test-one")
    assert kafka_provision.analysts_of(admin) == set()
    kafka_server.provision()
    assert kafka_provision.current_rules(admin) == kafka_provision.rules()
    analysts.require_room(admin, "test-one")
    analysts.prepare(admin, "test-one")
    assert kafka_provision.current_rules(admin) == kafka_provision.rules({"test-one"})


def test_there_is_a_most_of_them(kafka_server: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysts, "analysts_of", lambda _: {f"test-{number}" for number in range(50)})
    with pytest.raises(StackError, match="the most"):
        analysts.require_room(kafka_server.admin(), "ada")
