"""What a copy for an analyst says, and what it hides."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from analytics.domain.analysts import Analyst, event_id_of, pseudonymous
from schemas.base import Event
from schemas.catalogue import COPIED, LINKED_IDS, entries_of
from schemas.contracts import name_of
from schemas.events import CouponRedeemedV1, OrderPaidV1, OrderRefundedV1, PointsAccruedV1, PricePart
from schemas.examples import EXAMPLES

KEY = "k" * 32
ADA = Analyst("ada", "1", datetime(2026, 4, 30, tzinfo=UTC)).pseudonyms(KEY)
GRACE = Analyst("grace", "1", datetime(2026, 4, 30, tzinfo=UTC)).pseudonyms(KEY)
ENTRIES = [entry for topic in COPIED for entry in entries_of(topic)]
FULL = {type(full): full for full, _ in EXAMPLES}
MINIMAL = {type(minimal): minimal for _, minimal in EXAMPLES}
NOBODYS_IDS = {"campaign_id", "campaign_ids", "pump_id", "station_id", "template_id"}
"""Ids in copied events that stay: of what is there for everybody."""


def ids_of(event: Event) -> dict[str, Any]:
    """What is hidden in a copy, where the event has it."""
    [entry] = [entry for entry in ENTRIES if entry.event is type(event)]
    names = {*entry.personal_data, *LINKED_IDS} & type(event).model_fields.keys()
    return {name: value for name in names if (value := getattr(event, name)) is not None}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: name_of(entry.event))
@pytest.mark.parametrize("examples", [FULL, MINIMAL], ids=["full", "minimal"])
def test_a_copy_is_the_event_without_its_people(entry, examples: dict[type[Event], Event]):
    event = examples[entry.event]
    copy = pseudonymous(event, ADA)
    assert type(copy).model_validate_json(copy.to_json()) == copy, "a copy is as good an event as what it copies"
    for name, value in ids_of(event).items():
        assert str(value) not in copy.to_json().decode()
        assert type(getattr(copy, name)) is type(value)
    hidden = {*ids_of(event), "breakdown"}
    kept = type(event).model_fields.keys() - hidden
    assert {name: getattr(copy, name) for name in kept} == {name: getattr(event, name) for name in kept}
    assert (copy.key() == event.key()) is (event.key_field not in ids_of(event))


def test_what_takes_coupons_off_names_no_coupon_and_campaigns_stay():
    parts = [
        PricePart(kind=kind, reference=f"{kind}-7", reason="a reason", amount_minor=1)
        for kind in ("coupon", "campaign", "of_a_later_release")
    ]
    parts.append(PricePart(kind="points", reason="500 points", amount_minor=500, points=500))
    paid = FULL[OrderPaidV1].model_copy(update={"breakdown": parts})
    [coupon, campaign, later, points] = pseudonymous(paid, ADA).breakdown  # pyright: ignore[reportAttributeAccessIssue]
    assert campaign == parts[1]
    assert points == parts[3]
    assert {"coupon-7", "of_a_later_release-7"}.isdisjoint({coupon.reference, later.reference})
    assert coupon.amount_minor == 1


def test_one_driver_is_the_same_on_every_topic_of_an_analyst_and_another_for_each_analyst():
    paid, accrued = FULL[OrderPaidV1], FULL[PointsAccruedV1]
    of_paid, of_accrued = (pseudonymous(event, ADA).driver_id for event in (paid, accrued))  # pyright: ignore[reportAttributeAccessIssue]
    assert of_paid == of_accrued
    assert len(of_paid) == 32
    assert pseudonymous(paid, GRACE).driver_id != of_paid  # pyright: ignore[reportAttributeAccessIssue]


def test_no_id_of_what_a_person_did_is_the_same_for_two_analysts():
    assert {name for entry in ENTRIES for name in entry.event.model_fields if name.endswith(("_id", "_ids"))} == {
        *NOBODYS_IDS, *LINKED_IDS, "driver_id"
    }  # fmt: skip
    for entry in ENTRIES:
        of_ada, of_grace = (ids_of(pseudonymous(FULL[entry.event], names)) for names in (ADA, GRACE))
        assert of_ada.keys() == of_grace.keys()
        assert {*map(str, of_ada.values())}.isdisjoint(map(str, of_grace.values()))
        assert all(value.version == 4 for value in of_ada.values() if isinstance(value, UUID)), "as schemas want them"
    record = ("urn:forecourt:payments", str(UUID(int=7)))
    assert event_id_of(record, ADA) == event_id_of(record, ADA)
    assert len({record[1], event_id_of(record, ADA), event_id_of(record, GRACE)}) == 3


def test_an_analyst_joins_an_order_with_its_refund_its_points_and_its_coupon():
    order, coupon = UUID(int=7), UUID(int=8)
    part = PricePart(kind="coupon", reference=str(coupon), reason="a reason", amount_minor=1)
    paid = FULL[OrderPaidV1].model_copy(update={"order_id": order, "breakdown": [part]})
    others = (OrderRefundedV1, PointsAccruedV1, CouponRedeemedV1)
    copies: list[Any] = [
        pseudonymous(one, ADA)
        for one in (paid, *(FULL[kind].model_copy(update={"order_id": order}) for kind in others))
    ]  # fmt: skip
    assert len({copy.order_id for copy in copies}) == 1
    redeemed: Any = pseudonymous(FULL[CouponRedeemedV1].model_copy(update={"coupon_id": coupon}), ADA)
    assert copies[0].breakdown[0].reference == str(redeemed.coupon_id)


def test_an_analyst_who_comes_again_knows_nobody():
    again = Analyst("ada", "2", datetime(2026, 4, 30, tzinfo=UTC)).pseudonyms(KEY)
    other_key = Analyst("ada", "1", datetime(2026, 4, 30, tzinfo=UTC)).pseudonyms("l" * 32)
    driver = str(UUID(int=7))
    assert len({names.of(driver) for names in (ADA, again, other_key)}) == 3
