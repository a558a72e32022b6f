"""WeChat Pay's bill of a day: CSV in its columns, each value after a backtick, packed by gzip, its SHA1 told before."""

import gzip
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from fastapi import Request
from fastapi.responses import Response

from simulators.wechat_pay import Refused, WechatPay
from simulators.wechat_pay_documents import Refund, Trade
from simulators.wechat_pay_models import is_day
from simulators.wechat_pay_signing import CHINA, encode

COLUMNS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,"
    "申请退款金额,费率备注"
)
SUMMARY_COLUMNS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"


def place(platform: WechatPay, request: Request) -> dict[str, Any]:
    """Where the bill of `bill_date` lies, and its digest before it was packed."""
    query = request.query_params
    day = query.get("bill_date", "")
    if not is_day(day) or query.get("bill_type", "ALL") != "ALL" or query.get("tar_type", "GZIP") != "GZIP":
        raise Refused(400, "PARAM_ERROR", "参数错误: bill_date, bill_type (ALL), tar_type (GZIP)")
    today = platform.now().astimezone(CHINA)
    if day > f"{today:%Y-%m-%d}":
        raise Refused(400, "PARAM_ERROR", "账单日期不能是未来日期")
    if not platform.settings.bills_of_today and day >= f"{today - timedelta(hours=10):%Y-%m-%d}":
        raise Refused(400, "STATEMENT_CREATING", "账单生成中,请在次日10点后下载")
    text = csv_of(platform, day)
    if text is None:
        raise Refused(400, "NO_STATEMENT_EXIST", "账单文件不存在")
    token = platform.bills.keep(gzip.compress(text, mtime=0) if query.get("tar_type") else text)
    address = urljoin(str(request.base_url), f"/v3/billdownload/file?token={token}")
    return {"hash_type": "SHA1", "hash_value": hashlib.sha1(text).hexdigest(), "download_url": address}  # noqa: S324 - its protocol


def download(platform: WechatPay, request: Request) -> Response:
    """The file that a token stands for."""
    packed = platform.bills.get(request.query_params.get("token", ""))
    if packed is None:
        body = encode({"code": "PARAM_ERROR", "message": "token无效或已过期"})
        return Response(body, 400, media_type="application/json")
    return Response(packed, media_type="application/octet-stream")


def csv_of(platform: WechatPay, day: str) -> bytes | None:
    """The bill of a day in China, None where nothing happened on it."""
    entries = sorted(_entries(platform, day), key=lambda entry: entry[0])
    if not entries:
        return None
    paid = sum(trade.order.amount.total for _, trade, refund in entries if refund is None)
    back = sum(refund.request.amount.refund for _, _, refund in entries if refund)
    totals = (str(len(entries)), yuan(paid), yuan(back), "0.00", "0.00000", yuan(paid), yuan(back))
    rows = [_row(platform, *entry) for entry in entries]
    lines = [COLUMNS, *map(_line, rows), SUMMARY_COLUMNS, _line(totals)]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def yuan(fen: int) -> str:
    """Fen as yuan, exactly."""
    return f"{fen // 100}.{fen % 100:02}"


def _entries(platform: WechatPay, day: str) -> Iterator[tuple[datetime, Trade, Refund | None]]:
    for trade in platform.trades.values():
        if trade.paid_at and _is_on(trade.paid_at, day):
            yield trade.paid_at, trade, None
        for refund in trade.refunds.values():
            if refund.status in ("PROCESSING", "SUCCESS") and _is_on(refund.created_at, day):
                yield refund.created_at, trade, refund


def _is_on(at: datetime, day: str) -> bool:
    return f"{at.astimezone(CHINA):%Y-%m-%d}" == day


def _row(platform: WechatPay, at: datetime, trade: Trade, refund: Refund | None) -> tuple[str, ...]:
    order, lie = trade.order, platform.lie("bill")
    paid = yuan(order.amount.total + lie.amount) if refund is None else "0.00"
    back = "0.00" if refund is None else yuan(refund.request.amount.refund + lie.amount)
    returned = (
        ("0", "0", "0.00", "0.00", "", "") if refund is None
        else (refund.refund_id, refund.request.out_refund_no, back, "0.00", "ORIGINAL", refund.status)
    )  # fmt: skip
    return (
        f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}", order.appid, order.mchid, "0", "", trade.transaction_id,
        trade.number, order.payer.openid, "JSAPI", "SUCCESS" if refund is None else "REFUND", "OTHERS",
        order.amount.currency, paid, "0.00", *returned, order.description, order.attach, "0.00000", "0.00%", paid, back,
        "",
    )  # fmt: skip


def _line(values: tuple[str, ...]) -> str:
    return ",".join(f"`{value.replace(',', ' ')}" for value in values)
