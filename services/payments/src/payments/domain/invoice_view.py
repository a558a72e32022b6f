"""An invoice as its preview shows it: texts, nothing left to compute. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from payments.domain.amounts import amount_text, decimal_text
from payments.domain.bill_words import WORDS, named
from payments.domain.invoices import CURRENCY, Invoice, InvoiceLine
from payments.domain.tax import DECIMALS, RATE_PERCENT
from payments.domain.titles import Title

ZONE = ZoneInfo("Asia/Shanghai")
"""Invoices are China's."""
_ENGLISH: Mapping[str, str] = {
    "title": "Invoice data",
    "preview": "A preview of what is on the invoice. It is no fapiao: that is the tax office's.",
    "status": "Status", "buyer": "Buyer", "invoice": "Invoice", "name": "Name", "taxpayer_id": "Taxpayer number",
    "address": "Address", "phone": "Phone", "bank_name": "Bank", "bank_account": "Account", "email": "E-mail",
    "seller": "Seller", "number": "Number", "issued_at": "Issued", "red_number": "Red invoice",
    "reversed_at": "Taken back", "requested_at": "Asked for", "date": "Date", "goods": "Goods", "station": "Station",
    "quantity": "Litres", "price": "Price without tax", "net": "Amount without tax", "rate": "Tax rate", "tax": "Tax",
    "total": "Total", "status.requested": "asked for", "status.issuing": "being issued", "status.issued": "issued",
    "status.failed": "failed", "status.reversing": "being taken back", "status.reversed": "taken back",
}  # fmt: skip
_CHINESE: Mapping[str, str] = {
    "title": "发票信息", "preview": "发票内容预览,不是发票;发票以税务机关开具的为准。",
    "status": "状态", "buyer": "购买方", "invoice": "发票", "name": "名称", "taxpayer_id": "纳税人识别号",
    "address": "地址", "phone": "电话", "bank_name": "开户银行", "bank_account": "银行账号", "email": "邮箱",
    "seller": "销售方", "number": "发票号码", "issued_at": "开票时间", "red_number": "红字发票号码",
    "reversed_at": "冲红时间", "requested_at": "申请时间", "date": "日期", "goods": "货物名称", "station": "加油站",
    "quantity": "数量(升)", "price": "单价(不含税)", "net": "金额(不含税)", "rate": "税率", "tax": "税额",
    "total": "价税合计", "status.requested": "已申请", "status.issuing": "开具中", "status.issued": "已开具",
    "status.failed": "开具失败", "status.reversing": "冲红中", "status.reversed": "已冲红",
}  # fmt: skip
INVOICE_WORDS: Mapping[str, Mapping[str, str]] = {"en": _ENGLISH, "zh": _CHINESE}
_HEAD = ("date", "goods", "station", "quantity", "price", "net", "rate", "tax", "total")
_BUYER = ("name", "taxpayer_id", "address", "phone", "bank_name", "bank_account", "email")


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """The preview's contents."""

    language: str
    status: str
    buyer: Sequence[tuple[str, str]]
    facts: Sequence[tuple[str, str]]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: Sequence[str]
    labels: Mapping[str, str]


def invoice_view(invoice: Invoice, language: str) -> InvoiceView:
    """What the preview of an invoice says."""
    words = INVOICE_WORDS[language]
    total = ["", "", "", "", "", _money(invoice.total_minor - invoice.tax_minor), "", _money(invoice.tax_minor)]
    return InvoiceView(
        language, named(words, "status", invoice.status), _buyer(invoice.buyer, words), _facts(invoice, words),
        [words[name] for name in _HEAD], [_row(line, language) for line in invoice.lines],
        [*total, _money(invoice.total_minor)], words,
    )  # fmt: skip


def _buyer(buyer: Title | None, words: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(words[name], value) for name in _BUYER if buyer is not None and (value := getattr(buyer, name))]


def _facts(invoice: Invoice, words: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is known of it by now."""
    moments = ("requested_at", "issued_at", "reversed_at")
    known = {name: f"{at.astimezone(ZONE):%Y-%m-%d %H:%M}" for name in moments if (at := getattr(invoice, name))}
    known |= {name: text for name in ("number", "red_number") if (text := getattr(invoice, name))}
    order = ("seller", "number", "requested_at", "issued_at", "red_number", "reversed_at")
    return [(words[name], text) for name in order if (text := (known | {"seller": invoice.operator}).get(name))]


def _row(line: InvoiceLine, language: str) -> list[str]:
    taxed = line.taxed
    return [
        f"{line.paid_at.astimezone(ZONE):%Y-%m-%d}", named(WORDS[language], "fuel", line.fuel), line.station,
        decimal_text(taxed.quantity_e8, DECIMALS), decimal_text(taxed.price_e8, DECIMALS), _money(taxed.net_minor),
        f"{RATE_PERCENT}%", _money(taxed.tax_minor), _money(taxed.total_minor),
    ]  # fmt: skip


def _money(minor: int) -> str:
    return amount_text(minor, CURRENCY, grouped=True)
