"""Tax that adds up to the fen, titles whose check sign is right, and what may be on one invoice."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.domain.invoice_view import INVOICE_WORDS, invoice_view
from payments.domain.invoices import Invoice, InvoiceStatus, NotInvoiceable, lines_of
from payments.domain.order_words import Status
from payments.domain.tax import taxed
from payments.domain.titles import BadTitle, Title, TitleKind, check_value, is_credit_code, require_good

from .documents import PAID_AT, paid

SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
FEN = Decimal("0.01")
TOTALS, VOLUMES = st.integers(1, 5_000_000), st.integers(1, 5_000_000)


@given(st.lists(st.tuples(TOTALS, VOLUMES), min_size=1, max_size=50))
def test_an_invoice_adds_up_to_the_fen(orders: list[tuple[int, int]]) -> None:
    driver, station = str(uuid4()), uuid4()
    given = [
        paid(driver, station, volume_ml=volume, gross_minor=total, paid_minor=total) for total, volume in orders
    ]  # fmt: skip
    lines = lines_of(given, {}, {})
    invoice = Invoice(uuid4(), driver, "o", InvoiceStatus.REQUESTED, None, lines, PAID_AT)
    assert invoice.total_minor == sum(total for total, _ in orders)
    assert sum(line.taxed.net_minor + line.taxed.tax_minor for line in lines) == invoice.total_minor
    assert invoice.tax_minor == sum(line.taxed.tax_minor for line in lines)


@given(TOTALS, VOLUMES)
def test_a_line_says_numbers_that_agree_with_each_other(total: int, volume_ml: int) -> None:
    line = taxed(total, volume_ml)
    exact = Decimal(total) * 13 / 113
    assert Decimal(line.tax_minor) == exact.quantize(Decimal(1), ROUND_HALF_UP)
    quantity, price = Decimal(line.quantity_e8).scaleb(-8), Decimal(line.price_e8).scaleb(-8)
    assert quantity == Decimal(volume_ml) / 1000
    assert (quantity * price).quantize(FEN, ROUND_HALF_UP) == Decimal(line.net_minor).scaleb(-2)


def test_a_line_as_a_station_prints_it() -> None:
    line = taxed(9_600, 12_292)
    assert (line.net_minor, line.tax_minor, line.quantity_e8) == (8_496, 1_104, 1_229_200_000)
    assert line.price_e8 == 691_181_256


@pytest.mark.parametrize("code", ["91350100M000100Y43", "91110000802100433B"])
def test_codes_of_the_standard_are_good(code: str) -> None:
    assert is_credit_code(code)
    assert not is_credit_code(code.lower())
    assert not is_credit_code(code[:-1])


@given(st.text(SIGNS, min_size=17, max_size=17), st.integers(0, 17), st.sampled_from(SIGNS))
def test_one_mistyped_sign_is_noticed(first: str, place: int, sign: str) -> None:
    code = first + SIGNS[check_value(first)]
    assert is_credit_code(code)
    assert is_credit_code(code[:place] + sign + code[place + 1 :]) is (code[place] == sign)


@pytest.mark.parametrize(
    ("kind", "taxpayer_id"),
    [("organisation", None), ("organisation", "91350100M000100Y44"), ("individual", "91350100M000100Y43")],
)
def test_a_title_that_fits_no_invoice_is_refused(kind: str, taxpayer_id: str | None) -> None:
    with pytest.raises(BadTitle) as refused:
        require_good(Title(TitleKind(kind), "canary-Ltd", taxpayer_id))
    assert refused.value.field == "taxpayer_id"


def test_refunds_are_taken_off_the_lines() -> None:
    order = paid("d", uuid4(), refunded_minor=3_550)
    (line,) = lines_of([order], {order.station_id: "Wangjing"}, {order.order_id: 4_522})
    assert (line.total_minor, line.volume_ml, line.station) == (20_000, 25_478, "Wangjing")
    (line,) = lines_of([order], {}, {order.order_id: 30_000})  # all was not received, yet not all was paid back
    assert line.volume_ml == 30_000


@pytest.mark.parametrize(
    ("changes", "obstacle"),
    [
        ({"status": Status.REFUNDED, "refunded_minor": 23_550}, "nothing_left"),
        ({"paid_minor": 0}, "nothing_left"),
        ({"status": Status.REFUNDING}, "not_settled"),
        ({"status": Status.DISPUTED}, "not_settled"),
        ({"status": Status.CONFIRMED, "paid_at": None, "paid_minor": 0}, "not_settled"),
        ({"status": Status.PAID, "volume_ml": None}, "not_settled"),
        ({"currency": "EUR"}, "other_currency"),
    ],
)
def test_what_cannot_be_invoiced_says_why(changes: dict[str, object], obstacle: str) -> None:
    order = replace(paid("d", uuid4()), **changes)  # pyright: ignore[reportArgumentType]
    with pytest.raises(NotInvoiceable) as refused:
        lines_of([order], {}, {})
    assert (refused.value.obstacle, refused.value.order_id) == (obstacle, order.order_id)


def test_an_invoice_has_one_seller() -> None:
    with pytest.raises(NotInvoiceable, match="one seller"):
        lines_of([paid("d", uuid4()), paid("d", uuid4(), operator="another")], {}, {})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_preview_says_all_that_is_on_the_invoice(language: str) -> None:
    lines = lines_of([paid("d", uuid4()), paid("d", uuid4(), volume_ml=12_345)], {}, {})
    buyer = Title(TitleKind.INDIVIDUAL, "canary-name", email="a@canary-forecourt.example")
    view = invoice_view(Invoice(uuid4(), "d", "o", InvoiceStatus.ISSUED, buyer, lines, PAID_AT, number="26"), language)
    assert [value for _, value in view.buyer] == ["canary-name", "a@canary-forecourt.example"]
    assert "26" in [value for _, value in view.facts]
    assert view.total[-1] == f"{sum(line.total_minor for line in lines) / 100:.2f}"
    assert len(view.rows) == 2
    assert INVOICE_WORDS["en"].keys() == INVOICE_WORDS["zh"].keys()
    assert all(f"status.{status}" in INVOICE_WORDS[language] for status in InvoiceStatus)
