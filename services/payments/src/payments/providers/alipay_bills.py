"""Alipay's daily trade bill: a zip of CSV files in GBK, at an address that an answer names for half a minute.

alipay.data.dataservice.bill.downloadurl.query of https://opendocs.alipay.com/open: lines of notes begin with #, then
come the names of the columns, and each value may have a tab behind it.
"""

import asyncio
import csv
import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import date, datetime
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from yarl import URL

from payments.providers.alipay_trades import CURRENCY
from payments.providers.bill_files import MAX_FILE_BYTES, MAX_UNPACKED_BYTES, Row, lines_of, minor_of, scratch_file
from payments.providers.channel import BillKind, BillLine, ProviderAway
from servicekit.alipay_gateway import TIME_FORMAT, ZONE
from servicekit.outbound import Outbound, PlatformAway

DOWNLOAD_SECONDS = 120.0
TRADE_ID, SUMMARY = "支付宝交易号", "汇总"
PARENTHESES = str.maketrans("\uff08\uff09", "()")
"""Alipay's are full-width."""
KINDS = {"交易": BillKind.PAYMENT, "退款": BillKind.REFUND}


async def bill_lines(
    http: Outbound, base_url: str, hosts: tuple[str, ...], url_of: Callable[[date], Awaitable[str]], day: date
) -> AsyncIterator[BillLine]:
    """The day's lines. Raises ProviderAway, and ProviderRefused while it is being made."""
    url = allowed(await url_of(day), base_url, hosts)
    with scratch_file() as packed:
        try:
            status = await http.download(
                URL(url, encoded=True), packed, MAX_FILE_BYTES, timeout_seconds=DOWNLOAD_SECONDS
            )
        except PlatformAway as error:
            raise ProviderAway(str(error), was_sent=error.was_sent) from error
        if status != 200:
            raise ProviderAway("a bill that cannot be fetched")
        with await asyncio.to_thread(_details, packed) as file:
            async for line in lines_of(rows_of(file), line_of):
                yield line


def allowed(url: str, base_url: str, hosts: tuple[str, ...]) -> str:
    """The address, by https, where it is one that bills may be at. Raises ProviderAway."""
    own, parts = urlsplit(base_url), urlsplit(url)
    if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
        return url
    if parts.scheme not in ("http", "https") or parts.netloc not in hosts:
        raise ProviderAway("a bill that is at another place")
    return urlunsplit(parts._replace(scheme="https"))


def _details(packed: IO[bytes]) -> IO[bytes]:
    """The file with the lines, among those with sums."""
    try:
        archive = zipfile.ZipFile(packed, metadata_encoding="gbk")
        member = next(one for one in archive.infolist() if SUMMARY not in one.filename)
        if member.file_size > MAX_UNPACKED_BYTES:
            raise ProviderAway("a bill without end")
        return archive.open(member)
    except (zipfile.BadZipFile, StopIteration, UnicodeDecodeError, OSError, NotImplementedError) as error:
        raise ProviderAway("a bill that cannot be unpacked") from error


def rows_of(file: IO[bytes]) -> Iterator[Row]:
    """The bill's lines by the names of their columns, without its notes."""
    lines = csv.reader(io.TextIOWrapper(file, "gbk", newline=""))
    names: list[str] = []
    for values in lines:
        if not values or values[0].startswith("#"):
            continue
        texts = [value.strip().translate(PARENTHESES) for value in values]
        if names:
            yield dict(zip(names, texts, strict=False))
        elif texts[0] == TRADE_ID:
            names = texts


def line_of(row: Row) -> BillLine | None:
    """A line of ours; None for one of another kind. Raises KeyError and ValueError where it is none."""
    kind = KINDS.get(row["业务类型"])
    if kind is None:
        return None
    number = row["商户订单号"] if kind is BillKind.PAYMENT else row["退款批次号/请求号"]
    at = datetime.strptime(row["完成时间"], TIME_FORMAT).replace(tzinfo=ZONE)
    return BillLine(kind, number, row[TRADE_ID], abs(minor_of(row["订单金额(元)"])), CURRENCY, at)
