"""Providers' bills: files as the real ones write them, and files that are none."""

import gzip
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from payments.providers import alipay_bills, bill_files, wechat_pay_bills
from payments.providers.bill_files import minor_of, yuan_of
from payments.providers.channel import BillKind, BillLine, ProviderAway, ProviderRefused
from servicekit.outbound import Outbound
from simulators import wechat_pay_bills as simulated

from .provider_kit import Played, played

DAY = date(2026, 11, 24)
WECHAT = """\ufeff交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,\
应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,\
申请退款金额,费率备注\r
`2026-11-24 23:59:59,`wx01,`1900000001,`0,`,`4200000001,`aa01,`o-canary,`JSAPI,`SUCCESS,`OTHERS,`CNY,`235.50,`0.00,`0,`0,\
`0.00,`0.00,`,`,`Petrol,`,`1.41000,`0.60%,`235.50,`0.00,`\r
`2026-11-24 10:00:00,`wx01,`1900000001,`0,`,`4200000001,`aa01,`o-canary,`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`5030,`bb01,\
`0.01,`0.00,`ORIGINAL,`SUCCESS,`Petrol,`,`-0.01000,`0.60%,`0.00,`0.01,`\r
`2026-11-24 11:00:00,`wx01,`1900000001,`0,`,`4200000002,`aa02,`o-canary,`MICROPAY,`REVOKED,`OTHERS,`CNY,`0.00,`0.00,`0,`0,\
`0.00,`0.00,`,`,`Petrol,`,`0.00000,`0.60%,`0.00,`0.00,`\r
总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r
`3,`235.50,`0.01,`0.00,`1.40000,`235.50,`0.01\r
"""  # noqa: E501 - as WeChat writes it
ALIPAY = """#支付宝业务明细查询
#账号:[20880000000000000156]
#起始日期:[2026年11月24日 00:00:00]   终止日期:[2026年11月25日 00:00:00]
#-----------------------------------------业务明细列表----------------------------------------
支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,\
支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,\
退款批次号/请求号,服务费（元）,分润（元）,备注
2026112422001\t,aa01\t,交易,Petrol\t,2026-11-24 10:00:00,2026-11-24 23:59:59,\t,,,\t,canary\t,235.50,235.50,0.00,0.00,0.00,0.00,\
0.00,,0.00,0.00,,-1.41,0.00,
2026112422001\t,aa01\t,退款,Petrol\t,2026-11-24 10:00:00,2026-11-24 10:30:00,\t,,,\t,canary\t,-0.01,-0.01,0.00,0.00,0.00,0.00,\
0.00,,0.00,0.00,bb01,0.00,0.00,
#-----------------------------------------业务明细列表结束------------------------------------
#交易合计:1笔,商家实收共235.50元,商家优惠共0.00元
"""  # noqa: E501, RUF001 - as Alipay writes it
SEEN = {
    (BillKind.PAYMENT, "aa01", 23_550, datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC)),
    (BillKind.REFUND, "bb01", 1, None),
}


def seen(lines: list[BillLine]) -> set[tuple[Any, ...]]:
    """What matters of the lines; of a refund not when."""
    assert {line.currency for line in lines} == {"CNY"}
    return {
        (line.kind, line.number, line.amount_minor, line.at if line.kind is BillKind.PAYMENT else None)
        for line in lines
    }


async def test_wechat_s_file_is_read_up_to_its_summary() -> None:
    rows = wechat_pay_bills.rows_of(io.BytesIO(WECHAT.encode()))
    lines = [line async for line in bill_files.lines_of(rows, wechat_pay_bills.line_of)]
    assert seen(lines) == SEEN
    assert {line.trade_id for line in lines} == {"4200000001"}


async def test_alipay_s_file_is_read_between_its_notes() -> None:
    rows = alipay_bills.rows_of(io.BytesIO(ALIPAY.encode("gbk")))
    lines = [line async for line in bill_files.lines_of(rows, alipay_bills.line_of)]
    assert seen(lines) == SEEN
    assert {line.trade_id for line in lines} == {"2026112422001"}


@pytest.mark.parametrize("change", [("`235.50,`0.00,`\r", "`235.505,`0.00,`\r"), ("2026-11-24 23", "yesterday")])
async def test_a_line_that_cannot_be_understood_is_not_left_out(change: tuple[str, str]) -> None:
    rows = wechat_pay_bills.rows_of(io.BytesIO(WECHAT.replace(*change).encode()))
    with pytest.raises(ProviderAway):
        _ = [line async for line in bill_files.lines_of(rows, wechat_pay_bills.line_of)]


@given(st.integers(min_value=0, max_value=10**13))
def test_yuan_and_fen_are_the_same_amount(minor: int) -> None:
    assert minor_of(yuan_of(minor)) == minor
    assert minor_of(f"-{yuan_of(minor)}") == -minor


@pytest.mark.parametrize(
    "text", ["", "1.001", "NaN", "Infinity", "1e30", "1e999999999", "1_0", "\uff11.00", "--1", "1,00", "1.00\n"]
)
def test_what_is_no_amount_of_fen_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        minor_of(text)


@asynccontextmanager
async def serving(body: bytes, status: int = 200, **headers: str) -> AsyncIterator[str]:
    """A place with one file."""

    async def give(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers=headers)

    app = web.Application()
    app.router.add_get("/{any:.*}", give)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[Played]:
    async with played() as world:
        yield world


def told(monkeypatch: pytest.MonkeyPatch, **document: Any) -> None:
    """Lets WeChat name another place or digest, rightly signed."""
    monkeypatch.setattr(simulated, "place", lambda *_: document)


async def all_lines(lines: AsyncIterator[BillLine]) -> list[BillLine]:
    return [line async for line in lines]


async def test_security_37_a_bill_at_another_place_is_not_fetched(
    world: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(gzip.compress(WECHAT.encode())) as elsewhere:
        for url in (f"{elsewhere}/v3/billdownload/file?token=1", "http://10.0.0.1/x", f"{world.url}.example/x"):
            told(monkeypatch, hash_type="SHA1", hash_value="0" * 40, download_url=url)
            with pytest.raises(ProviderAway, match="another place"):
                await all_lines(world.channel("wechat").bill(DAY))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/bill.zip", "https://dwbillcenter.alipay.com.evil.example/x", "file:///etc/passwd",
        "http://169.254.169.254/latest", "https://dwbillcenter.alipay.com@evil.example/x",
        "https://dwbillcenter.alipay.com:8443/x", "//dwbillcenter.alipay.com/x",
    ],
)  # fmt: skip
def test_security_37_alipay_s_bills_are_where_the_settings_say(url: str) -> None:
    hosts = ("dwbillcenter.alipay.com",)
    with pytest.raises(ProviderAway, match="another place"):
        alipay_bills.allowed(url, "https://openapi.alipay.com", hosts)
    wanted = alipay_bills.allowed("http://dwbillcenter.alipay.com/a?b=c", "https://openapi.alipay.com", hosts)
    assert wanted == "https://dwbillcenter.alipay.com/a?b=c"


async def test_a_wechat_bill_with_another_digest_is_none(world: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(gzip.compress(WECHAT.encode())) as place:
        channel = world.channel("wechat")
        digest = hashlib.sha1(WECHAT.encode(), usedforsecurity=False).hexdigest()
        monkeypatch.setattr(wechat_pay_bills, "_path_at", lambda *_: "/v3/billdownload/file")
        monkeypatch.setattr(channel._client, "download", _downloads(place))  # type: ignore[attr-defined]
        for value, is_good in ((digest, True), ("0" * 40, False)):
            told(monkeypatch, hash_type="SHA1", hash_value=value, download_url="any")
            if is_good:
                assert seen(await all_lines(channel.bill(DAY))) == SEEN
            else:
                with pytest.raises(ProviderAway, match="digest"):
                    await all_lines(channel.bill(DAY))


def _downloads(place: str) -> Any:
    async def download(path: str, file: Any, max_bytes: int) -> int:
        async with Outbound() as http:
            return await http.download(place + path, file, max_bytes, timeout_seconds=5.0)

    return download


@pytest.mark.parametrize("body", [b"", b"no gzip", gzip.compress(WECHAT.encode(), mtime=0)[:-9]])
async def test_a_wechat_bill_that_is_cut_off_is_none(body: bytes) -> None:
    with pytest.raises(ProviderAway):
        wechat_pay_bills._unpack(io.BytesIO(body), io.BytesIO(), hashlib.sha1(b"").hexdigest() + "x")  # noqa: S324


async def test_a_bill_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wechat_pay_bills, "MAX_UNPACKED_BYTES", 1_000_000)
    bomb = gzip.compress(b"0" * 2_000_000)
    with pytest.raises(ProviderAway, match="without end"):
        wechat_pay_bills._unpack(io.BytesIO(bomb), io.BytesIO(), "")
    monkeypatch.setattr(alipay_bills, "MAX_UNPACKED_BYTES", 1_000)
    with pytest.raises(ProviderAway, match="without end"):
        await all_lines(_alipay_bill({"明细.csv": b"0" * 2_000}))


async def test_of_alipay_s_two_files_the_one_with_the_lines_is_read() -> None:
    files = {"20880_业务明细(汇总).csv": "#汇总".encode("gbk"), "20880_业务明细.csv": ALIPAY.encode("gbk")}
    assert seen(await all_lines(_alipay_bill(files))) == SEEN


@pytest.mark.parametrize("body", [b"", b"no zip"])
async def test_an_alipay_bill_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(ProviderAway):
        await all_lines(_alipay_bill(body))


async def _alipay_bill(files: dict[str, bytes] | bytes) -> AsyncIterator[BillLine]:
    body = files if isinstance(files, bytes) else _zipped(files)
    async with serving(body) as place, Outbound() as http:

        async def url_of(_: date) -> str:
            return f"{place}/bill.zip"

        async for line in alipay_bills.bill_lines(http, place, (), url_of, DAY):
            yield line


def _zipped(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


async def test_a_bill_that_is_still_made_is_told_apart(world: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("wechat", "alipay"):
        at = world.wechat if name == "wechat" else world.alipay
        monkeypatch.setattr(at, "settings", at.settings.model_copy(update={"bills_of_today": False}))
        with pytest.raises(ProviderRefused) as caught:
            await all_lines(world.channel(name).bill(datetime.now(UTC).date()))
        assert (caught.value.code, caught.value.final) == ("bill_not_ready", False)


async def test_a_day_without_a_trade_has_an_empty_bill(world: Played) -> None:
    assert await all_lines(world.channel("wechat").bill(date(2026, 1, 1))) == []
