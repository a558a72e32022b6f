"""WeChat Pay's daily trade bill: a gzip file of CSV, its digest checked, for a file is not signed.

https://pay.weixin.qq.com/docs/merchant/apis/jsapi-payment/get-trade-bill.html: each value has a backtick before it, and
after the lines comes a summary with a head of its own.
"""

import asyncio
import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime
from typing import IO
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from payments.providers.bill_files import (
    MAX_FILE_BYTES,
    MAX_UNPACKED_BYTES,
    PIECE_BYTES,
    Row,
    lines_of,
    minor_of,
    scratch_file,
)
from payments.providers.channel import BillKind, BillLine, ProviderAway, ProviderRefused
from payments.providers.wechat_pay_client import WechatPayClient

ZONE = ZoneInfo("Asia/Shanghai")
NO_TRADES = frozenset({"NO_STATEMENT_EXIST"})
NOT_YET = frozenset({"STATEMENT_CREATING", "BILL_CREATING"})
SUMMARY = "总交易单数"
PAYMENT, REFUND = "SUCCESS", "REFUND"


class _Location(msgspec.Struct):
    hash_type: str
    hash_value: str
    download_url: str


async def bill_lines(client: WechatPayClient, day: date) -> AsyncIterator[BillLine]:
    """The day's lines, none where there was no trade. Raises ProviderAway; ProviderRefused while it is being made."""
    location = await _location(client, day)
    if location is None:
        return
    with scratch_file() as packed, scratch_file() as plain:
        if await client.download(_path_at(client, location.download_url), packed, MAX_FILE_BYTES) != 200:
            raise ProviderAway("a bill that cannot be fetched")
        await asyncio.to_thread(_unpack, packed, plain, location.hash_value)
        async for line in lines_of(rows_of(plain), line_of):
            yield line


async def _location(client: WechatPayClient, day: date) -> _Location | None:
    reply = await client.ask("GET", f"/v3/bill/tradebill?bill_date={day.isoformat()}&bill_type=ALL&tar_type=GZIP")
    if reply.code in NO_TRADES:
        return None
    if reply.code in NOT_YET:
        raise ProviderRefused("bill_not_ready", "WeChat Pay has not made the day's bill yet", final=False)
    if reply.status != 200:
        raise ProviderAway(f"status {reply.status} {reply.code}")
    try:
        location = msgspec.json.decode(reply.body, type=_Location)
    except msgspec.DecodeError:
        raise ProviderAway("an answer that is not WeChat's") from None
    if location.hash_type != "SHA1":
        raise ProviderAway("a bill without a digest that we know")
    return location


def _path_at(client: WechatPayClient, url: str) -> str:
    """The path of a file, which must be at the very place that we ask."""
    own, parts = urlsplit(client.settings.base_url), urlsplit(url)
    if (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
        raise ProviderAway("a bill that is at another place")
    return f"{parts.path}?{parts.query}"


def _unpack(packed: IO[bytes], plain: IO[bytes], digest: str) -> None:
    """Raises ProviderAway where it is no gzip file, or not the one that the digest is of."""
    packed.seek(0)
    seen, length = hashlib.sha1(usedforsecurity=False), 0
    try:
        with gzip.GzipFile(fileobj=packed, mode="rb") as file:
            while piece := file.read(PIECE_BYTES):
                if (length := length + len(piece)) > MAX_UNPACKED_BYTES:
                    raise ProviderAway("a bill without end")
                seen.update(piece)
                plain.write(piece)
    except (OSError, EOFError, zlib.error) as error:
        raise ProviderAway("a bill that cannot be unpacked") from error
    if seen.hexdigest() != digest.lower():
        raise ProviderAway("a bill whose digest is another")
    plain.seek(0)


def rows_of(file: IO[bytes]) -> Iterator[Row]:
    """The bill's lines by the names of their columns, up to its summary."""
    lines = csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline=""))
    names = next(lines, [])
    for values in lines:
        if values and values[0].startswith(SUMMARY):
            return
        yield dict(zip(names, (value.removeprefix("`").strip() for value in values), strict=False))


def line_of(row: Row) -> BillLine | None:
    """A line of ours; None for what moves no money. Raises KeyError and ValueError where it is none."""
    at = datetime.strptime(row["交易时间"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE)
    if row["交易状态"] == PAYMENT:
        kind, number, amount = BillKind.PAYMENT, row["商户订单号"], row["订单金额"]
    elif row["交易状态"] == REFUND:
        kind, number, amount = BillKind.REFUND, row["商户退款单号"], row["申请退款金额"]
    else:
        return None
    return BillLine(kind, number, row["微信订单号"], minor_of(amount), row["货币种类"], at)
