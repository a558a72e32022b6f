"""Phone numbers in one form, waits that tell nothing, the life of a code and the judgement of prefixes: pure rules."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from identity.domain.limits import LONGEST_WAIT_SECONDS, wait_seconds
from identity.domain.messages import LONGEST_WAIT, next_attempt_after
from identity.domain.otp import (
    CODE_LIFE,
    MAX_WRONG_TRIES,
    CodeState,
    DeadCode,
    PrefixRate,
    PumpingRule,
    new_code,
)
from identity.domain.phones import PhoneError, parse_phone
from servicekit.testkit import canary_phone

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
RULE = PumpingRule(judged_sends=50, least_verified_percent=20, block=timedelta(hours=6))


@pytest.mark.parametrize(
    ("text", "number", "prefix", "language"),
    [
        ("+8613800138000", "+8613800138000", "+86138", "zh"),
        ("13800138000", "+8613800138000", "+86138", "zh"),
        (" 138-0013 8000 ", "+8613800138000", "+86138", "zh"),
        ("+86 138 0013 8000", "+8613800138000", "+86138", "zh"),
        ("0086 13800138000", "+8613800138000", "+86138", "zh"),
        ("+4915112345678", "+4915112345678", "+49151", "en"),
        ("+12025550123", "+12025550123", "+1202", "en"),
        ("+85261234567", "+85261234567", "+852612", "zh"),
    ],
)
def test_phone_has_one_form(text: str, number: str, prefix: str, language: str) -> None:
    phone = parse_phone(text)
    assert (phone.number, phone.prefix, phone.language) == (number, prefix, language)


@pytest.mark.parametrize(
    "text",
    [
        "", "+", "abc", "12345", "+8610123456789", "4001234567", "+861381", "+99912345678", "+8601087654321",
        "+19005550123", "+18005550123", "13800138000 ext 5", "1" * 33, "+86138001380001", "tel:;phone-context=",
        "+442079460018",
    ],
)  # fmt: skip
def test_what_no_text_message_reaches_is_refused(text: str) -> None:
    with pytest.raises(PhoneError) as refused:
        parse_phone(text)
    assert len(text) < 3 or text not in str(refused.value)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_phone_or_refused(text: str) -> None:
    try:
        phone = parse_phone(text)
    except PhoneError:
        return
    assert re.fullmatch(r"\+[1-9]\d{6,14}", phone.number)
    assert parse_phone(phone.number) == phone


def test_canaries_are_phones_of_one_prefix() -> None:
    assert {parse_phone(canary_phone()).prefix for _ in range(50)} == {"+86199"}


@settings(deadline=None)
@given(st.integers(-100, 10**7))
def test_waits_are_whole_minutes_up_to_an_hour_and_never_too_short(seconds: int) -> None:
    wait = wait_seconds(NOW + timedelta(seconds=seconds), NOW)
    assert wait % 60 == 0
    assert 60 <= wait <= LONGEST_WAIT_SECONDS
    assert wait >= min(seconds, LONGEST_WAIT_SECONDS)


def test_security_01_codes_have_six_unpredictable_digits() -> None:
    codes = [new_code() for _ in range(5_000)]
    assert all(re.fullmatch(r"\d{6}", code) for code in codes)
    assert len(set(codes)) > 4_900
    assert {code[0] for code in codes} == set("0123456789")


class LifeOfACode(RuleBasedStateMachine):
    """Whatever is tried in whatever order, one right try in time is all that a code is good for."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.state = CodeState(NOW + CODE_LIFE)
        self.wrong = self.accepted = 0

    @rule(seconds=st.integers(1, 200))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def try_right(self) -> None:
        self._try(is_right=True)

    @rule()
    def try_wrong(self) -> None:
        self._try(is_right=False)

    def _try(self, *, is_right: bool) -> None:
        may = self.now < NOW + CODE_LIFE and not self.accepted and self.wrong < MAX_WRONG_TRIES
        assert self.state.is_live(self.now) == may
        try:
            self.state = self.state.tried(is_right=is_right, now=self.now)
        except DeadCode:
            assert not may
            return
        assert may
        self.accepted += is_right
        self.wrong += not is_right

    @invariant()
    def is_used_once_and_guessed_five_times_at_most(self) -> None:
        assert self.accepted <= 1
        assert self.wrong <= MAX_WRONG_TRIES
        assert (self.state.used_at is not None) == bool(self.accepted)


TestLifeOfACode = LifeOfACode.TestCase
TestLifeOfACode.settings = settings(deadline=None)


@settings(deadline=None)
@given(st.integers(0, 500), st.integers(0, 100))
def test_prefix_is_blocked_exactly_when_too_few_codes_come_back(sent: int, percent: int) -> None:
    rate = PrefixRate("+86199", sent, sent * percent // 100)
    judged = rate.judged(RULE, NOW)
    pumped = sent >= 50 and rate.verified * 5 < sent
    assert (judged.blocked_until == NOW + RULE.block) == pumped
    assert judged.sent < 2 * RULE.judged_sends or judged.sent == sent // 2


def test_old_sends_of_a_prefix_are_forgotten() -> None:
    """A prefix with years of good sends is blocked by the next hundred bad ones, not by the next hundred thousand."""
    rate = PrefixRate("+86199", 0, 0)
    for _ in range(1_000):
        rate = PrefixRate(rate.prefix, rate.sent + 10, rate.verified + 9).judged(RULE, NOW)
    bad = 0
    while rate.blocked_until is None:
        rate = PrefixRate(rate.prefix, rate.sent + 10, rate.verified).judged(RULE, NOW)
        bad += 10
    assert bad <= 300


def test_waits_between_attempts_grow_once_every_provider_was_asked() -> None:
    waits = [next_attempt_after(attempts, 2) for attempts in range(1, 9)]
    assert waits[0] == timedelta()
    assert waits[1:] == sorted(waits[1:])
    assert waits[-1] == LONGEST_WAIT
