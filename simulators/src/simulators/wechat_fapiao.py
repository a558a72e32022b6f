"""WeChat Pay's electronic invoices for refined oil, simulated: what was issued and taken back, and its rules for it.

Source: pay.weixin.qq.com/doc/v3/partner/4016760559 (issue) and 4015792567 (query). How a try that failed is told is
published nowhere that we could read: here its status is ISSUE_FAILED.
"""

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_der_private_key
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from simulators.wechat_fapiao_models import Issue, Reverse
from simulators.wechat_pay import Refused, WechatPay
from simulators.wechat_pay_api import answer, sent
from simulators.wechat_pay_signing import moment

PATH = "/v3/new-tax-control-fapiao/fapiao-applications"
MAX_TRIES = 5
MAX_APPLICATIONS = 100_000
Status = Literal["ISSUE_ACCEPTED", "ISSUED", "ISSUE_FAILED", "REVERSE_ACCEPTED", "REVERSED"]


class Control(BaseModel):
    """How many of the next tries fail, after they were accepted."""

    model_config = ConfigDict(extra="forbid")

    fail_next: int = Field(default=0, ge=0, le=1000)


@dataclass
class Fapiao:
    """One try of an application."""

    request: Issue
    changed_at: datetime
    status: Status = "ISSUE_ACCEPTED"
    fails: bool = False
    number: str | None = None
    issued_at: datetime | None = None
    red_number: str | None = None
    reversed_at: datetime | None = None

    def shown(self) -> dict[str, Any]:
        """As the query tells it."""
        details = self.request.fapiao_information
        told: dict[str, Any] = {
            "fapiao_id": details.fapiao_id, "status": self.status, "total_amount": details.total_amount,
        }  # fmt: skip
        for name, number, at in (("blue", self.number, self.issued_at), ("red", self.red_number, self.reversed_at)):
            if number is not None and at is not None:
                told[f"{name}_fapiao"] = {"fapiao_number": number, "fapiao_time": moment(at)}
        return told


@dataclass
class TaxOffice:
    """What was issued, by application and the merchant's number of the try."""

    platform: WechatPay
    fail_next: int = 0
    applications: dict[str, dict[str, Fapiao]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Reads the key that opens buyers' phones and addresses."""
        der = base64.b64decode(self.platform.settings.platform_private_key.get_secret_value())
        key = load_der_private_key(der, None)
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("WeChat Pay's keys are RSA keys")
        self._key = key

    def issue(self, request: Issue) -> None:
        """Takes a try; the same one again is the one that it has."""
        tries = self.applications.setdefault(request.fapiao_apply_id, {})
        number = request.fapiao_information.fapiao_id
        if known := tries.get(number):
            if known.request.fapiao_information != request.fapiao_information:
                raise Refused(400, "INVALID_REQUEST", "商户发票单号重复,请求参数与原请求不一致")
            return
        if len(tries) >= MAX_TRIES:
            raise Refused(400, "INVALID_REQUEST", "开票重试次数超限")
        if any(self.now(one).status not in ("ISSUE_FAILED", "REVERSED") for one in tries.values()):
            raise Refused(400, "INVALID_REQUEST", "发票已开具或开具中")
        self._require_true(request)
        tries[number] = Fapiao(request, self.platform.now(), fails=self.fail_next > 0)
        self.fail_next = max(0, self.fail_next - 1)
        while len(self.applications) > MAX_APPLICATIONS:
            del self.applications[next(iter(self.applications))]

    def find(self, application: str, number: str | None, seller: str) -> list[Fapiao]:
        """The tries of an application as they are now."""
        found = [
            self.now(one)
            for name, one in self.applications.get(application, {}).items()
            if number in (None, name) and one.request.sub_mchid == seller
        ]
        if not found:
            raise Refused(404, "RESOURCE_NOT_EXISTS", "发票不存在")
        return found

    def reverse(self, application: str, request: Reverse) -> None:
        """Begins a red invoice; the same one again is the one under way."""
        (asked,) = request.fapiao_information
        (fapiao,) = self.find(application, asked.fapiao_id, request.sub_mchid)
        if fapiao.status in ("REVERSE_ACCEPTED", "REVERSED"):
            return
        if fapiao.status != "ISSUED" or fapiao.number != asked.fapiao_number:
            raise Refused(400, "INVALID_REQUEST", "发票状态或发票号码不正确,不能冲红")
        fapiao.status, fapiao.changed_at = "REVERSE_ACCEPTED", self.platform.now()

    def now(self, fapiao: Fapiao) -> Fapiao:
        """It takes a moment until something that was accepted is done."""
        now = self.platform.now()
        if now - fapiao.changed_at < timedelta(seconds=self.platform.settings.refund_seconds):
            return fapiao
        if fapiao.status == "ISSUE_ACCEPTED" and fapiao.fails:
            fapiao.status = "ISSUE_FAILED"
        elif fapiao.status == "ISSUE_ACCEPTED":
            fapiao.status, fapiao.number, fapiao.issued_at = "ISSUED", _number(now), now
        elif fapiao.status == "REVERSE_ACCEPTED":
            fapiao.status, fapiao.red_number, fapiao.reversed_at = "REVERSED", _number(now), now
        return fapiao

    def _require_true(self, request: Issue) -> None:
        for one in request.fapiao_information.transaction_information:
            trade = self.platform.by_transaction(one.transaction_id)
            if (trade.number, trade.order.amount.total) != (one.out_trade_no, one.amount):
                raise Refused(400, "PARAM_ERROR", "交易信息与实际交易不一致")
        for sealed in (request.buyer_information.phone, request.buyer_information.email):
            if sealed is not None:
                self._require_encrypted(sealed)

    def _require_encrypted(self, sealed: str) -> None:
        try:
            self._key.decrypt(base64.b64decode(sealed, validate=True), OAEP(MGF1(SHA1()), SHA1(), None))  # noqa: S303
        except ValueError:
            raise Refused(400, "PARAM_ERROR", "敏感信息解密失败") from None


def router(office: TaxOffice) -> APIRouter:
    """What merchants ask, signed both ways."""
    routes, platform = APIRouter(tags=["wechat-pay"]), office.platform

    @routes.post(f"{PATH}/issue-refined-oil")
    async def issue(request: Request) -> Response:
        """Takes an application; whether it is issued is seen later."""
        body = await request.body()
        return await answer(platform, request, "create", lambda: office.issue(sent(Issue, body)), 202)

    @routes.get(f"{PATH}/{{application}}")
    async def query(application: str, request: Request) -> Response:
        """How far it is."""
        asked = request.query_params

        def found() -> dict[str, Any]:
            tries = office.find(application, asked.get("fapiao_id"), asked.get("sub_mchid", ""))
            return {"total_count": len(tries), "fapiao_information": [one.shown() for one in tries]}

        return await answer(platform, request, "query", found)

    @routes.post(f"{PATH}/{{application}}/reverse")
    async def reverse(application: str, request: Request) -> Response:
        """Takes one back with a red invoice."""
        body = await request.body()
        return await answer(
            platform, request, "refund", lambda: office.reverse(application, sent(Reverse, body)), 202
        )  # fmt: skip

    return routes


def control_router(office: TaxOffice) -> APIRouter:
    """What is true there, and what fails next."""
    routes = APIRouter(prefix="/control/wechat-pay/fapiao", tags=["control"])

    @routes.get("")
    async def listed() -> list[dict[str, Any]]:
        """All tries of all applications."""
        return [
            {"fapiao_apply_id": name} | office.now(one).shown()
            for name, tries in office.applications.items()
            for one in tries.values()
        ]

    @routes.put("", status_code=204)
    async def control(wanted: Control) -> None:
        """Lets the next tries fail."""
        office.fail_next = wanted.fail_next

    return routes


def _number(now: datetime) -> str:
    """20 digits, as the tax office's e-invoices have."""
    return f"{now:%y}112{secrets.randbelow(10**15):015}"
