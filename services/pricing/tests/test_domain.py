"""The rules of a price, without I/O."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from pricing.domain.reports import Decided, Knowledge, Outcome, Price, Report, Sender, Station, decide, refusal
from schemas.events import RejectionReason
from schemas.vocabulary import Fuel

NOON = datetime(2026, 4, 30, 12, tzinfo=UTC)
STATION = Station(UUID(int=1), "operator", "EUR", None, closed=False)
SENDER = Sender("client", frozenset({"operator"}), frozenset())


def report(price_mills: int | None, minute: int = 0, report_id: str = "", **fields: object) -> Report:
    standard = {
        "report_id": report_id or f"{price_mills}@{minute}", "station_id": STATION.station_id, "fuel": Fuel.E5,
        "price_mills": price_mills, "currency": "EUR", "effective_at": NOON + timedelta(minutes=minute),
        "submitted_at": NOON, "received_at": NOON + timedelta(hours=1), "sender": SENDER,
    }  # fmt: skip
    return Report(**(standard | fields))  # pyright: ignore[reportArgumentType]


def decide_alone(*reports: Report):
    return decide(reports, Knowledge({STATION.station_id: STATION}, {}, {}))


def outcomes(*reports: Report) -> list[Outcome]:
    return [verdict.outcome for verdict in decide_alone(*reports).verdicts]


def test_the_first_report_is_a_change():
    decision = decide_alone(report(1_799))
    assert decision.verdicts[0].version == 1
    assert decision.changes[0].previous_price_mills is None


def test_the_same_price_later_confirms_it_and_so_outlives_a_late_report():
    """10:00 P, 10:20 P again, then word that at 10:10 it was Q: at 10:20 it was P, so P stands."""
    assert outcomes(report(1_799, 0), report(1_799, 20), report(1_899, 10)) == [
        Outcome.ACCEPTED, Outcome.UNCHANGED, Outcome.SUPERSEDED,
    ]  # fmt: skip


def test_a_correction_for_the_same_moment_wins():
    assert outcomes(report(1_799), report(1_789)) == [Outcome.ACCEPTED, Outcome.ACCEPTED]


def test_no_longer_sold_is_a_change_and_so_is_its_return():
    decision = decide_alone(report(1_799, 0), report(None, 1), report(None, 2), report(1_799, 3))
    assert [v.outcome for v in decision.verdicts] == ["accepted", "accepted", "unchanged", "accepted"]
    assert decision.changes[2].previous_price_mills is None


def test_the_same_report_twice_in_a_batch_is_decided_once():
    decision = decide_alone(report(1_799, report_id="a"), report(1_799, report_id="a"))
    assert decision.verdicts[1].repeated
    assert len(decision.changes) == len(decision.recorded) == 1


def test_a_report_id_with_other_content_is_refused():
    decision = decide_alone(report(1_799, report_id="a"), report(1_899, report_id="a"))
    assert decision.verdicts[1].reason is RejectionReason.REPORT_ID_REUSED
    assert len(decision.changes) == 1


def test_a_refused_report_is_tried_again_and_said_once():
    first = decide([report(1_799)], Knowledge({}, {}, {}))
    assert first.rejections[0][1].reason is RejectionReason.UNKNOWN_STATION
    told = {report(1_799).identity: Decided(report(1_799).says, first.verdicts[0])}
    again = decide([report(1_799)], Knowledge({}, {}, told))
    assert again.verdicts[0].reason is RejectionReason.UNKNOWN_STATION
    assert not again.rejections
    known = decide([report(1_799)], Knowledge({STATION.station_id: STATION}, {}, told))
    assert known.verdicts[0].outcome is Outcome.ACCEPTED


def test_each_refusal():
    def why(changed: Station = STATION, **fields: object) -> RejectionReason | None:
        return refusal(report(1_799, **fields), changed)  # pyright: ignore[reportArgumentType]

    other = Sender("client", frozenset({"other"}), frozenset())
    by_station = Sender("client", frozenset(), frozenset({str(STATION.station_id)}))
    assert why() is None
    assert why(sender=by_station) is None
    assert why(sender=other) is RejectionReason.NOT_YOUR_STATION
    assert why(Station(STATION.station_id, "operator", "EUR", None, closed=True)) is RejectionReason.STATION_CLOSED
    diesel_only = Station(STATION.station_id, "operator", "EUR", frozenset({"diesel_b7"}), closed=False)
    assert why(diesel_only) is RejectionReason.GRADE_NOT_SOLD
    assert why(currency="GBP") is RejectionReason.WRONG_CURRENCY
    assert why(effective_at=NOON + timedelta(hours=1, minutes=6)) is RejectionReason.TOO_FAR_IN_FUTURE


reports = st.lists(
    st.builds(report, st.sampled_from([1_799, 1_899, None]), st.integers(0, 9), st.sampled_from("abcdefgh")),
    max_size=30,
)


@given(reports)
def test_a_price_only_moves_forward_in_time_and_version(batch: list[Report]):
    """Whatever comes in whatever order: versions count 1, 2, 3 and no later word is undone by an earlier one."""
    decision = decide_alone(*batch)
    assert [change.version for change in decision.changes] == list(range(1, len(decision.changes) + 1))
    times = [change.report.effective_at for change in decision.changes]
    assert times == sorted(times)


@given(reports, st.integers(0, 30))
def test_how_reports_are_cut_into_batches_does_not_matter(batch: list[Report], cut: int):
    whole = decide_alone(*batch)
    first = decide_alone(*batch[:cut])
    known = {identity: Decided(r.says, v) for identity, (r, v) in first.recorded.items()}
    prices = dict(first.prices)
    second = decide(batch[cut:], Knowledge({STATION.station_id: STATION}, prices, known))
    assert [v.outcome for v in whole.verdicts] == [v.outcome for v in first.verdicts + second.verdicts]
    assert whole.prices.get(report(1).key) == (second.prices or prices).get(report(1).key)


@given(reports)
def test_sending_everything_again_changes_nothing(batch: list[Report]):
    first = decide_alone(*batch)
    known = {identity: Decided(r.says, v) for identity, (r, v) in first.recorded.items()}
    again = decide(batch, Knowledge({STATION.station_id: STATION}, dict(first.prices), known))
    assert not again.changes
    assert not again.rejections
    assert not again.prices


@given(st.integers(0, 9), st.integers(0, 9))
def test_the_later_of_two_reports_stands_in_either_order(a: int, b: int):
    if a == b:
        return
    later = 1_799 if a > b else 1_899
    for pair in ([report(1_799, a), report(1_899, b)], [report(1_899, b), report(1_799, a)]):
        price = decide_alone(*pair).prices[pair[0].key]
        assert isinstance(price, Price)
        assert price.price_mills == later
