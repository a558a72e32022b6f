"""WeChat Pay's electronic invoices for refined oil, as a service provider issues them for its sellers.

https://pay.weixin.qq.com/doc/v3/partner/4016760559 (issue), .../4015792567 (query); red invoices by `/reverse`.
"""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Never, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from pydantic import BaseModel, ConfigDict, Field

from payments.domain.invoices import Invoice, InvoiceLine
from payments.domain.tax import RATE_PERCENT
from payments.domain.titles import Title, TitleKind
from payments.providers.channel import ProviderAway, ProviderRefused
from payments.providers.fapiao import ChargeOfOrder, Fapiao, FapiaoState
from payments.providers.wechat_pay_client import Reply, WechatPayClient, WechatPaySettings
from schemas.vocabulary import Fuel
from servicekit.outbound import Outbound
from servicekit.rsa_signing import public_key

PATH = "/v3/new-tax-control-fapiao/fapiao-applications"
UNIT = "LETER"
"""WeChat's word for a litre."""
REASON = "SALES_RETURN"
OTHERS = "*"
"""Stands for every operator that has no merchant number of its own."""
TYPES = {TitleKind.INDIVIDUAL: "INDIVIDUAL", TitleKind.ORGANISATION: "ORGANIZATION"}
STATES = {
    "ISSUE_ACCEPTED": FapiaoState.ACCEPTED,
    "ISSUED": FapiaoState.ISSUED,
    "REVERSE_ACCEPTED": FapiaoState.REVERSING,
    "REVERSED": FapiaoState.REVERSED,
}
"""Any other word means that the try failed."""
GOODS = {
    Fuel.PETROL_92: "92号车用汽油", Fuel.PETROL_95: "95号车用汽油", Fuel.PETROL_98: "98号车用汽油",
    Fuel.DIESEL_B0: "0号车用柴油",
}  # fmt: skip
UNKNOWN_NUMBER = frozenset({"RESOURCE_NOT_EXISTS", "NOT_FOUND"})
DONE_ALREADY = frozenset({"RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"})
AGAIN_LATER = frozenset({"FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "SYSTEM_ERROR"})


class FapiaoSettings(BaseModel):
    """Whose invoices WeChat Pay issues: PAYMENTS_FAPIAO__SELLERS and PAYMENTS_FAPIAO__TAX_CODES, JSON objects."""

    model_config = ConfigDict(frozen=True)

    sellers: dict[str, str] = Field(
        default={}, description="The merchant number (sub_mchid) of each operator; `*`: of all others"
    )
    tax_codes: dict[Fuel, str] = Field(
        default={}, description="Each grade's code of the tax office (19 digits), as the sellers' accountants have it"
    )


class _Ticket(msgspec.Struct):
    fapiao_number: str | None = None
    fapiao_code: str | None = None
    fapiao_time: datetime | None = None


class _Fapiao(msgspec.Struct):
    fapiao_id: str
    status: str
    blue_fapiao: _Ticket | None = None
    red_fapiao: _Ticket | None = None
    total_amount: int | None = None


class _Found(msgspec.Struct):
    fapiao_information: list[_Fapiao]
    total_count: int | None = None


Document = TypeVar("Document", bound=msgspec.Struct)


class WechatFapiao:
    """See `payments.providers.fapiao.FapiaoIssuer`. Raises ValueError where its keys are none."""

    def __init__(self, merchant: WechatPaySettings, settings: FapiaoSettings, http: Outbound) -> None:
        self._settings = settings
        self._client = WechatPayClient(merchant, http)
        self._encrypts = public_key(merchant.platform_public_key) if merchant.platform_key_id else None

    def can_issue(self, invoice: Invoice) -> bool:
        """See FapiaoIssuer."""
        codes, sellers = self._settings.tax_codes, self._settings.sellers
        return (invoice.operator in sellers or OTHERS in sellers) and all(line.fuel in codes for line in invoice.lines)

    async def issue(self, invoice: Invoice, buyer: Title, charges: Sequence[ChargeOfOrder]) -> None:
        """See FapiaoIssuer."""
        reply = await self._client.ask("POST", f"{PATH}/issue-refined-oil", {
            "sub_mchid": self._seller(invoice), "fapiao_apply_id": invoice.application,
            "buyer_information": _buyer(buyer, self._encrypts),
            "fapiao_information": {
                "fapiao_id": invoice.fapiao_id, "total_amount": invoice.total_minor,
                "items": [self._item(line) for line in invoice.lines],
                "transaction_information": [
                    {
                        "pay_channel": "WECHAT_PAY", "transaction_id": one.trade_id, "out_trade_no": one.number,
                        "amount": one.amount_minor,
                    } for one in charges
                ],
            },
        })  # fmt: skip
        _require_accepted(reply)

    async def query(self, invoice: Invoice) -> Fapiao:
        """See FapiaoIssuer."""
        query = f"sub_mchid={self._seller(invoice)}&fapiao_id={invoice.fapiao_id}"
        reply = await self._client.ask("GET", f"{PATH}/{invoice.application}?{query}")
        if reply.code in UNKNOWN_NUMBER:
            return Fapiao(FapiaoState.NOT_FOUND)
        if reply.status != 200:
            _refuse(reply)
        found = [one for one in _read(reply, _Found).fapiao_information if one.fapiao_id == invoice.fapiao_id]
        return _fapiao(found[0]) if found else Fapiao(FapiaoState.NOT_FOUND)

    async def reverse(self, invoice: Invoice) -> None:
        """See FapiaoIssuer."""
        known = {"fapiao_id": invoice.fapiao_id, "fapiao_code": invoice.code, "fapiao_number": invoice.number}
        reply = await self._client.ask("POST", f"{PATH}/{invoice.application}/reverse", {
            "sub_mchid": self._seller(invoice), "reverse_reason": REASON,
            "fapiao_information": [{name: value for name, value in known.items() if value is not None}],
        })  # fmt: skip
        _require_accepted(reply)

    def _seller(self, invoice: Invoice) -> str:
        sellers = self._settings.sellers
        return sellers.get(invoice.operator) or sellers[OTHERS]

    def _item(self, line: InvoiceLine) -> dict[str, Any]:
        return {
            "tax_code": self._settings.tax_codes[line.fuel], "goods_name": GOODS.get(line.fuel, line.fuel.upper()),
            "unit": UNIT, "quantity": line.taxed.quantity_e8, "total_amount": line.total_minor,
            "tax_rate": RATE_PERCENT * 100, "discount": False,
            "refined_oil_information": {
                "station": line.station, "gun_number": line.pump_id,
                "trade_time": line.paid_at.isoformat(timespec="seconds"),
            },
        }  # fmt: skip


def _buyer(buyer: Title, key: RSAPublicKey | None) -> dict[str, str]:
    """What the invoice says of the buyer; phone and e-mail only where WeChat's public key can encrypt them."""
    fields = {
        "type": TYPES[buyer.kind], "name": buyer.name, "taxpayer_id": buyer.taxpayer_id, "address": buyer.address,
        "bank_name": buyer.bank_name, "bank_account": buyer.bank_account,
        "telephone": buyer.phone if buyer.kind is TitleKind.ORGANISATION else None,
        "phone": _encrypted(buyer.phone, key) if buyer.kind is TitleKind.INDIVIDUAL else None,
        "email": _encrypted(buyer.email, key),
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None}


def _encrypted(text: str | None, key: RSAPublicKey | None) -> str | None:
    if text is None or key is None:
        return None
    padding = OAEP(MGF1(SHA1()), SHA1(), None)  # noqa: S303 - WeChat's choice; OAEP asks no more of it
    return base64.b64encode(key.encrypt(text.encode(), padding)).decode()


def _fapiao(document: _Fapiao) -> Fapiao:
    blue, red = document.blue_fapiao or _Ticket(), document.red_fapiao or _Ticket()
    state = STATES.get(document.status, FapiaoState.FAILED)
    if state in (FapiaoState.ISSUED, FapiaoState.REVERSED) and not blue.fapiao_number:
        raise ProviderAway("an answer that says too little")
    return Fapiao(
        state, blue.fapiao_number, blue.fapiao_code, blue.fapiao_time, red.fapiao_number, red.fapiao_time,
        document.total_amount,
    )  # fmt: skip


def _require_accepted(reply: Reply) -> None:
    if reply.status not in (200, 202, 204) and reply.code not in DONE_ALREADY:
        _refuse(reply)


def _refuse(reply: Reply) -> Never:
    if not 400 <= reply.status < 500 or not reply.code or reply.code in AGAIN_LATER:
        raise ProviderAway(f"status {reply.status} {reply.code}")
    raise ProviderRefused(reply.code, f"WeChat Pay answered {reply.code}")


def _read(reply: Reply, kind: type[Document]) -> Document:
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderAway("an answer that is not WeChat's") from None
