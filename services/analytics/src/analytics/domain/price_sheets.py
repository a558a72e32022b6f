"""The report of a station's prices for files: days and hours of each fuel, and how demand answered."""

from collections.abc import Iterator, Sequence

from analytics.domain.documents import Chart, Document, KeyFigure, Sheet
from analytics.domain.prices import PricesReport, PriceWhole
from analytics.domain.reports import Head, cells, key_figures
from analytics.domain.words import WORDS, named

POSITION = (
    "price_mills", "neighbour_price_mills", "price_difference_mills", "price_difference_per_mille", "price_rank",
    "neighbours", "cheapest_per_mille", "price_changes",
)  # fmt: skip
DAYS = ("day", *POSITION, "confirmations", "sold_seconds", "compared_seconds")
HOURS = ("hour_of_day", *POSITION)
WHOLES = ("fuel", *POSITION, "sold_seconds", "compared_seconds")
RESPONSES = (
    "fuel", "price_kind", "counted_changes", "counted_orders", "price_effect_basis_points",
    "price_effect_low_basis_points", "price_effect_high_basis_points",
)  # fmt: skip
KEY_FIGURES = ("price_mills", "price_difference_mills", "price_rank", "cheapest_per_mille", "price_changes")
NEIGHBOURS = ("neighbour", "neighbour_brand", "distance_m")
NOTES = (
    (
        "A price holds until the next one. It is compared with the nearest ten others within 5 km, of these with "
        "those that sell the grade, while both have a price; charts show how much dearer the station was.",
        "价格在下一次调价前一直有效。对比对象为 5 公里内最近的十座加油站中销售该油品者,仅在双方都有价格时比较;"
        "图中为本站高出的金额。",
    ),
    (
        "The response compares the litres of the day after a change with the same hours of the day before, and changes "
        "with others of the same weekday. The interval has the true effect in it nine times of ten; other things that "
        "changed with the price are in it too. Each price is judged by itself: of ten that nobody minds about one "
        "seems to have an effect, by chance.",
        "价格反应比较调价后一天与前一天相同时段的销量,并只与同一星期几的调价相比较。区间在十次中有九次包含真实影响;"
        "与调价同时发生的其他变化也包含在内。各价格单独判断:每十个没有影响的价格中,约有一个会偶然显示出影响。",
    ),
)  # fmt: skip


def document(head: Head, report: PricesReport, before: PricesReport | None) -> Document:
    """The report for files; of each fuel its price is a key figure."""
    sheets = [_sheet("grades", "Prices by grade", "各油品价格", WHOLES, report.fuels)]
    for whole in report.fuels:
        sheets += _fuel_sheets(report, whole.fuel)
    sheets += [
        _sheet("response", "How demand answered", "销量对价格的反应", RESPONSES, report.responses),
        _sheet("neighbours", "Compared with", "对比加油站", NEIGHBOURS, report.compared_stations),
    ]
    return head.document("Prices", "价格报表", sheets, _key_figures(report.fuels, before), [*NOTES, *_findings(report)])


def _findings(report: PricesReport) -> Iterator[tuple[str, str]]:
    for one in report.responses:
        english, chinese = (
            f"{named(words, 'fuel', one.fuel)}, {named(words, 'price_kind', one.price_kind)}: "
            for words in (WORDS["en"], WORDS["zh"])
        )
        yield english + one.finding, chinese + one.finding_zh


def _fuel_sheets(report: PricesReport, fuel: str) -> list[Sheet]:
    english, chinese = (named(WORDS[language], "fuel", fuel) for language in ("en", "zh"))
    apart = "price_difference_mills"
    by_day = Chart("line", "day", (apart,), f"{english}: dearer than its neighbours by day", f"{chinese}:每日高出周边")
    by_hour = Chart(
        "bar", "hour_of_day", (apart,), f"{english}: dearer than its neighbours by hour of the day",
        f"{chinese}:各时段高出周边",
    )  # fmt: skip
    days = [row for row in report.rows if row.fuel == fuel]
    hours = [row for row in report.hours_of_day if row.fuel == fuel]
    return [
        _sheet(f"{fuel}-days", f"{english} by day", f"{chinese}每日价格", DAYS, days, by_day),
        _sheet(f"{fuel}-hours", f"{english} by hour of the day", f"{chinese}各时段价格", HOURS, hours, by_hour),
    ]


def _sheet(
    name: str, title: str, title_zh: str, columns: tuple[str, ...], rows: Sequence[object], chart: Chart | None = None
) -> Sheet:
    return Sheet(name, title, title_zh, columns, [cells(row, columns) for row in rows], chart)


def _key_figures(fuels: Sequence[PriceWhole], before: PricesReport | None) -> list[KeyFigure]:
    """Of a station with one grade; the figures of several would not say whose they are."""
    if len(fuels) != 1:
        return []
    [now] = fuels
    old = next((one for one in before.fuels if one.fuel == now.fuel), None) if before else None
    return key_figures(now, old, KEY_FIGURES)
