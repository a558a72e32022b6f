"""Tankerkönig's price changes, row by row."""

import json

import pytest

from feeds.base import PriceRecord, RowProblem
from feeds.tankerkoenig import PRICE_COLUMNS
from schemas.events import PriceReport

STATION = "00060029-0003-4444-8888-acdc00000003"


@pytest.fixture
def read(feed, write):
    return lambda *lines: list(feed.prices(write(PRICE_COLUMNS, *lines)))


def prices(records):
    return [(record.report["fuel"], record.report["price_mills"]) for record in records]


def test_a_row_gives_a_record_per_changed_grade(read):
    records = read(f"2014-06-08 09:50:01+02,{STATION},1.329,1.549,1.509,1,0,3")
    assert records == [
        PriceRecord(2, STATION, {
            "report_id": "812a7755-b344-5ad2-a383-3de709130768", "fuel": "diesel_b7", "price_mills": 1329,
            "currency": "EUR", "effective_at": "2014-06-08T07:50:01.000000Z",
        }),
        PriceRecord(2, STATION, {
            "report_id": records[1].report["report_id"], "fuel": "e10", "price_mills": 1509,
            "currency": "EUR", "effective_at": "2014-06-08T07:50:01.000000Z",
        }),
    ]  # fmt: skip


def test_a_report_with_its_station_fits_the_contract(read):
    (record,) = read(f"2014-06-08 09:50:01+02,{STATION},1.329,1.549,1.509,1,0,0")
    report = PriceReport.model_validate_json(json.dumps(record.report | {"station_id": STATION}))
    assert report.price_mills == 1329


def test_a_removed_zero_or_negative_price_is_no_longer_sold(read):
    records = read(f"2014-06-08 09:50:01+02,{STATION},1.329,0.000,-0.001,2,1,3")
    assert prices(records) == [("diesel_b7", None), ("e5", None), ("e10", None)]


def test_a_row_without_change_gives_nothing(read):
    assert read(f"2014-06-08 09:50:01+02,{STATION},1.329,-0.001,1.509,0,0,0") == []


def test_report_ids_repeat_and_tell_changes_apart(read):
    lines = [
        f"2014-06-08 09:50:01+02,{STATION},1.329,1.549,1.509,1,1,1",
        f"2014-06-08 09:50:02+02,{STATION},1.329,1.549,1.519,1,1,1",
        f"2014-06-08 09:50:02+02,{STATION[:-1]}4,1.329,1.549,1.519,1,1,2",
    ]
    first, second = ([record.report["report_id"] for record in read(*lines)] for _ in range(2))
    assert first == second
    assert len(set(first)) == 9


def test_the_same_moment_in_another_zone_is_the_same_report(read):
    (summer,) = read(f"2014-06-08 09:50:01+02,{STATION},1.329,1.549,1.509,1,0,0")
    (utc,) = read(f"2014-06-08 07:50:01+00,{STATION},1.329,1.549,1.509,1,0,0")
    assert summer == utc


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"2014-06-08 09:50:01+02,{STATION},1.329", "3 columns instead of 8"),
        (f"2014-06-08 09:50:01+02,{STATION},1.329,1.549,1.509,1,1,1,", "9 columns instead of 8"),
        ("2014-06-08 09:50:01+02, ,1.329,1.549,1.509,1,1,1", "station_uuid is missing"),
        (f",{STATION},1.329,1.549,1.509,1,1,1", "date '' is not a time"),
        (f"2014-06-08 09:50:01,{STATION},1.329,1.549,1.509,1,1,1", "is not a time with an offset"),
        (f"2014-02-30 09:50:01+02,{STATION},1.329,1.549,1.509,1,1,1", "is not a time"),
        (f"0001-01-01 00:00:00+02,{STATION},1.329,1.549,1.509,1,1,1", "is not a time"),
        (f"2014-06-08 09:50:01+02,{STATION},1.3291,1.549,1.509,1,1,1", "price '1.3291' is not"),
        (f"2014-06-08 09:50:01+02,{STATION},,1.549,1.509,0,1,1", "price '' is not"),
        (f"2014-06-08 09:50:01+02,{STATION},nan,1.549,1.509,1,1,1", "price 'nan' is not"),
        (f"2014-06-08 09:50:01+02,{STATION},10000,1.549,1.509,1,1,1", "price '10000' is not"),
        (f"2014-06-08 09:50:01+02,{STATION},1.329,1.549,1.509,1,1,4", "flags 1,1,4 are not"),
        (f"2014-06-08 09:50:01+02,{STATION},1.329,1.549,1.509,1,1,", "flags 1,1, are not"),
        (f'2014-06-08 09:50:01+02,"{STATION},1.329,1.549,1.509,1,1,1', "not a CSV row"),
    ],
)
def test_an_unreadable_row_is_told_and_the_next_is_read(read, line, reason):
    problem, *rest = read(line, f"2014-06-08 09:50:01+02,{STATION},1.329,1.549,1.509,0,1,0")
    assert isinstance(problem, RowProblem)
    assert (problem.line, problem.text) == (2, line)
    assert reason in problem.reason
    assert [record.line for record in rest] == [3]


def test_quoted_cells_blank_lines_and_windows_line_ends_are_read(read):
    records = read("", f'"2014-06-08 09:50:01+02","{STATION}","1.329","1.549","1.509","1","0","0"\r', "\r")
    assert [(record.line, *prices([record])) for record in records] == [(3, ("diesel_b7", 1329))]
