"""Months, sums, and files that no spreadsheet runs."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.domain.amounts import amount_text, price_text, volume_text
from payments.domain.bill_tables import bill_rows
from payments.domain.bill_view import MAX_LISTED, view_of
from payments.domain.bill_words import WORDS
from payments.domain.bills import BadMonth, Bill, CardMonth, RechargeLine, RefundLine, bill_of, month_of
from payments.domain.records import Fill
from schemas.vocabulary import Fuel
from servicekit.csv_text import FORMULA_BEGINS, Number, csv_bytes
from servicekit.typesetting import Typesetter

MONTH = month_of("2026-11", "Asia/Shanghai")
NOW = datetime(2026, 12, 24, tzinfo=UTC)
NASTY = st.text(st.sampled_from([*FORMULA_BEGINS, *" \"',;#$*_[]\\<a1油\u202e\n"]), max_size=12)
AMOUNTS = st.integers(0, 10**9)
CURRENCIES = st.sampled_from(["CNY", "EUR", "JPY", "KWD"])


def moments(draw: st.DrawFn) -> datetime:
    seconds = int((MONTH.ends_at - MONTH.starts_at).total_seconds())
    return MONTH.starts_at.astimezone(UTC) + timedelta(seconds=draw(st.integers(0, seconds - 1)))


@st.composite
def fills(draw: st.DrawFn) -> Fill:
    return Fill(
        uuid4(), moments(draw), uuid4(), draw(st.none() | NASTY), "3", draw(st.sampled_from(Fuel)),
        draw(st.none() | st.integers(0, 5_000_000)), draw(st.integers(1, 100_000)), draw(CURRENCIES), draw(AMOUNTS),
        draw(AMOUNTS), 0, draw(st.sampled_from(["wechat", "fuel_card", "new_way"])), "completed",
    )  # fmt: skip


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    refunds = [
        RefundLine(uuid4(), uuid4(), moments(draw), draw(NASTY), draw(AMOUNTS), draw(CURRENCIES), "wechat", "goodwill")
        for _ in range(draw(st.integers(0, 3)))
    ]
    recharges = [
        RechargeLine(uuid4(), uuid4(), moments(draw), draw(AMOUNTS), draw(CURRENCIES), "alipay")
        for _ in range(draw(st.integers(0, 3)))
    ]
    cards = [CardMonth(uuid4(), "virtual", draw(CURRENCIES), draw(AMOUNTS), {"payment": -draw(AMOUNTS)})]
    return bill_of(MONTH, NOW, draw(st.lists(fills(), max_size=8)), refunds, recharges, cards)


def parsed(document: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(document.decode("utf-8-sig"), newline="")))


@given(bills())
def test_the_paid_column_of_the_csv_sums_to_the_net_of_each_currency(bill: Bill) -> None:
    rows = parsed(csv_bytes(bill_rows(bill, WORDS["en"])))
    for part in bill.currencies:
        shown = [Decimal(row["Paid"]) for row in rows if row["Currency"] == part.currency and row["Paid"]]
        assert sum(shown) == Decimal(amount_text(part.net_minor, part.currency))
        assert part.totals.amount_minor - part.totals.discount_minor == part.totals.paid_minor
        assert sum(grade.paid_minor for grade in part.totals.grades) == sum(fill.paid_minor for fill in part.fills)
    assert sum(len(part.fills) + len(part.refunds) + len(part.recharges) for part in bill.currencies) == len(rows)


@given(bills(), st.sampled_from(["en", "zh"]))
def test_no_cell_is_a_formula(bill: Bill, language: str) -> None:
    document = csv_bytes(bill_rows(bill, WORDS[language])).decode("utf-8-sig")
    for cell in (cell for row in csv.reader(io.StringIO(document, newline="")) for cell in row):
        assert re.fullmatch(r"-?\d+(\.\d+)?", cell) or not cell.lstrip().startswith(FORMULA_BEGINS)


WRITABLE = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.lists(st.lists(NASTY | WRITABLE, min_size=2, max_size=2), min_size=1))
def test_a_csv_file_gives_back_what_was_written(rows: list[list[str]]) -> None:
    document = csv_bytes(rows)
    assert document.startswith(b"\xef\xbb\xbf")
    assert document.endswith(b"\r\n")
    read = list(csv.reader(io.StringIO(document.decode("utf-8-sig"), newline="")))
    assert [[cell.removeprefix("'") for cell in row] for row in read] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]


@pytest.mark.parametrize("text", ["=1+1", "1-1", "", "-", "1e5", "1,5", "--1", "٣"])
def test_only_a_number_of_ours_is_left_as_it_is(text: str) -> None:
    with pytest.raises(ValueError, match="a number in a CSV file"):
        Number(text)


@given(st.integers(-(10**15), 10**15), CURRENCIES)
def test_an_amount_says_exactly_what_it_is(minor: int, currency: str) -> None:
    digits = {"CNY": 2, "EUR": 2, "JPY": 0, "KWD": 3}[currency]
    assert Decimal(amount_text(minor, currency)) == Decimal(minor).scaleb(-digits)
    assert amount_text(minor, currency, grouped=True).replace(",", "") == amount_text(minor, currency)


def test_volumes_and_prices_have_a_third_decimal_only_where_it_says_something() -> None:
    assert [volume_text(32_100), volume_text(32_105), volume_text(5)] == ["32.10", "32.105", "0.005"]
    assert [price_text(7_850), price_text(1_859)] == ["7.85", "1.859"]


@pytest.mark.parametrize(
    ("text", "zone", "begins", "ends"),
    [
        ("2026-11", "Asia/Shanghai", "2026-10-31T16:00", "2026-11-30T16:00"),
        ("2026-12", "UTC", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("2026-03", "Europe/Vienna", "2026-02-28T23:00", "2026-03-31T22:00"),  # summer time begins in it
        ("2026-10", "America/New_York", "2026-10-01T04:00", "2026-11-01T04:00"),
        ("2026-11", "America/New_York", "2026-11-01T04:00", "2026-12-01T05:00"),  # and ends in it
    ],
)
def test_a_month_begins_and_ends_in_its_zone(text: str, zone: str, begins: str, ends: str) -> None:
    month = month_of(text, zone)
    assert month.starts_at.astimezone(UTC) == datetime.fromisoformat(begins).replace(tzinfo=UTC)
    assert month.ends_at.astimezone(UTC) == datetime.fromisoformat(ends).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2026-13", "UTC"), ("2026-00", "UTC"), ("1999-12", "UTC"), ("2026-1", "UTC"), ("2026-11\n", "UTC"),
        ("2026-11", "Mars/Olympus"), ("2026-11", "../../etc/passwd"), ("2026-11", ""), ("2026-11", "Asia"),
        ("2026-11", "\0"),
    ],
)  # fmt: skip
def test_what_is_no_month_is_refused(text: str, zone: str) -> None:
    with pytest.raises(BadMonth):
        month_of(text, zone)


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    assert {f"fuel.{fuel}" for fuel in Fuel} <= WORDS["en"].keys()


def many(number: int) -> Bill:
    day = timedelta(days=30) / number
    return bill_of(MONTH, NOW, [
        Fill(uuid4(), MONTH.starts_at + day * one, uuid4(), f"Station #panic() *{one}*", "3", Fuel.PETROL_95, 30_000,
             7_850, "CNY", 500, 23_050, 0, "wechat", "completed")
        for one in range(number)
    ], [], [], [])  # fmt: skip


def test_a_month_with_very_many_fills_is_shown_by_its_days() -> None:
    (part,) = view_of(many(MAX_LISTED + 1), "x", "en").parts
    by_day = part.tables[1]
    assert len(by_day.rows) == 30
    assert by_day.total
    assert by_day.total[-1] == f"{23_050 * (MAX_LISTED + 1) / 100:,.2f}"
    assert by_day.note
    assert f"{MAX_LISTED + 1}" in by_day.note
    (part,) = view_of(many(MAX_LISTED), "x", "en").parts
    assert len(part.tables[1].rows) == MAX_LISTED


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_pdf_is_the_same_each_time_and_nothing_in_it_is_run(language: str) -> None:
    view = view_of(many(40), "…canary", language)
    first, second = [await Typesetter("payments").pdf("bill", view) for _ in range(2)]
    assert first == second
    assert first.startswith(b"%PDF-1.7")
    assert first.rstrip().endswith(b"%%EOF")
    other = await Typesetter("payments").pdf("bill", view_of(many(41), "…canary", language))
    assert other != first


async def test_a_template_that_fails_is_an_error_and_no_empty_file() -> None:
    with pytest.raises(RuntimeError, match="typesetting"):
        await Typesetter("payments").pdf("bill", {"no": "bill"})
