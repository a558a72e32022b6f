"""What the routes of invoice titles and invoices take and give."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from payments.domain.invoices import MAX_ORDERS, InvoiceStatus
from payments.domain.titles import TitleKind
from schemas.base import Moment
from schemas.vocabulary import Fuel
from servicekit.http_models import LINE_PATTERN, Amount, Model, Shown

TITLE = "01900000-0000-7000-8000-0000000007f1"
EMAIL_PATTERN = r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
ORDER = "01900000-0000-7000-8000-0000000007f2"


def _line(most: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=most, pattern=LINE_PATTERN)


Name = Annotated[str, _line(100), Field(description="As the tax office knows it", examples=["canary-Example Ltd"])]
TaxpayerId = Annotated[
    str, StringConstraints(strip_whitespace=True, to_upper=True, max_length=24),
    Field(description="An organisation's social credit code (18 signs, GB 32100)", examples=["91110000CANARY000P"]),
]  # fmt: skip
Address = Annotated[str, _line(100), Field(examples=["canary-1 Example Road"])]
Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9+() -]{5,24}$"), Field(examples=["010-12345678"])
]
Bank = Annotated[str, _line(100), Field(examples=["canary-Example Bank"])]
BankAccount = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{6,30}$"), Field(examples=["62001234567890"])
]
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100, pattern=EMAIL_PATTERN),
    Field(description="Where the invoice is sent to", examples=["a@canary-forecourt.example"]),
]  # fmt: skip
Kind = Annotated[TitleKind, Field(examples=["organisation"])]


class NewTitle(Model):
    """A buyer to keep for invoices."""

    kind: Kind
    name: Name
    taxpayer_id: TaxpayerId | None = None
    address: Address | None = None
    phone: Phone | None = None
    bank_name: Bank | None = None
    bank_account: BankAccount | None = None
    email: Email | None = None


class TitleChange(Model):
    """What to change; null takes out what need not be there."""

    kind: Kind = TitleKind.INDIVIDUAL
    name: Name = ""
    taxpayer_id: TaxpayerId | None = None
    address: Address | None = None
    phone: Phone | None = None
    bank_name: Bank | None = None
    bank_account: BankAccount | None = None
    email: Email | None = None


class Buyer(Shown):
    """Whom an invoice is for."""

    kind: Kind
    name: Annotated[str, Field(examples=["canary-Example Ltd"])]
    taxpayer_id: Annotated[str | None, Field(examples=["91110000CANARY000P"])]
    address: Annotated[str | None, Field(examples=["canary-1 Example Road"])]
    phone: Annotated[str | None, Field(examples=["010-12345678"])]
    bank_name: Annotated[str | None, Field(examples=["canary-Example Bank"])]
    bank_account: Annotated[str | None, Field(examples=["62001234567890"])]
    email: Annotated[str | None, Field(examples=["a@canary-forecourt.example"])]


class Title(Buyer):
    """A buyer that you keep."""

    title_id: UUID


class Titles(Shown):
    """All that you keep, the oldest first."""

    titles: list[Title]


class NewInvoice(Model):
    """What an invoice is for."""

    title_id: Annotated[UUID, Field(examples=[TITLE])]
    order_ids: Annotated[
        list[UUID],
        Field(min_length=1, max_length=MAX_ORDERS, description="Paid, of one seller, each once", examples=[[ORDER]]),
    ]


class InvoiceLine(Shown):
    """One order's part. amount without tax + tax = total; quantity x price = amount without tax, to the fen."""

    order_id: UUID
    station: Annotated[str, Field(examples=["Wangjing"])]
    fuel: Annotated[Fuel, Field(examples=["petrol_95"])]
    paid_at: Moment
    quantity: Annotated[str, Field(description="Litres, up to 8 decimals", examples=["30"])]
    price: Annotated[str, Field(description="Yuan per litre without tax, up to 8 decimals", examples=["6.947"])]
    net_minor: Annotated[Amount, Field(description="Without tax", examples=[20_841])]
    tax_minor: Annotated[Amount, Field(examples=[2_709])]
    total_minor: Amount


class Invoice(Shown):
    """An invoice and how far it is."""

    invoice_id: UUID
    status: Annotated[InvoiceStatus, Field(examples=["issued"])]
    waits_for: Annotated[
        str | None, Field(description="Why it is not issued yet, where that takes longer", examples=[None])
    ]
    error: Annotated[str | None, Field(description="Why it failed: ask for another one", examples=["param_error"])]
    operator: Annotated[str, Field(description="The seller", examples=["demo-oil"])]
    buyer: Annotated[Buyer | None, Field(description="As the title was; null: it failed, or is not told here")]
    lines: list[InvoiceLine]
    tax_rate_percent: Annotated[int, Field(examples=[13])]
    net_minor: Annotated[Amount, Field(examples=[20_841])]
    tax_minor: Annotated[Amount, Field(examples=[2_709])]
    total_minor: Annotated[Amount, Field(description="What you paid and did not get back")]
    currency: Annotated[str, Field(examples=["CNY"])]
    number: Annotated[str | None, Field(description="The tax office's number", examples=["26112000000000000001"])]
    code: Annotated[str | None, Field(description="Its code, where it has one", examples=[None])]
    red_number: Annotated[str | None, Field(description="Of the red invoice that took it back", examples=[None])]
    requested_at: Moment
    issued_at: Moment | None
    reversed_at: Moment | None


class Invoices(Shown):
    """A page of invoices, the newest first."""

    invoices: list[Invoice]
    next_cursor: str | None
