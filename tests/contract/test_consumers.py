"""Every consumer of a topic takes every event on it, on its real store; also one with fields of a later release."""

from collections.abc import Set

import pytest

from schemas.base import Event
from schemas.catalogue import CATALOGUE, TOPICS, topic_of
from schemas.contracts import name_of
from schemas.events import (
    AccessRevokedV1,
    OrderCancelledV1,
    OrderCompletedV1,
    OrderPaidV1,
    OrderRefundedV1,
    PointsExpiringV1,
    TierChangedV1,
    UserErasedV1,
)
from servicekit.personal_data import EVENTS
from servicekit.testkit import Issuer, KafkaProbe

from .conftest import SERVICES, RunningConsumer
from .golden import GOLDEN, OPERATOR, Golden
from .test_gateway import READ_BY_THE_GATEWAY

PAIRS = [
    (golden, consumer)
    for golden in GOLDEN
    for consumer in golden.topic.consumers
    if consumer in SERVICES and golden.entry.event in SERVICES[consumer].subscriptions
]
EVERY_PAIR = pytest.mark.parametrize(("golden", "consumer"), PAIRS, ids=lambda one: str(one))


USERS = frozenset(entry.event for entry in CATALOGUE if entry.topic == topic_of(UserErasedV1).name)
OTHER_STEPS = frozenset(entry.event for entry in CATALOGUE if entry.topic == topic_of(OrderPaidV1).name) - {
    OrderPaidV1,
    OrderCompletedV1,
    OrderRefundedV1,
    OrderCancelledV1,
}
ELSEWHERE = {
    "analytics": (USERS - set(EVENTS)) | {PointsExpiringV1, TierChangedV1},
    "identity": USERS,  # read back by `forecourt personal-data reapply-erasures`
    "loyalty": (USERS - set(EVENTS)) | OTHER_STEPS,
    "payments": USERS - set(EVENTS),
    "pricing": USERS - set(EVENTS),  # of no concern, but on the topic of those that are
    "stations": USERS - set(EVENTS),
}
"""What a service may read and its consumer does not handle, with the reason."""


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: name_of(entry.event))
def test_every_consumer_in_the_catalogue_handles_the_event(entry):
    for consumer in topic_of(entry.event).consumers:
        known = _handled(consumer) | ELSEWHERE.get(consumer, frozenset())
        assert entry.event in known, f"{consumer} may read {entry.topic} and does nothing about {entry.event.type()}"


@pytest.mark.parametrize("name", SERVICES)
def test_every_subscription_is_in_the_catalogue(name: str):
    subscribed = {topic_of(event).name for event in _handled(name) | ELSEWHERE[name]}
    assert subscribed == {topic.name for topic in TOPICS if name in topic.consumers}


def _handled(consumer: str) -> Set[type[Event]]:
    """What is done about in the store, in a replica's memory, or by the kit's own reader of revocations."""
    if consumer == "gateway":
        return READ_BY_THE_GATEWAY | {AccessRevokedV1}
    service = SERVICES[consumer]
    return {*service.subscriptions, *service.live, AccessRevokedV1}


@EVERY_PAIR
async def test_the_consumer_takes_the_golden_record(
    golden: Golden, consumer: str, consumers: dict[str, RunningConsumer], kafka: KafkaProbe, issuer: Issuer
):
    identity = await golden.send(kafka, issuer)
    assert await consumers[consumer].refusal(*identity) is None


@EVERY_PAIR
async def test_the_consumer_ignores_fields_of_a_later_release(
    golden: Golden, consumer: str, consumers: dict[str, RunningConsumer], kafka: KafkaProbe, issuer: Issuer
):
    identity = await golden.send(kafka, issuer, added_in_a_later_release={"x": [1]})
    assert await consumers[consumer].refusal(*identity) is None


async def test_a_refusal_names_the_consumer_and_the_field(
    consumers: dict[str, RunningConsumer], kafka: KafkaProbe, issuer: Issuer
):
    golden = next(golden for golden in GOLDEN if str(golden) == "pricing.PriceChanged.v1-full")
    refusal = await consumers["stations"].refusal(*await golden.send(kafka, issuer, price_mills="a lot"))
    assert refusal is not None
    assert refusal.startswith("stations.main refuses it: ")
    assert "price_mills" in refusal


async def test_a_golden_report_is_taken_over_http_too(consumers: dict[str, RunningConsumer], issuer: Issuer):
    for golden in (golden for golden in GOLDEN if golden.topic.name == "pricing.reports"):
        headers = issuer.bearer("prices:write", operators=[OPERATOR])
        reply = await consumers["pricing"].client.post("/v1/price-reports", json=golden.value, headers=headers)
        assert reply.status_code == 200, reply.text
        assert len(reply.json()["verdicts"]) == len(golden.value["reports"])
