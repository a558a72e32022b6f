"""Charts of an XLSX file: beside their table, drawn by the spreadsheet from its cells, so they follow its filters."""

from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from analytics.domain.documents import Chart, Sheet
from analytics.domain.figures import form_of, title_of
from analytics.domain.metrics import METRICS

COLOURS = ("#0b6e5f", "#e0a100", "#3f6fb5", "#b5483f", "#7a5ba6", "#5f6b70", "#62a83b", "#c26b9a")
KINDS: dict[str, dict[str, Any]] = {
    "line": {"type": "line"}, "bar": {"type": "column"}, "stacked": {"type": "column", "subtype": "stacked"}
}  # fmt: skip
SIZE = {"width": 760, "height": 380}
_TEXT = {"name": "Calibri", "color": "#16262e"}


def insert_chart(book: Workbook, page: Worksheet, sheet: Sheet, currency: str | None, language: str) -> None:
    """Puts the sheet's chart to the right of its table."""
    chart = sheet.chart
    if chart is None:
        return
    drawn: Any = book.add_chart(KINDS[chart.kind])  # a kind that there is
    x, last = sheet.columns.index(chart.x), len(sheet.rows)
    for index, name in enumerate(chart.y):
        y, colour = sheet.columns.index(name), COLOURS[index % len(COLOURS)]
        style = {"line": {"color": colour, "width": 2}} if chart.kind == "line" else {"fill": {"color": colour}}
        drawn.add_series({
            "name": [sheet.name, 0, y], "categories": [sheet.name, 1, x, last, x],
            "values": [sheet.name, 1, y, last, y], **style,
        })  # fmt: skip
    _dress(drawn, chart, currency, language)
    page.insert_chart(1, len(sheet.columns) + 1, drawn)


def _dress(drawn: Any, chart: Chart, currency: str | None, language: str) -> None:
    """Titles and axes."""
    first, along = METRICS[chart.y[0]], METRICS[chart.x]
    form = form_of(first.unit, currency)
    label = title_of(first, currency, language) if len(chart.y) == 1 else (form.label if form else "")
    drawn.set_title({
        "name": chart.title_zh if language == "zh" else chart.title, "name_font": _TEXT | {"size": 13, "bold": True},
        "overlay": False,
    })  # fmt: skip
    shown = {"date": "mm-dd", "moment": "mm-dd hh:mm"}.get(along.unit)
    drawn.set_x_axis({
        "name": title_of(along, currency, language), "num_font": _TEXT, "name_font": _TEXT | {"bold": False},
        **({"date_axis": True} if along.unit == "date" else {}), **({"num_format": shown} if shown else {}),
    })  # fmt: skip
    drawn.set_y_axis({
        "name": label, "num_font": _TEXT, "name_font": _TEXT | {"bold": False},
        "major_gridlines": {"visible": True, "line": {"color": "#dbe2e5"}},
    })  # fmt: skip
    drawn.set_legend({"none": True} if len(chart.y) == 1 else {"position": "bottom", "font": _TEXT})
    drawn.set_size(SIZE)
    drawn.show_blanks_as("gap")
