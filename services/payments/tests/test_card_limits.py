"""Limits against a naive model, card numbers, documents, the law's caps, and how a balance goes back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.domain import card_numbers, cards, limits
from payments.domain.card_binding import code_hash, new_code, plate_of
from payments.domain.card_rules import CARD_RULES, expiry_of, recharge_refusal
from payments.domain.cards import Card, CardKind, CardStatus, Why
from payments.domain.holders import document_of, shown_document
from payments.domain.limits import Limits, Measure, Period, Purchase, Usage, Use, Window
from payments.domain.recharges import Recharge, RechargeStatus, returns_of
from schemas.vocabulary import Fuel
from servicekit.ids import new_id

ZONE = "Asia/Shanghai"
STATIONS = [UUID(int=number) for number in range(3)]
FUELS = [Fuel.PETROL_95, Fuel.E10, Fuel.DIESEL_B7]
NUMBERS = st.integers(0, 100)
CAPS = st.dictionaries(st.sampled_from(Measure), NUMBERS)
FILL_CAPS = st.dictionaries(st.sampled_from([Measure.AMOUNT, Measure.VOLUME]), NUMBERS)
WINDOWS = st.builds(
    lambda days, start, length: Window(days, start, min(limits.MINUTES_OF_DAY, start + length)),
    st.frozensets(st.integers(1, 7), min_size=1), st.integers(0, 1_439), st.integers(1, 1_440),
)  # fmt: skip
LIMITS = st.builds(
    Limits, FILL_CAPS, st.dictionaries(st.sampled_from(Period), CAPS),
    st.none() | st.frozensets(st.sampled_from(FUELS)), st.none() | st.frozensets(st.sampled_from(STATIONS)),
    st.none() | st.lists(WINDOWS, max_size=3).map(tuple),
)  # fmt: skip
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))
PURCHASES = st.builds(
    Purchase, NUMBERS, NUMBERS, st.sampled_from(FUELS), st.sampled_from(STATIONS), MOMENTS, st.booleans()
)
USES = st.builds(Use, NUMBERS, NUMBERS, st.integers(0, 5))
USAGES = st.fixed_dictionaries(dict.fromkeys(Period, USES))


def is_allowed(allowed: Limits, usage: Usage, purchase: Purchase, *, has_plate: bool) -> bool:
    """The same rules, written down as one would say them."""
    local = purchase.at.astimezone(ZoneInfo(ZONE))
    minute = local.hour * 60 + local.minute
    asked = {Measure.AMOUNT: purchase.amount_minor, Measure.VOLUME: purchase.volume_ml, Measure.COUNT: 1}
    return (
        (purchase.plate_matches or not has_plate)
        and (allowed.fuels is None or purchase.fuel in allowed.fuels)
        and (allowed.stations is None or purchase.station_id in allowed.stations)
        and (
            allowed.windows is None
            or any(
                local.isoweekday() in one.weekdays and one.from_minute <= minute < one.until_minute
                for one in allowed.windows
            )
        )
        and all(asked[measure] <= most for measure, most in allowed.per_fill.items())
        and all(
            getattr(usage[period], measure.value) + asked[measure] <= most
            for period, cap in allowed.per_period.items()
            for measure, most in cap.items()
        )
    )


@given(LIMITS, USAGES, PURCHASES, st.booleans())
def test_a_purchase_is_allowed_where_no_rule_forbids_it(
    allowed: Limits, usage: Usage, purchase: Purchase, has_plate: bool
):
    broken = limits.check(allowed, usage, purchase, ZONE, has_plate=has_plate)
    assert (broken is None) == is_allowed(allowed, usage, purchase, has_plate=has_plate)


@given(LIMITS, USAGES, PURCHASES)
def test_a_refusal_names_the_rule_and_what_remains_which_may_be_bought(
    allowed: Limits, usage: Usage, purchase: Purchase
):
    broken = limits.check(allowed, usage, purchase, ZONE)
    if broken is None or broken.limit is None:
        assert broken is None or broken.rule in {"fuels", "stations", "windows"}
        return
    span, measure = broken.rule.split(".")
    used = Use() if span == "per_fill" else usage[Period(span)]
    assert broken.remaining is not None
    assert broken.remaining == max(0, broken.limit - used.of(Measure(measure)))
    assert broken.facts().keys() == {"rule", "limit", "used", "remaining", "asked"}
    assert str(broken.remaining) in broken.text
    if measure != Measure.COUNT and broken.remaining + used.of(Measure(measure)) <= broken.limit:
        less = replace(purchase, **{measure: broken.remaining})
        after = limits.check(allowed, usage, less, ZONE)
        assert after is None or after.rule != broken.rule


@given(LIMITS, LIMITS, USAGES, PURCHASES)
def test_what_loosens_nothing_allows_nothing_more(old: Limits, new: Limits, usage: Usage, purchase: Purchase):
    if not limits.loosens(old, new) and limits.check(old, usage, purchase, ZONE) is not None:
        assert limits.check(new, usage, purchase, ZONE) is not None


@given(LIMITS)
def test_the_same_limits_and_none_at_all(allowed: Limits):
    assert not limits.loosens(allowed, allowed)
    assert not limits.loosens(Limits(), allowed)
    assert limits.from_document(msgspec.json.decode(msgspec.json.encode(limits.to_document(allowed)))) == replace(
        allowed, per_period={period: cap for period, cap in allowed.per_period.items() if cap}
    )


@pytest.mark.parametrize(
    ("old", "new", "is_looser"),
    [
        (Limits({Measure.AMOUNT: 1}), Limits({Measure.AMOUNT: 2}), True),
        (Limits({Measure.AMOUNT: 2}), Limits({Measure.AMOUNT: 1}), False),
        (Limits({Measure.AMOUNT: 2}), Limits(), True),
        (Limits(fuels=frozenset(FUELS[:2])), Limits(fuels=frozenset(FUELS[:1])), False),
        (Limits(fuels=frozenset(FUELS[:1])), Limits(fuels=frozenset(FUELS[1:])), True),
        (Limits(windows=(Window(frozenset({1}), 0, 20),)), Limits(windows=(Window(frozenset({1}), 5, 15),)), False),
        (Limits(windows=(Window(frozenset({1}), 5, 15),)), Limits(windows=(Window(frozenset({1}), 5, 16),)), True),
        (
            Limits(windows=(Window(frozenset({1}), 0, 20),)),
            Limits(windows=(Window(frozenset({1}), 0, 10), Window(frozenset({1}), 10, 20))), False,
        ),
    ],
)  # fmt: skip
def test_what_loosens(old: Limits, new: Limits, is_looser: bool):
    assert limits.loosens(old, new) is is_looser


@given(MOMENTS, st.sampled_from([ZONE, "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia"]))
def test_days_weeks_and_months_begin_at_midnight_there(at: datetime, zone: str):
    starts = limits.period_starts(at, zone)
    local = {period: start.astimezone(ZoneInfo(zone)) for period, start in starts.items()}
    assert all((start.hour, start.minute) == (0, 0) for start in local.values()) or zone == "America/Sao_Paulo"
    assert local[Period.WEEK].isoweekday() == 1
    assert local[Period.MONTH].day == 1
    assert starts[Period.DAY] <= at < starts[Period.DAY] + timedelta(hours=26)
    assert starts[Period.WEEK] <= starts[Period.DAY] >= starts[Period.MONTH]


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CARD = cards.opened(new_id(), "d", CardKind.VIRTUAL, "CNY", ZONE, NOW, named=False)
PURCHASE = Purchase(100, 100, Fuel.E10, STATIONS[0], NOW)


@pytest.mark.parametrize(
    ("changes", "why", "status"),
    [
        ({}, None, CardStatus.ACTIVE),
        ({"frozen": True}, Why.FROZEN, CardStatus.FROZEN),
        ({"blocked": True, "frozen": True}, Why.BLOCKED, CardStatus.BLOCKED),
        ({"expires_at": NOW}, Why.EXPIRED, CardStatus.EXPIRED),
        ({"closed_at": NOW, "expires_at": NOW}, Why.CLOSED, CardStatus.CLOSED),
        ({"currency": "EUR"}, Why.WRONG_CURRENCY, CardStatus.ACTIVE),
        ({"limits": Limits({Measure.AMOUNT: 99})}, Why.LIMIT, CardStatus.ACTIVE),
    ],
)
def test_why_a_card_does_not_pay(changes: Mapping[str, Any], why: Why | None, status: CardStatus):
    card: Card = replace(CARD, **changes)
    refusal = cards.refusal_of(card, {}, PURCHASE, "CNY")
    assert (refusal.why if refusal else None, card.status_at(NOW)) == (why, status)


def test_a_card_for_one_vehicle_asks_for_its_plate():
    card = replace(CARD, plate_hash=b"x")
    refusal = cards.refusal_of(card, {}, replace(PURCHASE, plate_matches=False), "CNY")
    assert refusal is not None
    assert refusal.facts == {"rule": "plate"}
    assert cards.refusal_of(card, {}, PURCHASE, "CNY") is None
    assert plate_of(" 京a·CANARY 1") == "京ACANARY1"


def test_an_anonymous_card_lives_three_years_and_a_named_one_for_ever():
    assert expiry_of("CNY", datetime(2028, 2, 29, tzinfo=UTC), named=False) == datetime(2031, 3, 1, tzinfo=UTC)
    assert expiry_of("CNY", NOW, named=False) == NOW.replace(year=2029)
    assert expiry_of("CNY", NOW, named=True) is None
    assert cards.named(CARD).expires_at is None


@given(st.integers(0, 600_000), st.integers(1, 2_000_000), st.booleans(), st.integers(0, 5))
def test_no_recharge_goes_over_what_the_law_allows(balance: int, amount: int, named: bool, count: int):
    rules = CARD_RULES["CNY"]
    refusal = recharge_refusal("CNY", balance, amount, named=named, cards=count)
    most = (rules.named_max_minor if named else rules.anonymous_max_minor) * count
    if refusal is None:
        assert balance + amount <= most
        assert named or amount < rules.real_name_from_minor
    else:
        assert balance + amount > most or amount >= rules.real_name_from_minor
        assert refusal.remaining == max(0, most - balance)


@given(st.text("0123456789", min_size=15, max_size=18))
def test_one_wrong_digit_of_a_card_number_is_noticed(digits: str):
    number = digits + card_numbers.check_digit(digits)
    assert card_numbers.number_of(f"{number[:4]} {number[4:8]}-{number[8:]}") == number
    for position in range(len(number)):
        wrong = number[:position] + str((int(number[position]) + 1) % 10) + number[position + 1 :]
        with pytest.raises(card_numbers.BadNumber):
            card_numbers.number_of(wrong)


def test_new_numbers_are_good_and_shown_masked():
    number = card_numbers.new_number("990001")
    assert card_numbers.number_of(number) == number
    assert card_numbers.masked(number) == f"990001******{number[-4:]}"


@pytest.mark.parametrize("text", ["110101199001010015", " 11010519491231002x ", "E12345678", "ab123"])
def test_documents_of_identity(text: str):
    assert document_of(text) == "".join(text.split()).upper()


@pytest.mark.parametrize("text", ["110101199001010016", "110105194912310021", "1234", "E1234 567!"])
def test_what_is_no_document_of_identity(text: str):
    with pytest.raises(ValueError, match="no number"):
        document_of(text)


def test_documents_are_shown_by_their_ends():
    assert shown_document("110101199001010015") == "110101********0015"
    assert shown_document("E12345678") == "*******78"


def test_codes_are_compared_without_gaps_and_case():
    code = new_code()
    assert len(code) == 23
    assert code_hash(code) == code_hash(code.lower().replace("-", " ")) != code_hash(new_code())


@given(st.integers(0, 500), st.lists(st.tuples(st.integers(1, 200), st.integers(0, 200)), max_size=6))
def test_a_balance_goes_back_newest_first_and_never_more_than_was_charged(
    balance: int, charged: Sequence[tuple[int, int]]
):
    recharges = [
        Recharge(
            new_id(), new_id(), None, new_id(), "d", "wechat", amount, "CNY", RechargeStatus.PAID, NOW,
            min(returned, amount),
        )
        for amount, returned in charged
    ]  # fmt: skip
    returns = returns_of(balance, recharges)
    assert sum(part for _, part in returns) == min(balance, sum(one.returnable_minor for one in recharges))
    assert all(0 < part <= recharge.returnable_minor for recharge, part in returns)
    assert all(part == recharge.returnable_minor for recharge, part in returns[:-1])
    able = [one for one in recharges if one.returnable_minor]
    assert [recharge for recharge, _ in returns] == able[: len(returns)]
