"""What an answer of a provider makes of a charge, and how long the next look waits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from payments.domain.attempts import ASKED_WITHIN, LOST_AFTER, Attempt, AttemptStatus, Verdict, judge, pause_seconds
from payments.domain.order_words import Status
from payments.domain.payment_views import payment_view
from payments.domain.provider_words import Provider, TradeState
from servicekit.ids import new_id

from .station_kit import any_order

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ATTEMPT = Attempt(
    new_id(), "order", new_id(), "d", Provider.WECHAT, 500, "CNY", AttemptStatus.WAITING, NOW,
    NOW + timedelta(minutes=5), client={"prepay_id": "p"},
)  # fmt: skip
ages = st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=1))
clients = st.sampled_from([None, ATTEMPT.client])


@given(
    state=st.sampled_from(TradeState), amount=st.none() | st.integers(499, 501),
    currency=st.sampled_from([None, "CNY", "USD"]), age=ages, client=clients, is_wanted=st.booleans(),
)  # fmt: skip
def test_an_answer_has_one_meaning(
    state: TradeState, amount: int | None, currency: str | None, age: timedelta, client: dict[str, str] | None,
    is_wanted: bool,
) -> None:  # fmt: skip
    verdict = judge(replace(ATTEMPT, client=client), state, (amount, currency), NOW + age, is_wanted=is_wanted)
    paid_as_asked = state is TradeState.SUCCEEDED and (amount, currency) == (500, "CNY")
    assert (verdict is Verdict.TAKE) is paid_as_asked
    assert (verdict is Verdict.MISMATCH) is (state is TradeState.SUCCEEDED and not paid_as_asked)
    if state is TradeState.WAITING:
        assert verdict in (Verdict.WAIT, Verdict.CLOSE)  # it can still be paid: closed first, then ended
        assert verdict is Verdict.CLOSE or (is_wanted and age < timedelta(minutes=5))
    if state is TradeState.NOT_FOUND:
        assert (verdict is Verdict.END) is (age > LOST_AFTER)


def test_a_charge_whose_answer_was_lost_is_closed_once_nobody_can_still_be_asking() -> None:
    lost = replace(ATTEMPT, client=None)
    for age, verdict in ((timedelta(seconds=1), Verdict.WAIT), (ASKED_WITHIN, Verdict.CLOSE)):
        assert judge(lost, TradeState.WAITING, (None, None), NOW + age, is_wanted=True) is verdict


@given(looks=st.integers(0, 10_000))
def test_looks_become_rarer_up_to_a_bound(looks: int) -> None:
    assert 1 <= pause_seconds(looks) <= pause_seconds(looks + 1) <= 600
    assert pause_seconds(looks, 15) <= 15


def test_a_payment_is_called_paid_only_when_it_is() -> None:
    order = any_order(new_id(), method="wechat")
    paid = {Status.PAID, Status.COMPLETED}
    moved = [replace(order, status=status, paid_at=NOW if status in paid else None) for status in Status]
    shown = {one.status: payment_view(one)["status"] for one in moved}
    assert {status for status, word in shown.items() if word == "paid"} == paid
    assert shown[Status.PAYING] == shown[Status.UNKNOWN] == "unknown"
    assert shown[Status.AUTHORISED] == "authorised"
    waiting = payment_view(replace(order, status=Status.PAYING), ATTEMPT)
    assert (waiting["status"], waiting["client"]) == ("waiting", ATTEMPT.client)
    assert payment_view(replace(order, status=Status.CANCELLED), ATTEMPT)["status"] == "failed"
