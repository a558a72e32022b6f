"""A report as CSV, XLSX and PDF says what its document says, the same each time, and no spreadsheet runs any of it."""

import csv
import io
import re
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.domain.documents import SUPPRESSED, Cell, Chart, Document, KeyFigure, Sheet
from analytics.domain.figures import Form, cell_text, duration_text, form_of, number_text, title_of, with_unit
from analytics.domain.metrics import METRICS, TABLE, Metric
from analytics.domain.plots import plot_of, scale_of
from analytics.domain.print_view import MOST_ROWS, view_of
from analytics.domain.words import WORDS
from analytics.providers import csv_file, pdf_file, xlsx_file
from servicekit.csv_text import FORMULA_BEGINS
from servicekit.typesetting import Typesetter

NAMESPACE = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
FIRST = date(2026, 11, 1)
MADE_AT = datetime(2026, 12, 1, 7, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
COLUMNS = ("day", "orders", "volume_ml", "paid_minor", "refunded_minor")
NASTY = st.text(st.sampled_from([*FORMULA_BEGINS, *" \"',;#$*_[]\\<a1油\u202e\n"]), max_size=12)

FIGURES = st.none() | st.just(SUPPRESSED) | st.integers(-(10**6), 10**6)


def sheet(rows: list[tuple[Cell, ...]], name: str = "days", **fields: object) -> Sheet:
    chart = Chart("line", "day", ("paid_minor",), "Revenue by day", "每日收入")
    known = {"columns": COLUMNS, "chart": chart, "totals": (None, 3, 95_000, 71_235, None)}
    return Sheet(name, "Days", "每日", rows=rows, **(known | fields))  # pyright: ignore[reportArgumentType]


def document(*sheets: Sheet, **fields: object) -> Document:
    known: dict[str, object] = {
        "report": "days", "title": "Days", "title_zh": "日报", "about": "canary-Station #panic() *1*",
        "first_day": FIRST, "last_day": date(2026, 11, 30), "currency": "CNY", "made_at": MADE_AT,
        "complete_until": MADE_AT - timedelta(minutes=1), "time_zone": "Asia/Shanghai",
        "key_figures": [KeyFigure("paid_minor", 71_235, 70_000, 176), KeyFigure("orders", SUPPRESSED, None)],
        "notes": [("Pumps were away for an hour.", "加油机曾断线一小时。")],
        "compared_with": (date(2026, 10, 2), date(2026, 10, 31)),
    }  # fmt: skip
    return Document(sheets=sheets, **(known | fields))  # pyright: ignore[reportArgumentType]


def days(count: int) -> list[tuple[Cell, ...]]:
    return [(FIRST + timedelta(days=one), one, one * 31_500, one * 23_745, 0) for one in range(count)]


SMALL = document(sheet([(FIRST, 2, 63_000, 47_490, None), (date(2026, 11, 2), SUPPRESSED, 32_005, 23_745, -1)]))


def table(written: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline="")))


def parts(written: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(written)) as book:
        return {name: book.read(name) for name in book.namelist()}


def cells(part: bytes) -> dict[str, ElementTree.Element]:
    return {cell.attrib["r"]: cell for cell in ElementTree.fromstring(part).iterfind(".//x:c", NAMESPACE)}  # noqa: S314


def texts(book: dict[str, bytes]) -> list[str]:
    strings = ElementTree.fromstring(book["xl/sharedStrings.xml"])  # noqa: S314
    return ["".join(one.itertext()) for one in strings.iterfind("x:si", NAMESPACE)]


@pytest.mark.parametrize(
    ("value", "unit", "currency", "text"),
    [
        (123_456, "minor", "CNY", "1,234.56 CNY"), (123_456, "minor", "JPY", "123,456 JPY"),
        (-5, "minor", "KWD", "-0.005 KWD"), (1_659, "mills", "EUR", "1.659 EUR/L"), (32_105, "ml", "CNY", "32.11 L"),
        (1_234, "basis_points", None, "12.34%"), (55, "per_mille", None, "5.5%"), (1_250, "metres", None, "1.3 km"),
        (3_909, "seconds", None, "1:05:09"), (6_940, "ml_per_100km", None, "6.94 L/100 km"),
        (12_000, "points", None, "12,000"), (None, "minor", "CNY", "-"), (SUPPRESSED, "minor", "CNY", "<5"),
    ],
)  # fmt: skip
def test_figures_are_read_by_their_unit_and_currency(value: Cell, unit: str, currency: str | None, text: str) -> None:
    metric = Metric("figure", unit, "Figure", "指标", "It is one.", "是一个指标。")  # pyright: ignore[reportArgumentType]
    assert with_unit(value, metric, currency, "en", SHANGHAI) == text


@given(st.integers(-(10**12), 10**12), st.integers(0, 4), st.integers(0, 4))
def test_numbers_are_rounded_half_away_from_zero(value: int, power: int, decimals: int) -> None:
    text = number_text(value, Form(power, decimals), grouped=False)
    exactly = Decimal(value).scaleb(-power)
    assert abs(Decimal(text) - exactly) * 2 <= Decimal(1).scaleb(-decimals)
    assert number_text(-value, Form(power, decimals), grouped=False).lstrip("-") == text.lstrip("-")
    assert Decimal(number_text(value, Form(power, decimals), grouped=False, decimals=power)) == exactly


def test_durations_and_days_and_words_are_read_in_either_language() -> None:
    assert duration_text(-60) == "-0:01:00"
    moment = datetime(2026, 11, 26, 16, 30, tzinfo=UTC)
    assert cell_text(moment, METRICS["hour"], None, "en", SHANGHAI) == "2026-11-27 00:30"
    fuel = Metric("fuel", "text", "Fuel", "油品", "The grade.", "油品的牌号。")
    assert cell_text("petrol_95", fuel, None, "zh", SHANGHAI) == "95# 汽油"
    assert cell_text("new_grade", fuel, None, "zh", SHANGHAI) == "new_grade"
    assert WORDS["en"].keys() == WORDS["zh"].keys()


def test_every_unit_has_a_form_and_every_metric_a_head() -> None:
    for metric in TABLE:
        form = form_of(metric.unit, "EUR")
        assert (form is None) == (metric.unit in {"moment", "date", "text"})
        for language in WORDS:
            head = title_of(metric, "EUR", language)
            assert (form.label if form else "") in head


def test_a_csv_begins_with_its_table_and_has_all_decimals() -> None:
    rows = table(csv_file.write(SMALL, "en"))
    assert rows[:3] == [
        ["Day", "Orders", "Volume (L)", "Revenue (CNY)", "Refunds (CNY)"],
        ["2026-11-01", "2", "63.000", "474.90", ""],
        ["2026-11-02", "<5", "32.005", "237.45", "-0.01"],
    ]
    assert ["Total: Days"] in rows
    assert ["", "3", "95.000", "712.35", ""] in rows
    assert ["Complete until", "2026-12-01 14:59"] in rows
    assert ["Note", WORDS["en"]["few"]] in rows
    assert ["Orders", "", METRICS["orders"].definition] in rows


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_file_says_what_its_figures_mean_in_its_language_alone(language: str) -> None:
    english, chinese = (
        [getattr(METRICS[name], field) for name in COLUMNS] for field in ("definition", "definition_zh")
    )
    meant, other = (chinese, english) if language == "zh" else (english, chinese)
    written = {cell for row in table(csv_file.write(SMALL, language)) for cell in row}
    shown = {one.text for one in view_of(SMALL, language).definitions}
    for said in (written, {*texts(parts(xlsx_file.write(SMALL, language)))}, shown):
        assert said.issuperset(meant)
        assert said.isdisjoint(other)


@given(NASTY, NASTY)
@settings(max_examples=40, deadline=None)
def test_no_cell_of_a_csv_is_a_formula(about: str, note: str) -> None:
    asked = replace(SMALL, about=about, notes=[(note, note)])
    for row in table(csv_file.write(asked, "en")):
        for cell in row:
            assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", cell) or not cell.lstrip().startswith(FORMULA_BEGINS)


@pytest.mark.parametrize("write", [csv_file.write, xlsx_file.write])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_same_document_gives_the_same_bytes(write: object, language: str) -> None:
    assert callable(write)
    assert write(SMALL, language) == write(SMALL, language)


def test_an_xlsx_has_numbers_with_formats_a_frozen_head_a_filter_and_a_chart() -> None:
    book = parts(xlsx_file.write(SMALL, "en"))
    names = re.findall(r'<sheet name="([^"]+)"', book["xl/workbook.xml"].decode())
    assert names == ["Overview", "days", "Definitions"]
    days_sheet = book["xl/worksheets/sheet2.xml"]
    assert b'<autoFilter ref="A1:E3"/>' in days_sheet
    assert b'topLeftCell="B2"' in days_sheet
    found = cells(days_sheet)
    assert {at: found[at].findtext("x:v", namespaces=NAMESPACE) for at in ("B2", "C3", "D2", "D4")} == {
        "B2": "2", "C3": "32.005", "D2": "474.9", "D4": "712.35",
    }  # fmt: skip
    assert found["B3"].attrib["t"] == "s"
    assert "<5" in texts(book)
    assert b'formatCode="#,##0.00"' in book["xl/styles.xml"] or b'numFmtId="4"' in book["xl/styles.xml"]
    assert b"$D$2:$D$3" in book["xl/charts/chart1.xml"]
    assert b"2026-12-01T07:00:00Z" in book["docProps/core.xml"]


@given(NASTY, NASTY)
@settings(max_examples=25, deadline=None)
def test_a_text_in_an_xlsx_is_never_a_formula_nor_a_link(about: str, note: str) -> None:
    book = parts(xlsx_file.write(replace(SMALL, about=about + "http://a.example", notes=[(note, note)]), "en"))
    for name, part in book.items():
        if name.startswith("xl/worksheets/"):
            assert b"<f>" not in part
            assert b"<hyperlink" not in part


def test_an_hour_of_400_days_fits_into_csv_and_xlsx_and_is_cut_in_a_pdf_that_says_so() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows: list[tuple[Cell, ...]] = [(start + timedelta(hours=one), one, one, one, one) for one in range(400 * 24)]
    long = document(sheet(rows, "hours", columns=("hour", *COLUMNS[1:]), chart=None))
    assert len(table(csv_file.write(long, "zh"))) > len(rows)
    assert b'<autoFilter ref="A1:E9601"/>' in parts(xlsx_file.write(long, "zh"))["xl/worksheets/sheet2.xml"]
    (shown,) = view_of(long, "en").tables
    assert len(shown.rows) == MOST_ROWS
    assert shown.note.startswith("600 of 9,600 rows")


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_pdf_is_the_same_each_time_and_nothing_in_it_is_run(language: str) -> None:
    stacked = Chart("stacked", "day", ("paid_minor", "refunded_minor"), "Both", "两者")
    bars = sheet(days(9), "bars", chart=replace(stacked, kind="bar"), currency="JPY")
    asked = document(sheet(days(30)), bars, sheet(days(9), "stack", chart=stacked), sheet([], "none", totals=None))
    first, second = [await pdf_file.write(Typesetter("analytics"), asked, language) for _ in range(2)]
    assert first == second
    assert first.startswith(b"%PDF-1.7")
    assert first.rstrip().endswith(b"%%EOF")


def test_a_pdf_shows_key_figures_with_what_they_are_compared_with() -> None:
    view = view_of(SMALL, "en")
    assert [(tile.value, tile.before, tile.change, tile.direction) for tile in view.tiles] == [
        ("712.35 CNY", "700.00 CNY", "+1.8%", 1), ("<5", "", "", 0),
    ]  # fmt: skip
    assert view.compared_with == "Compared with 2026-10-02 – 2026-10-31"  # noqa: RUF001 - as it is set
    (shown,) = view.tables
    assert shown.rows[1] == ["2026-11-02", "<5", "32.01", "237.45", "–0.01"]  # noqa: RUF001 - as it is set
    assert shown.totals == ["Total", "3", "95.00", "712.35", "-"]
    assert view_of(document(sheet([], totals=None)), "zh").tables[0].note == WORDS["zh"]["no_rows"]


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_a_scale_holds_all_there_is_and_nothing_between_few_round_steps(low: int, high: int) -> None:
    scale = scale_of((min(low, high), max(low, high)))
    assert {0} <= set(scale.ticks)
    assert 2 <= len(scale.ticks) <= 8
    assert scale.ticks[0] <= min(low, high, 0) <= max(low, high, 0) <= scale.ticks[-1]
    assert str(scale.step).rstrip("0") in {"1", "2", "5"}


@given(
    st.sampled_from(["line", "bar", "stacked"]),
    st.lists(st.tuples(FIGURES, FIGURES), min_size=1, max_size=150),
)
@settings(max_examples=60, deadline=None)
def test_all_of_a_chart_lies_within_its_picture(kind: str, figures: list[tuple[Cell, Cell]]) -> None:
    rows: list[tuple[Cell, ...]] = [(FIRST, *pair) for pair in figures]
    chart = Chart(kind, "day", ("paid_minor", "refunded_minor"), "Both", "两者")  # pyright: ignore[reportArgumentType]
    drawn = sheet(rows, columns=("day", "paid_minor", "refunded_minor"), chart=chart, totals=None)
    plot = plot_of(drawn, chart, "CNY", "en", SHANGHAI)
    numbers = [cell for pair in figures for cell in pair if isinstance(cell, int)]
    shapes = [spot for one in plot.series for line in one.lines for spot in line]
    bars = [bar for one in plot.series for bar in one.bars]
    assert len(shapes) + len(bars) in {len(numbers), len([one for one in numbers if one])}
    for x, y in [*shapes, *((left, low) for left, low, _, _ in bars), *((x + w, y + h) for x, y, w, h in bars)]:
        assert -1e-4 <= x <= 1.0001
        assert -1e-4 <= y <= 1.0001


def test_a_chart_breaks_its_line_where_a_figure_is_left_out() -> None:
    rows: list[tuple[Cell, ...]] = [(FIRST, value) for value in (1, 2, SUPPRESSED, 3, None, 4)]
    chart = Chart("line", "day", ("paid_minor",), "Revenue", "收入")
    (series,) = plot_of(sheet(rows, columns=("day", "paid_minor"), totals=None), chart, "CNY", "en", SHANGHAI).series
    assert [len(piece) for piece in series.lines] == [2, 1, 1]
