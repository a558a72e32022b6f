"""Alipay's bill of a day: a zip of CSV in GBK, its lines between notes, each value with a tab behind it."""

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urljoin

from simulators.alipay import ZONE
from simulators.alipay_pay import AlipayPay, Refund, Refused, Trade
from simulators.alipay_pay_models import BillName, moment, yuan_of

PATH = "/downloadBillFile.resource"
COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,"  # noqa: RUF001
    "商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,"  # noqa: RUF001 - its own signs
    "商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"  # noqa: RUF001
)
Entry = tuple[datetime, Trade, Refund | None]


class _GbkInfo(zipfile.ZipInfo):
    """A member of an archive as Alipay writes it: its name in GBK, and no word about that."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits


def place(platform: AlipayPay, name: BillName, base_url: str) -> dict[str, str]:
    """Where the bill of a day lies."""
    today = platform.now().astimezone(ZONE)
    is_early = not platform.settings.bills_of_today and name.bill_date >= f"{today - timedelta(hours=9):%Y-%m-%d}"
    entries = sorted(_entries(platform, name.bill_date), key=lambda entry: entry[0])
    if is_early or not entries:
        raise Refused("isp.bill_not_exist")
    token = platform.bills.keep(_packed(platform, name.bill_date, entries))
    return {"bill_download_url": urljoin(base_url, f"{PATH}?bizType=trade&fileType=csv.zip&token={token}")}


def _entries(platform: AlipayPay, day: str) -> Iterator[Entry]:
    for trade in platform.trades.values():
        if trade.paid_at and _is_on(trade.paid_at, day):
            yield trade.paid_at, trade, None
        for refund in trade.refunds.values():
            if _is_on(refund.at, day):
                yield refund.at, trade, refund


def _is_on(at: datetime, day: str) -> bool:
    return f"{at.astimezone(ZONE):%Y-%m-%d}" == day


def _packed(platform: AlipayPay, day: str, entries: list[Entry]) -> bytes:
    """The lines and, in a file of their own, their sums."""
    seller, packed = platform.settings.seller_id, io.BytesIO()
    head = [
        "#支付宝业务明细查询", f"#账号：[{seller}0156]",  # noqa: RUF001
        f"#起始日期：[{day} 00:00:00]   终止日期：[{day} 24:00:00]",  # noqa: RUF001
        "#-----------------------------------------业务明细列表----------------------------------------",
    ]  # fmt: skip
    lines = [*head, COLUMNS, *(_line(platform, *entry) for entry in entries), *_foot(platform, entries)]
    stem = f"{seller}0156_{day.replace('-', '')}_业务明细"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in ((f"{stem}.csv", lines), (f"{stem}(汇总).csv", [*head[:3], *_foot(platform, entries)])):
            archive.writestr(_GbkInfo(name), ("\r\n".join(text) + "\r\n").encode("gbk", "replace"))
    return packed.getvalue()


def _line(platform: AlipayPay, at: datetime, trade: Trade, refund: Refund | None) -> str:
    fen = trade.order.total_amount if refund is None else refund.request.refund_amount
    sign, lie = "" if refund is None else "-", platform.plan.strikes("wrong_amount", "bill")
    amount = sign + yuan_of(fen + lie)
    values = (
        trade.trade_no, trade.number, "交易" if refund is None else "退款", trade.order.subject,
        moment(trade.created_at), moment(at), "", "", "", "", "159****5620", amount, amount, *["0.00"] * 5, "",
        "0.00", "0.00", refund.number if refund else "", "0.00", "0.00", "",
    )  # fmt: skip
    return ",".join(f"{value.replace(',', ' ')}\t" for value in values)


def _foot(platform: AlipayPay, entries: list[Entry]) -> list[str]:
    paid = [trade.order.total_amount for _, trade, refund in entries if refund is None]
    back = [refund.request.refund_amount for _, _, refund in entries if refund]
    return [
        "#-----------------------------------------业务明细列表结束------------------------------------",
        f"#交易合计：{len(paid)}笔，商家实收共{yuan_of(sum(paid))}元，商家优惠共0.00元",  # noqa: RUF001
        f"#退款合计：{len(back)}笔，商家实收退款共-{yuan_of(sum(back))}元，商家优惠退款共0.00元",  # noqa: RUF001
        f"#导出时间：[{moment(platform.now())}]",  # noqa: RUF001
    ]  # fmt: skip
