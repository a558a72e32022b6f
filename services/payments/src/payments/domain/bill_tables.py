"""A bill as the rows of a CSV file. Pure."""

from collections.abc import Iterator
from datetime import datetime

from payments.domain.amounts import amount_text, price_text, volume_text
from payments.domain.bill_words import Words, named, unit_of
from payments.domain.bills import Bill, CurrencyBill, RechargeLine, RefundLine
from payments.domain.records import Fill
from servicekit.csv_text import Cell, Number

_HEAD = (
    "date", "time", "kind", "station", "grade", "volume", "unit", "price", "amount", "discount", "paid", "currency",
    "method", "reason", "order_id",
)  # fmt: skip


def bill_rows(bill: Bill, words: Words) -> Iterator[list[Cell]]:
    """The head, then a row for each fill, refund and recharge, each kind by time.

    In each currency the column `paid` sums to what fuelling cost in the month: a refund is below zero, and what was put
    on a card is not spent yet.
    """
    yield [words[name] for name in _HEAD]
    for part in bill.currencies:
        yield from _rows_of(part, bill, words)


def _rows_of(part: CurrencyBill, bill: Bill, words: Words) -> Iterator[list[Cell]]:
    for fill in part.fills:
        yield [*_when(fill.paid_at, bill), words["kind.fill"], *_fill(fill, words)]
    for refund in part.refunds:
        yield [*_when(refund.at, bill), words["kind.refund"], *_refund(refund, words)]
    for recharge in part.recharges:
        yield [*_when(recharge.at, bill), words["kind.recharge"], *_recharge(recharge, words)]


def _when(moment: datetime, bill: Bill) -> list[Cell]:
    local = moment.astimezone(bill.month.zone)
    return [f"{local:%Y-%m-%d}", f"{local:%H:%M:%S}"]


def _fill(fill: Fill, words: Words) -> list[Cell]:
    return [
        fill.station or "", named(words, "fuel", fill.fuel),
        "" if fill.volume_ml is None else Number(volume_text(fill.volume_ml)), unit_of(words, fill.fuel),
        Number(price_text(fill.price_mills)), Number(amount_text(fill.amount_minor, fill.currency)),
        Number(amount_text(fill.discount_minor, fill.currency)), Number(amount_text(fill.paid_minor, fill.currency)),
        fill.currency, named(words, "method", fill.method), "", str(fill.order_id),
    ]  # fmt: skip


def _refund(refund: RefundLine, words: Words) -> list[Cell]:
    return [
        refund.station or "", "", "", "", "", "", "", Number(amount_text(-refund.amount_minor, refund.currency)),
        refund.currency, named(words, "method", refund.method), named(words, "reason", refund.reason),
        str(refund.order_id),
    ]  # fmt: skip


def _recharge(recharge: RechargeLine, words: Words) -> list[Cell]:
    return [
        "", "", "", "", "", Number(amount_text(recharge.amount_minor, recharge.currency)), "", "", recharge.currency,
        named(words, "method", recharge.method), "", "",
    ]  # fmt: skip
