"""A bill as its PDF shows it: texts in tables, nothing left to compute. Pure."""

from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from payments.domain.amounts import amount_text, price_text, volume_text
from payments.domain.bill_words import WORDS, Words, named, unit_of
from payments.domain.bills import Bill, CardMonth, CurrencyBill
from payments.domain.records import Fill, GradeSum, sums_of
from schemas.vocabulary import Fuel

MAX_LISTED = 600
"""Fills that are listed one by one; where there are more, the days are, so that a bill has at most some 20 pages."""
DASH = "\N{EN DASH}"
"""Between days, and as a minus: the minus sign itself is as wide as a Chinese character in Chinese type."""
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the PDF. `widths`: shares of what is left, 0 for as wide as its texts; `numbers` align right."""

    title: str
    head: Sequence[str]
    rows: Rows
    widths: Sequence[int]
    numbers: Sequence[int]
    total: Sequence[str] | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One currency of the PDF."""

    currency: str
    headline: tuple[str, str]
    tiles: Sequence[tuple[str, str]]
    tables: Sequence[Table]
    note: str


@dataclass(frozen=True, slots=True)
class View:
    """The PDF's contents; `labels` are texts of the head and the foot."""

    language: str
    month: str
    period: str
    zone: str
    account: str
    notice: str | None
    parts: Sequence[Part]
    labels: Words


def view_of(bill: Bill, account: str, language: str) -> View:
    """What the PDF of a bill says; `account` says whose it is, in a way that only the person knows."""
    words = WORDS[language]
    days = monthrange(bill.month.year, bill.month.month)[1]
    notice = None if bill.is_complete else words["so_far"]
    return View(
        language, str(bill.month), f"{bill.month}-01 {DASH} {bill.month}-{days:02}",
        bill.month.zone.key, account, notice if bill.currencies else notice or words["nothing"],
        [_part(part, bill, words) for part in bill.currencies], words,
    )  # fmt: skip


def _part(part: CurrencyBill, bill: Bill, words: Words) -> Part:
    def money(minor: int) -> str:
        return amount_text(minor, part.currency, grouped=True).replace("-", DASH)

    totals = part.totals
    tiles = [
        (words["fills"], f"{totals.fills:,}"), (words["amount"], money(totals.amount_minor)),
        (words["discount"], money(-totals.discount_minor)), (words["paid"], money(totals.paid_minor)),
        (words["refunded"], money(-part.refunded_minor)), (words["recharged"], money(part.recharged_minor)),
    ]  # fmt: skip
    return Part(
        part.currency, (words["net"], money(part.net_minor)), tiles, list(_tables(part, bill, words, money)),
        words["note"].format(currency=part.currency),
    )  # fmt: skip


def _tables(part: CurrencyBill, bill: Bill, words: Words, money: Callable[[int], str]) -> Iterator[Table]:
    if part.fills:
        yield _grades(part, words, money)
        yield (_fills if len(part.fills) <= MAX_LISTED else _days)(part, bill, words, money)
    if part.refunds:
        yield _refunds(part, bill, words, money)
    if part.recharges:
        yield _recharges(part, bill, words, money)
    if part.cards:
        yield _cards(part.cards, words, money)


def _grades(part: CurrencyBill, words: Words, money: Callable[[int], str]) -> Table:
    return Table(
        words["by_grade"], [words[name] for name in ("grade", "fills", "volume", "amount", "discount", "paid")],
        [_grade(one, words, money) for one in part.totals.grades], [3, 1, 2, 2, 2, 2], [1, 2, 3, 4, 5],
    )  # fmt: skip


def _grade(one: GradeSum, words: Words, money: Callable[[int], str]) -> list[str]:
    return [
        named(words, "fuel", one.fuel), str(one.fills), _volume(one.volume_ml, one.fuel, words),
        money(one.paid_minor + one.discount_minor), money(one.discount_minor), money(one.paid_minor),
    ]  # fmt: skip


def _volume(volume_ml: int, fuel: Fuel, words: Words) -> str:
    return f"{volume_text(volume_ml, grouped=True)} {unit_of(words, fuel)}"


def _fills(part: CurrencyBill, bill: Bill, words: Words, money: Callable[[int], str]) -> Table:
    names = ("date", "station", "grade", "volume", "price", "amount", "discount", "paid", "method")
    return Table(
        words["orders"], [words[name] for name in names], [_fill(fill, bill, words, money) for fill in part.fills],
        [0, 1, 0, 0, 0, 0, 0, 0, 0], [3, 4, 5, 6, 7],
        [words["total"], "", "", "", "", *_sums(part.fills, money), ""],
    )  # fmt: skip


def _fill(fill: Fill, bill: Bill, words: Words, money: Callable[[int], str]) -> list[str]:
    volume = DASH if fill.volume_ml is None else _volume(fill.volume_ml, fill.fuel, words)
    return [
        f"{fill.paid_at.astimezone(bill.month.zone):%m-%d %H:%M}", fill.station or words["unknown_station"],
        named(words, "fuel", fill.fuel), volume, price_text(fill.price_mills), money(fill.amount_minor),
        money(fill.discount_minor), money(fill.paid_minor), named(words, "method", fill.method),
    ]  # fmt: skip


def _sums(fills: Iterable[Fill], money: Callable[[int], str]) -> list[str]:
    fills = list(fills)
    return [
        money(sum(fill.amount_minor for fill in fills)), money(sum(fill.discount_minor for fill in fills)),
        money(sum(fill.paid_minor for fill in fills)),
    ]  # fmt: skip


def _days(part: CurrencyBill, bill: Bill, words: Words, money: Callable[[int], str]) -> Table:
    """Each day's fills by grade: a bounded table, however many there are."""

    def day(fill: Fill) -> str:
        return f"{fill.paid_at.astimezone(bill.month.zone):%Y-%m-%d}"

    rows = [
        [date, *_grade(one, words, money)] for date, fills in groupby(part.fills, key=day) for one in sums_of(fills)
    ]
    return Table(
        words["by_day"],
        [words[name] for name in ("date", "grade", "fills", "volume", "amount", "discount", "paid")], rows,
        [2, 2, 1, 2, 2, 2, 2], [2, 3, 4, 5, 6], [words["total"], "", "", "", *_sums(part.fills, money)],
        words["by_day_note"].format(fills=f"{len(part.fills):,}"),
    )  # fmt: skip


def _refunds(part: CurrencyBill, bill: Bill, words: Words, money: Callable[[int], str]) -> Table:
    rows = [
        [
            f"{one.at.astimezone(bill.month.zone):%m-%d %H:%M}", one.station or words["unknown_station"],
            named(words, "reason", one.reason), named(words, "method", one.method), money(one.amount_minor),
        ]
        for one in part.refunds[:MAX_LISTED]
    ]  # fmt: skip
    return Table(
        words["refunds"], [words[name] for name in ("date", "station", "reason", "method", "refunded")], rows,
        [0, 2, 2, 1, 0], [4], [words["total"], "", "", "", money(part.refunded_minor)], _rest(part.refunds, words),
    )  # fmt: skip


def _recharges(part: CurrencyBill, bill: Bill, words: Words, money: Callable[[int], str]) -> Table:
    rows = [
        [
            f"{one.at.astimezone(bill.month.zone):%m-%d %H:%M}", named(words, "method", one.method),
            money(one.amount_minor),
        ]
        for one in part.recharges[:MAX_LISTED]
    ]  # fmt: skip
    return Table(
        words["recharges"], [words[name] for name in ("date", "method", "amount")], rows, [0, 1, 0], [2],
        [words["total"], "", money(part.recharged_minor)], _rest(part.recharges, words),
    )  # fmt: skip


def _rest(lines: Sequence[object], words: Words) -> str | None:
    """What is said where not all are listed."""
    return words["rest_note"].format(lines=f"{len(lines):,}") if len(lines) > MAX_LISTED else None


def _cards(cards: Sequence[CardMonth], words: Words, money: Callable[[int], str]) -> Table:
    rows: list[list[str]] = []
    for card in cards:
        name = f"{named(words, 'card', card.kind)} …{str(card.card_id)[-4:]}"
        rows.append([name, words["opening"], money(card.opening_minor)])
        rows += [["", named(words, "movement", kind), money(minor)] for kind, minor in card.movements.items()]
        rows.append(["", words["closing"], money(card.closing_minor)])
    return Table(
        words["cards"], [words[name] for name in ("card", "movement", "amount")], rows, [2, 2, 1], [2]
    )  # fmt: skip
