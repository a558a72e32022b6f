"""What views see of an event is what the event says."""

import re

import msgspec
import pytest

from analytics.consumer import FACTS
from analytics.domain.facts import OrderEvent
from analytics.domain.pseudonyms import Pseudonyms
from schemas.base import Event
from schemas.examples import EXAMPLES

READ = [(event, FACTS[type(event)]) for pair in EXAMPLES for event in pair if type(event) in FACTS]


@pytest.mark.parametrize(("event", "struct"), READ, ids=[f"{number}" for number in range(len(READ))])
def test_a_fact_has_what_its_golden_example_has(event: Event, struct: type[msgspec.Struct]):
    fact = msgspec.json.decode(event.to_json(), type=struct)
    written = msgspec.json.decode(event.to_json())
    read = msgspec.to_builtins(fact)
    for name in struct.__struct_fields__:
        if name == "breakdown":
            assert [one["kind"] for one in read[name]] == [one["kind"] for one in written[name]]
        elif name in written and not isinstance(written[name], dict | list):
            assert read[name] == written[name], name


def test_every_event_has_a_struct_of_its_name():
    for event, struct in FACTS.items():
        assert re.sub(r"V\d+$", "", event.__name__) == struct.__name__


def test_a_required_field_that_is_missing_is_refused():
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b"{}", type=OrderEvent)


def test_readers_cannot_compare_their_pseudonyms():
    key = "k" * 32
    assert Pseudonyms(key, "views").of("a") == Pseudonyms(key, "views").of("a")
    names = [Pseudonyms(key, "views").of("a"), Pseudonyms(key, "anna").of("a"), Pseudonyms("j" * 32, "views").of("a")]
    assert len({*names, Pseudonyms(key, "views").of("b")}) == 4
