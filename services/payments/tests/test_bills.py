"""Records and bills over HTTP: whose they are, which month they are of, and that they add up."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from payments.domain.ledger import Account, AccountKind, Posting, Transfer, TransferKind
from payments.domain.order_words import Status
from payments.repository import ledger
from schemas.vocabulary import Fuel
from servicekit.ids import new_id

from .conftest import Payments
from .documents import PAID_AT, paid, store, store_refund

FIRST = datetime(2026, 10, 31, 16, tzinfo=UTC)
"""When November 2026 begins in Shanghai."""
NEXT = datetime(2026, 11, 30, 16, tzinfo=UTC)


async def get(payments: Payments, path: str, driver: str, **query: Any) -> dict[str, Any]:
    reply = await payments.client.get(path, headers=payments.driver(driver), params=query)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_records_are_ones_own_with_their_refunds(payments: Payments) -> None:
    station = await payments.station(name="Wangjing")
    mine, other = str(new_id()), str(new_id())
    order = paid(mine, station, discount_minor=500)
    await store(payments, order, paid(other, station))
    await store(
        payments, replace(paid(mine, station), order_id=new_id(), paid_at=None, status=Status.PLACED, paid_minor=0)
    )
    await store_refund(payments, order, 2_000, volume_ml=2_548)
    page = await get(payments, "/v1/records", mine)
    (record,) = page["records"]
    assert record["order_id"] == str(order.order_id)
    assert record["station"] == "Wangjing"
    assert (record["amount_minor"], record["discount_minor"], record["paid_minor"]) == (23_550, 500, 23_050)
    assert [(one["amount_minor"], one["status"]) for one in record["refunds"]] == [(2_000, "succeeded")]
    (totals,) = page["totals"]
    assert (totals["fills"], totals["paid_minor"], totals["refunded_minor"]) == (1, 23_050, 2_000)
    assert page["next_cursor"] is None


async def test_records_come_page_by_page_with_totals_of_all(payments: Payments) -> None:
    station, driver = await payments.station(), str(new_id())
    await store(payments, *(paid(driver, station, PAID_AT + timedelta(minutes=n // 2)) for n in range(5)))
    seen, cursor = [], None
    for _ in range(3):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = await get(payments, "/v1/records", driver, **query)
        assert page["totals"][0]["fills"] == 5
        seen += [(one["paid_at"], one["order_id"]) for one in page["records"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"fuel": "diesel_b0"}, 1), ({"fuel": "e5"}, 0), ({"method": "alipay"}, 1), ({"method": "wechat"}, 2),
        ({"from": PAID_AT.isoformat()}, 2), ({"to": PAID_AT.isoformat()}, 1), ({"vehicle_id": str(new_id())}, 0),
    ],
)  # fmt: skip
async def test_filters_choose_records_and_totals(payments: Payments, query: dict[str, str], found: int) -> None:
    station, driver = await payments.station(), str(new_id())
    early = paid(driver, station, PAID_AT - timedelta(seconds=1), method="alipay")
    await store(payments, early, paid(driver, station), paid(driver, station, fuel=Fuel.DIESEL_B0))
    page = await get(payments, "/v1/records", driver, **query)
    assert len(page["records"]) == found == sum(one["fills"] for one in page["totals"])


async def test_each_payment_is_in_exactly_one_month(payments: Payments) -> None:
    station, driver = await payments.station(), str(new_id())
    moments = [FIRST - timedelta(microseconds=1), FIRST, NEXT - timedelta(microseconds=1), NEXT]
    await store(payments, *(paid(driver, station, moment) for moment in moments))
    fills = {m: await get(payments, f"/v1/bills/2026-{m}", driver) for m in (10, 11, 12)}
    assert [fills[m]["currencies"][0]["totals"]["fills"] for m in (10, 11, 12)] == [1, 2, 1]
    utc = await get(payments, "/v1/bills/2026-11", driver, time_zone="UTC")
    assert utc["currencies"][0]["totals"]["fills"] == 2


async def test_a_bill_adds_up_by_currency_with_refunds_of_earlier_months(payments: Payments) -> None:
    station, driver = await payments.station(name="=HYPERLINK(0)"), str(new_id())
    earlier = paid(driver, station, FIRST - timedelta(days=3))
    euros = paid(driver, station, currency="EUR", price_mills=1_659)
    await store(payments, earlier, euros, paid(driver, station, discount_minor=1_550), paid(driver, station))
    await store_refund(payments, earlier, 550, settled_at=PAID_AT)
    await store_refund(payments, euros, 100, settled_at=NEXT)
    bill = await get(payments, "/v1/bills/2026-11", driver)
    yuan, euro = bill["currencies"]
    assert (yuan["currency"], yuan["totals"]["paid_minor"], yuan["refunded_minor"]) == ("CNY", 45_550, 550)
    assert yuan["net_minor"] == 45_000
    assert yuan["totals"]["discount_minor"] == 1_550
    assert (euro["currency"], euro["refunded_minor"], euro["net_minor"]) == ("EUR", 0, euro["totals"]["paid_minor"])
    reply = await payments.client.get("/v1/bills/2026-11.csv", headers=payments.driver(driver))
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(reply.content.decode("utf-8-sig"), newline="")))
    assert sum(Decimal(row["Paid"]) for row in rows if row["Currency"] == "CNY") == Decimal("450.00")
    assert {row["Station"] for row in rows} == {"'=HYPERLINK(0)"}


async def test_a_card_opens_and_closes_with_what_the_ledger_says(payments: Payments) -> None:
    driver = str(new_id())
    card, account = new_id(), Account(AccountKind.CARD, str(new_id()), "CNY")
    await payments.sql(
        """INSERT INTO cards (card_id, version, driver_id, account_id, kind, currency, time_zone, named, frozen,
                              blocked, limits, opened_at)
           VALUES ($1, 1, $2, $3, 'virtual', 'CNY', 'Asia/Shanghai', false, false, false, '{}', $4)""",
        card, driver, account.id, FIRST - timedelta(days=20),
    )  # fmt: skip
    moves = [(TransferKind.RECHARGE, 10_000), (TransferKind.RECHARGE, 5_000), (TransferKind.PAYMENT, -2_500)]
    for number, (kind, amount) in enumerate(moves):
        postings = (Posting(Account(AccountKind.PROVIDER, "wechat", "CNY"), -amount), Posting(account, amount))
        transfer = Transfer(new_id(), kind, f"k{number}", postings)
        await payments.store.transact(lambda tx, one=transfer: ledger.post(tx, [one]))
    now = datetime.now(UTC)
    this_month = now.strftime("%Y-%m")
    bill = await get(payments, f"/v1/bills/{this_month}", driver, time_zone="UTC")
    (shown,) = bill["currencies"][0]["cards"]
    assert not bill["is_complete"]
    assert shown["card_id"] == str(card)
    assert shown["opening_minor"] + sum(shown["movements"].values()) == shown["closing_minor"] == 12_500
    following = (now.replace(day=1) + timedelta(days=32)).strftime("%Y-%m")
    (later,) = (await get(payments, f"/v1/bills/{following}", driver, time_zone="UTC"))["currencies"][0]["cards"]
    assert (later["opening_minor"], later["movements"], later["closing_minor"]) == (12_500, {}, 12_500)
    assert (await get(payments, f"/v1/bills/{this_month}", str(new_id())))["currencies"] == []


@pytest.mark.parametrize("accepted", ["zh-CN,zh;q=0.9", "en"])
async def test_a_pdf_to_keep(payments: Payments, accepted: str) -> None:
    station, driver = await payments.station(name="望京 #panic() *加油站*"), str(new_id())
    await store(payments, paid(driver, station))
    headers = payments.driver(driver) | {"Accept-Language": accepted}
    reply = await payments.client.get("/v1/bills/2026-11.pdf", headers=headers)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/pdf")
    assert reply.headers["content-language"] == accepted[:2]
    assert reply.content.startswith(b"%PDF-")
    again = await payments.client.get("/v1/bills/2026-11.pdf", headers=headers)
    assert again.content == reply.content


async def test_what_is_no_month_or_zone_is_refused(payments: Payments) -> None:
    for path in ("2026-13", "2026-13.csv", "november", "2026-11.xls"):
        reply = await payments.client.get(f"/v1/bills/{path}", headers=payments.driver())
        assert reply.status_code == 422, reply.text
    reply = await payments.client.get("/v1/bills/2026-11?time_zone=Mars", headers=payments.driver())
    assert (reply.status_code, reply.json()["type"]) == (422, "urn:forecourt:problem:bad-month")
