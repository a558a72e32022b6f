"""What a merchant sends to WeChat Pay for an invoice of refined oil, checked as it checks. Amounts are fen."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

Number = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,32}$")]


class _Sent(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class Buyer(_Sent):
    """Whom it is for."""

    type: Literal["INDIVIDUAL", "ORGANIZATION"]
    name: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    taxpayer_id: Annotated[str, StringConstraints(max_length=32)] | None = None
    address: Annotated[str, StringConstraints(max_length=128)] | None = None
    telephone: Annotated[str, StringConstraints(max_length=32)] | None = None
    bank_name: Annotated[str, StringConstraints(max_length=128)] | None = None
    bank_account: Annotated[str, StringConstraints(max_length=32)] | None = None
    phone: str | None = None
    email: str | None = None

    @model_validator(mode="after")
    def _names_an_organisation(self) -> "Buyer":
        if self.type == "ORGANIZATION" and not self.taxpayer_id:
            raise ValueError("taxpayer_id")
        return self


class Oil(_Sent):
    """Where it was sold."""

    station: Annotated[str, StringConstraints(max_length=128)]
    trade_time: Annotated[AwareDatetime, Field(strict=False)]
    gun_number: str


class Item(_Sent):
    """A line; the quantity is 10^-8 of the unit."""

    tax_code: Annotated[str, StringConstraints(pattern=r"^\d{19}$")]
    goods_name: Annotated[str, StringConstraints(min_length=1, max_length=92)]
    unit: Literal["TON", "LETER"]
    quantity: int = Field(ge=1)
    total_amount: int = Field(ge=1)
    tax_rate: Literal[1300]
    discount: bool
    refined_oil_information: Oil


class Transaction(_Sent):
    """A payment that it is for."""

    pay_channel: Literal["WECHAT_PAY"]
    transaction_id: str
    out_trade_no: str
    amount: int


class Details(_Sent):
    """What is to be issued."""

    fapiao_id: Number
    total_amount: int = Field(ge=1)
    items: list[Item] = Field(min_length=1, max_length=2000)
    transaction_information: list[Transaction] = []

    @model_validator(mode="after")
    def _adds_up(self) -> "Details":
        if sum(item.total_amount for item in self.items) != self.total_amount:
            raise ValueError("total_amount")
        return self


class Issue(_Sent):
    """POST .../issue-refined-oil."""

    sub_mchid: Number
    fapiao_apply_id: Number
    buyer_information: Buyer
    fapiao_information: Details


class Reversed(_Sent):
    """Which invoice is taken back."""

    fapiao_id: Number
    fapiao_number: str
    fapiao_code: str | None = None


class Reverse(_Sent):
    """POST .../reverse."""

    sub_mchid: Number
    reverse_reason: Literal["ISSUE_ERROR", "SALES_RETURN", "SERVICE_SUSPENTION", "SALES_DISCOUNT"]
    fapiao_information: list[Reversed] = Field(min_length=1, max_length=1)
