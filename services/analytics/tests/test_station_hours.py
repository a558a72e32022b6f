"""A station's hour is what its events say, in whatever order and however often they come."""

from collections import Counter
from collections.abc import Iterable, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid5

import bson
from bson.codec_options import CodecOptions
from hypothesis import given
from hypothesis import strategies as st

from analytics.domain import facts
from analytics.domain.facts import Fact
from analytics.domain.folds.station_hours import StationHours, key_of
from analytics.domain.packed import unpacked
from analytics.domain.views import Document
from servicekit.mongo import CODEC

VIEW = StationHours()
STATION = UUID("0199a000-0000-7000-8000-000000000001")
HOUR = datetime(2026, 4, 30, 10, tzinfo=UTC)
CAMPAIGN = "0199a000-0000-7000-8000-00000000c0de"
PARTS = st.lists(
    st.builds(
        facts.Part, kind=st.sampled_from(["campaign", "coupon", "over_dispensed"]), amount_minor=st.integers(0, 500),
        reference=st.sampled_from([CAMPAIGN, None]),
    ),
    max_size=3,
)  # fmt: skip
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "order_id": st.just(STATION), "version": st.just(1), "driver_id": st.just(""), "station_id": st.just(STATION),
    "operator": st.sampled_from(["anna-oil", "berta-oil"]), "pump_id": st.just("1"),
    "fuel": st.sampled_from(["e5", "diesel_b7"]), "mode": st.sampled_from(["post_pay", "prepaid"]),
    "price_mills": st.just(1_700), "currency": st.sampled_from(["EUR", "CNY"]),
    "occurred_at": st.integers(-1_000_000, 7_300_000_000).map(lambda us: HOUR + timedelta(microseconds=us)),
}  # fmt: skip
MINOR, VOLUME = st.integers(0, 20_000), st.integers(0, 90_000)
EVENTS = st.one_of(
    st.builds(facts.OrderPlaced, **COMMON),
    st.builds(facts.OrderAdjusted, **COMMON, volume_ml=VOLUME, gross_minor=MINOR, reason=st.just("typing_error")),
    st.builds(facts.OrderCancelled, **COMMON, how=st.sampled_from(["cancelled", "expired"]), reason=st.just("late")),
    st.builds(
        facts.OrderPaid, **COMMON, volume_ml=VOLUME, gross_minor=MINOR, paid_minor=MINOR, breakdown=PARTS,
        method=st.sampled_from(["wechat", "alipay"]),
    ),
    st.builds(
        facts.OrderCompleted, **COMMON, paid_minor=MINOR, volume_ml=st.none() | VOLUME, used_minor=st.none() | MINOR,
        method=st.sampled_from(["wechat", "fuel_card"]),
    ),
    st.builds(
        facts.OrderRefunded, **COMMON, refund_id=st.just(STATION), amount_minor=MINOR, refunded_minor=MINOR,
        paid_minor=MINOR, reason=st.just("missing_fuel"), volume_ml=st.none() | VOLUME,
        unused=st.booleans(),
    ),
)  # fmt: skip


def facts_of(events: Sequence[Any]) -> list[Fact]:
    """The events as facts, by four drivers in turn."""
    return [
        Fact(uuid5(STATION, str(number)).bytes, event, HOUR, bytes([number % 4]) * 16)
        for number, event in enumerate(events)
    ]


def folded(batches: Iterable[Sequence[Fact]]) -> dict[str, bytes]:
    """What a process that begins anew for each batch leaves in the database, as bytes."""
    documents: dict[str, bytes] = {}
    for batch in batches:
        for key in {key for fact in batch for key in VIEW.keys(fact)}:
            own = [fact for fact in batch if key in VIEW.keys(fact)]
            kept = bson.decode(documents[key], CODEC) if key in documents else VIEW.begin(key, own[0])
            VIEW.fold(kept, own)
            documents[key] = bson.encode(kept, codec_options=CodecOptions(uuid_representation=4))
    return documents


@given(st.lists(EVENTS, max_size=30), st.randoms(use_true_random=False))
def test_any_order_and_any_batches_end_in_the_same_bytes(events: list[Any], random: Random):
    clean = facts_of(events)
    shuffled = random.sample(clean, len(clean))
    cuts = sorted(random.randrange(len(clean) + 1) for _ in range(3))
    batches = [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(clean)], strict=True)]
    assert folded([clean]) == folded(batches) == folded([fact] for fact in shuffled)


@given(st.lists(EVENTS, max_size=30))
def test_sums_are_those_of_a_naive_count(events: list[Any]):
    everything = facts_of(events)
    documents = [bson.decode(one, CODEC) for one in folded([everything]).values()]
    expected = naive(everything)
    for name in ("orders", "volume_ml", "gross_minor", "discount_minor", "paid_minor", "refunded_minor", "placed"):
        assert sum(one[name] for one in documents) == expected[name], name
    for part, name in (("fuels", "volume_ml"), ("fuels", "gross_minor"), ("methods", "paid_minor")):
        assert sum(figures[name] for one in documents for figures in one[part].values()) == expected[name]
    assert (
        sum(figures["discount_minor"] for one in documents for figures in one["discounts"].values())
        == (expected["discount_minor"])
    )
    came = {driver for one in documents for driver in unpacked(one["drivers"])}
    assert came == {fact.driver for fact in everything if is_sale(fact.event)}
    assert all(one["driver_count"] == len(unpacked(one["drivers"])) for one in documents)


def is_sale(event: Any) -> bool:
    """Paid, or of orders that were paid before fuelling, dispensed."""
    if isinstance(event, facts.OrderPaid):
        return event.mode != "prepaid"
    return isinstance(event, facts.OrderCompleted) and event.mode == "prepaid" and bool(event.volume_ml)


def naive(everything: Sequence[Fact]) -> Counter[str]:
    """The same by plain adding up."""
    sums = Counter[str]()
    for event in (fact.event for fact in everything):
        if isinstance(event, facts.OrderPlaced):
            sums["placed"] += 1
        sums["orders"] += is_sale(event)
        if isinstance(event, facts.OrderPaid) and is_sale(event):
            sums["volume_ml"] += event.volume_ml
            over = sum(part.amount_minor for part in event.breakdown if part.kind == "over_dispensed")
            sums["gross_minor"] += event.gross_minor - over
            sums["paid_minor"] += event.paid_minor
            sums["discount_minor"] += sum(part.amount_minor for part in event.breakdown) - over
        if isinstance(event, facts.OrderCompleted) and is_sale(event):
            used = event.paid_minor if event.used_minor is None else event.used_minor
            sums.update(gross_minor=used, paid_minor=used, volume_ml=event.volume_ml or 0)
        if isinstance(event, facts.OrderRefunded) and not event.unused:
            sums["refunded_minor"] += event.amount_minor
            sums["volume_ml"] -= event.volume_ml or 0
    return sums


def one_order(**fields: Any) -> facts.OrderPaid:
    standard: dict[str, Any] = {
        "order_id": STATION, "version": 1, "driver_id": "", "station_id": STATION, "operator": "anna-oil",
        "pump_id": "1", "fuel": "e5", "mode": "post_pay", "price_mills": 1_700, "currency": "EUR",
        "occurred_at": HOUR, "volume_ml": 40_000, "gross_minor": 6_800, "breakdown": [], "paid_minor": 6_800,
        "method": "wechat",
    }  # fmt: skip
    return facts.OrderPaid(**standard | fields)


def hour_of(*events: Any) -> Document:
    [document] = folded([facts_of(events)]).values()
    return bson.decode(document, CODEC)


def test_an_hour_is_a_utc_hour_of_a_currency():
    paid = Fact(b"1" * 16, one_order(occurred_at=HOUR + timedelta(minutes=59)), HOUR)
    [key] = VIEW.keys(paid)
    assert key == key_of(STATION, HOUR, "EUR") == f"{STATION}|2026-04-30T10Z|EUR"
    assert VIEW.begins_at(key) == HOUR == VIEW.begin(key, paid)["begins_at"]


def test_an_order_counts_once_for_a_campaign_that_gave_two_parts():
    parts = [facts.Part("campaign", 100, CAMPAIGN), facts.Part("campaign", 50, CAMPAIGN), facts.Part("coupon", 30)]
    hour = hour_of(one_order(breakdown=parts, paid_minor=6_620))
    assert hour["campaigns"] == {
        CAMPAIGN: {"orders": 1, "discount_minor": 150, "paid_minor": 6_620, "volume_ml": 40_000}
    }
    assert hour["discounts"] == {
        "campaign": {"orders": 1, "discount_minor": 150}, "coupon": {"orders": 1, "discount_minor": 30}
    }  # fmt: skip
    assert hour["discount_minor"] == 180


def test_what_was_paid_before_fuelling_counts_when_the_pump_gave_it_and_only_what_the_fuel_took():
    """Payments sends the rest back, and says of that that it was never used: it is no refund of the station's."""
    later = HOUR + timedelta(hours=1)
    asked = one_order(mode="prepaid", volume_ml=0, gross_minor=30_000, paid_minor=30_000)
    given_out = completion(volume_ml=30_000, paid_minor=30_000, used_minor=21_000, method="alipay", occurred_at=later)
    rest = refund(amount_minor=9_000, volume_ml=12_857, reason="under_dispensed", unused=True, occurred_at=later)
    [raw] = folded([facts_of([asked, given_out, rest])]).values()
    hour = bson.decode(raw, CODEC)
    assert (hour["begins_at"], hour["orders"], hour["driver_count"]) == (later, 1, 1)
    assert (hour["volume_ml"], hour["gross_minor"], hour["paid_minor"], hour["refunds"]) == (30_000, 21_000, 21_000, 0)
    assert hour["methods"] == {"alipay": {"orders": 1, "paid_minor": 21_000}}
    assert folded([facts_of([asked, refund(amount_minor=30_000, unused=True)])]) == {}, "nothing was ever dispensed"
    assert folded([facts_of([asked, completion(volume_ml=0, paid_minor=30_000, used_minor=0)])]) == {}


def test_what_a_pump_gave_beyond_what_was_authorised_is_no_discount():
    over = facts.Part("over_dispensed", 700)
    hour = hour_of(one_order(mode="pre_auth", gross_minor=7_500, breakdown=[over], paid_minor=6_800))
    assert (hour["gross_minor"], hour["discount_minor"], hour["paid_minor"]) == (6_800, 0, 6_800)
    assert (hour["discounts"], hour["fuels"]["e5"]["gross_minor"], hour["volume_ml"]) == ({}, 6_800, 40_000)


def completion(**fields: Any) -> facts.OrderCompleted:
    standard = {name: getattr(one_order(mode="prepaid"), name) for name in facts.OrderEvent.__struct_fields__}
    return facts.OrderCompleted(**standard | fields)


def refund(**fields: Any) -> facts.OrderRefunded:
    order = completion(paid_minor=0)
    standard = {name: getattr(order, name) for name in facts.OrderEvent.__struct_fields__}
    said = {"refund_id": STATION, "refunded_minor": 30_000, "paid_minor": 30_000, "reason": "not_dispensed"}
    return facts.OrderRefunded(**standard | said | fields)


def test_the_operator_is_who_had_the_station_last():
    first, second = one_order(), one_order(operator="a-later-oil", occurred_at=HOUR + timedelta(minutes=1))
    assert hour_of(first, second)["operator"] == hour_of(second, first)["operator"] == "a-later-oil"


def test_a_fold_changes_no_fact():
    everything = facts_of([one_order(breakdown=[facts.Part("campaign", 1, CAMPAIGN)])])
    before = deepcopy(everything)
    folded([everything])
    assert everything == before
