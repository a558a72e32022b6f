"""What a replay counts, and how it judges a price that a station shows in the end."""

from datetime import UTC, datetime

from feeds.account import MAX_GRADES, MAX_SHOWN_PROBLEMS, OTHER_GRADES, Difference, Expected, ReplayReport
from feeds.base import PriceRecord, RowProblem, Why

NOON = datetime(2026, 4, 30, 12, tzinfo=UTC)


def shown(price_mills, hour):
    return {"price_mills": price_mills, "effective_at": f"2026-04-30T{hour:02}:00:00Z"}


def test_the_last_word_is_shown_or_was_overtaken_or_is_wrong():
    expected = Expected(1659, NOON)
    assert expected.difference(shown(1659, 12)) is Difference.NONE
    assert expected.difference(shown(1659, 11)) is Difference.NONE  # it held before, and was confirmed
    assert expected.difference(shown(1669, 13)) is Difference.OVERTAKEN
    assert expected.difference(shown(1669, 11)) is Difference.WRONG
    assert expected.difference(None) is Difference.WRONG
    assert Expected(None, NOON).difference(None) is Difference.NONE


def test_a_superseded_price_may_be_overtaken_by_one_that_began_earlier_and_was_confirmed_later():
    superseded = Expected(1659, NOON, superseded=True)
    assert superseded.difference(shown(1669, 11)) is Difference.OVERTAKEN
    assert superseded.difference(shown(1659, 12)) is Difference.NONE


def test_each_kind_of_problem_has_its_count():
    report = ReplayReport()
    report.note_change(PriceRecord(2, "a", {}, assumed=("x", "y")), is_new_row=True)
    report.note_change(PriceRecord(2, "a", {}, assumed=("x",)), is_new_row=False)
    report.note_problem(RowProblem(3, "no price", "..."))
    report.note_problem(RowProblem(4, "second", "...", Why.SECOND_PRICE))
    report.note_problem(RowProblem(5, "unknown", "...", Why.UNKNOWN_GRADE, "Moonshine"))
    report.note_problem(RowProblem(6, "left out", "...", Why.LEFT_OUT, "Gasoleo B"))
    report.note_problem(RowProblem(7, "left out", "...", Why.LEFT_OUT, "Gasoleo B"))
    assert (report.rows, report.changes, report.unreadable, report.second_price) == (1, 2, 1, 1)
    assert report.assumed == {"x": 2, "y": 1}
    assert report.unmapped == {"Moonshine": 1, "Gasoleo B": 2}
    assert report.unmapped_because == {"Moonshine": "unknown", "Gasoleo B": "left out"}
    assert [problem.line for problem in report.problems] == [3]


def test_the_account_stays_small_whatever_the_file_holds():
    report = ReplayReport()
    for number in range(MAX_SHOWN_PROBLEMS + 500):
        report.note_problem(RowProblem(number, "no price", "..."))
        report.note_problem(RowProblem(number, "unknown", "...", Why.UNKNOWN_GRADE, f"grade {number}"))
    assert len(report.problems) == MAX_SHOWN_PROBLEMS
    assert report.unreadable == sum(report.unmapped.values()) == MAX_SHOWN_PROBLEMS + 500
    assert len(report.unmapped) == MAX_GRADES + 1
    assert report.unmapped[OTHER_GRADES] == MAX_SHOWN_PROBLEMS + 500 - MAX_GRADES
