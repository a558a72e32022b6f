"""An export and an erasure cover every service: a new one cannot be forgotten."""

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from identity.domain.exports import CONTENTS
from local_stack.services import UPSTREAMS
from schemas.catalogue import CATALOGUE, topic_of
from schemas.events import UserErasedV1, UserMergedV1

from .conftest import SERVICES

WITH_STORE = {service.name for service in UPSTREAMS}
"""What can hold anything of a person."""
OTHERS = WITH_STORE - {"identity"}
ROUTE = "/internal/personal-data/{subject}"


def test_security_42_an_export_asks_every_service_that_has_a_store(apps: dict[str, FastAPI]) -> None:
    asked = apps["identity"].state.settings.personal_data_urls
    assert asked.keys() == OTHERS
    assert CONTENTS.keys() == WITH_STORE, "the archive's README says what each file holds"
    owners = {entry.owner for entry in CATALOGUE}
    assert owners <= WITH_STORE


def test_security_42_every_service_answers_for_a_person(apps: dict[str, FastAPI]) -> None:
    answering = {
        name for name, app in apps.items() if any(one.path == ROUTE for one in iter_route_contexts(app.routes))
    }
    assert answering == OTHERS


def test_security_42_every_service_is_told_of_erasures_and_merges() -> None:
    for event in (UserErasedV1, UserMergedV1):
        assert set(topic_of(event).consumers) >= OTHERS
        assert {name for name, service in SERVICES.items() if event in service.subscriptions} >= OTHERS
