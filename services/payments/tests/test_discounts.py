"""Coupons and points of a payment: reserved before the charge by one request at a time, given back where none is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from payments.domain.ledger import AccountKind
from payments.providers.loyalty import Loyalty, LoyaltySettings
from payments.repository import checks
from schemas.reservations import PATH
from servicekit.ids import new_id

from .conftest import Payments
from .paying_kit import AMOUNT, Till, till_of
from .provider_kit import Played, played

OFF = 550
CAMPAIGN = "0199a000-0000-7000-8000-0000000000ca"


class LoyaltyService:
    """As much of loyalty as the contract promises: an order's later reservation takes the place of the one before."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        """By order: its reservation."""
        self.released: list[str] = []
        self.is_away = False
        self.campaign_minor = 0
        """What a campaign takes off each purchase."""

    def app(self) -> web.Application:
        """Its two routes."""
        app = web.Application()
        app.router.add_post(PATH, self.reserve)
        app.router.add_post(PATH + "/{id}/release", self.release)
        return app

    async def reserve(self, request: web.Request) -> web.Response:
        """A coupon takes off a little, points as much as there is to pay."""
        asked = await request.json()
        if self.is_away:
            return web.Response(status=503)
        if "refused" in asked["coupon_ids"]:
            refusal = {"what": "refused", "reason": "expired", "detail": "The coupon has expired."}
            body = {"type": "urn:forecourt:problem:reservation-refused", "refusals": [refusal]}
            return web.json_response(body, status=409)
        self.held[asked["order_id"]] = asked["reservation_id"]
        parts: list[dict[str, Any]] = [
            {"kind": "coupon", "reference": one, "reason": "Coupon", "amount_minor": OFF} for one in asked["coupon_ids"]
        ]
        if asked["points"]:
            worth = min(asked["points"], asked["gross_minor"])
            parts.append({"kind": "points", "reason": "Points", "amount_minor": worth, "points": worth})
        if self.campaign_minor:
            campaign = {"kind": "campaign", "reference": CAMPAIGN, "reason": "Happy hour"}
            parts.append(campaign | {"amount_minor": self.campaign_minor})
        until = (datetime.now(UTC) + timedelta(minutes=5)).isoformat().replace("+00:00", "Z")
        answer = {"reservation_id": asked["reservation_id"], "breakdown": parts, "expires_at": until}
        return web.json_response(answer)

    async def release(self, request: web.Request) -> web.Response:
        """Free again."""
        self.released.append(request.match_info["id"])
        return web.Response(status=204)


@pytest.fixture(scope="module")
async def world() -> AsyncIterator[Played]:
    async with played() as world:
        yield world


@pytest.fixture
async def loyalty() -> AsyncIterator[tuple[LoyaltyService, str]]:
    service = LoyaltyService()
    runner = web.AppRunner(service.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield service, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def till(payments: Payments, world: Played, loyalty: tuple[LoyaltyService, str]) -> AsyncIterator[Till]:
    async with (
        till_of(payments, world, "wechat") as till,
        Loyalty(LoyaltySettings(url=loyalty[1])) as payments.process.loyalty,
    ):
        yield till


@pytest.fixture
def service(loyalty: tuple[LoyaltyService, str]) -> LoyaltyService:
    return loyalty[0]


async def test_a_coupon_is_taken_off_and_who_gives_it_pays_the_station(till: Till, service: LoyaltyService) -> None:
    order = await till.order(coupon_ids=("c1",))
    paid = await till.paid(order)
    assert (paid.discount_minor, paid.paid_minor, paid.gross_minor) == (OFF, AMOUNT - OFF, AMOUNT)
    assert str(paid.reservation_id) == service.held[str(order.order_id)]
    assert service.released == []
    assert till.world.wechat.trades[await till.number(order)].order.amount.total == AMOUNT - OFF
    assert await till.station() == AMOUNT
    assert await till.balance(AccountKind.PROMOTION, "loyalty") == -OFF
    part = await till.refund(order, amount_minor=1_000)
    assert part.status_code == 201


async def test_a_whole_refund_gives_the_discount_back_to_who_paid_it(till: Till, service: LoyaltyService) -> None:
    paid = await till.paid(await till.order(coupon_ids=("c1",)))
    assert service.held
    assert (await till.refund(paid, whole=True)).json()["amount_minor"] == AMOUNT - OFF
    await till.look()
    await till.until(paid, "refunded")
    assert await till.station() == await till.balance(AccountKind.PROMOTION, "loyalty") == 0


async def test_the_part_by_which_all_is_back_gives_the_discount_back(till: Till, service: LoyaltyService) -> None:
    paid = await till.paid(await till.order(coupon_ids=("c1",)))
    assert service.held
    assert (await till.refund(paid, amount_minor=1_000)).status_code == 201
    assert (await till.refund(paid, whole=True)).json()["amount_minor"] == AMOUNT - OFF - 1_000
    await till.look()
    await till.until(paid, "refunded")
    assert await till.station() == await till.balance(AccountKind.PROMOTION, "loyalty") == 0


async def test_points_may_pay_all_of_it(till: Till, service: LoyaltyService) -> None:
    order = await till.order()
    reply = await till.pay(order, points=10**6)
    assert (reply.status_code, reply.json()["payment"]) == (
        200, {"method": "none", "status": "paid", "client": None, "expires_at": None}
    )  # fmt: skip
    assert await till.payments.sql("SELECT count(*) FROM attempts") == 0
    assert await till.station() == AMOUNT
    assert service.released == []


async def test_what_points_paid_wholly_can_be_undone_once(till: Till, service: LoyaltyService) -> None:
    order = await till.order()
    assert (await till.pay(order, points=10**6)).status_code == 200
    assert service.held
    assert (await till.refund(order, amount_minor=1)).json()["type"] == "urn:forecourt:problem:not-refundable"
    assert (await till.refund(order, volume_ml=1_000)).status_code == 409
    replies = [await till.refund(order, whole=True) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [201, 409]
    refund = replies[0].json()
    assert (refund["status"], refund["amount_minor"], refund["method"]) == ("succeeded", 0, "none")
    assert (await till.now(order)).status == "refunded"
    assert await till.station() == await till.balance(AccountKind.PROMOTION, "loyalty") == 0
    (told,) = await till.payments.rows("SELECT before, after FROM order_steps WHERE command = 'end_refund'")
    assert (told["before"], told["after"]) == ("refunding", "refunded")
    now = datetime.now(UTC)
    async with till.payments.store.connection() as connection:
        for check in checks.CHECKS:
            assert await checks.findings(connection, check, now - timedelta(hours=1), now) == []


async def test_points_of_more_than_the_limit_are_undone_by_two_people(till: Till, service: LoyaltyService) -> None:
    till.two_people_above(AMOUNT - 1)
    order = await till.order()
    assert (await till.pay(order, points=10**6)).status_code == 200
    assert service.held
    asked = (await till.refund(order, whole=True)).json()
    assert asked["status"] == "requested"
    other = till.payments.staff("refunds:approve", role="finance", sub=str(new_id()))
    path = f"/v1/refunds/{asked['refund_id']}/approve"
    assert (await till.payments.client.post(path, headers=other)).json()["status"] == "succeeded"
    assert (await till.now(order)).status == "refunded"


async def test_what_cannot_be_spent_is_named_and_nothing_else_happens(till: Till, service: LoyaltyService) -> None:
    order = await till.order(coupon_ids=("refused",))
    reply = await till.pay(order)
    assert (reply.status_code, reply.json()["refusals"][0]["what"]) == (409, "refused")
    assert (await till.now(order)).status == "confirmed"
    assert (await till.pay(order, coupon_ids=["c1"])).status_code == 200
    assert len(service.held) == 1


async def test_with_loyalty_away_the_driver_may_pay_in_full(till: Till, service: LoyaltyService) -> None:
    service.is_away = True
    order = await till.order(coupon_ids=("c1",), points=100)
    for asked in ({}, {"coupon_ids": [], "points": 0}):  # a campaign may be in the price that was shown
        reply = await till.pay(order, **asked)
        assert (reply.status_code, reply.json()["type"]) == (409, "urn:forecourt:problem:loyalty-away")
        assert '"without_discounts": true' in reply.json()["detail"]
    assert (await till.pay(order, without_discounts=True, points=1)).status_code == 422
    reply = await till.pay(order, without_discounts=True)
    assert reply.status_code == 200
    await till.confirm(order)
    assert (await till.until(order, "paid")).paid_minor == AMOUNT
    assert service.held == {}


async def test_a_campaign_holds_for_who_asks_for_nothing(till: Till, service: LoyaltyService) -> None:
    service.campaign_minor = 300
    order = await till.order()
    paid = await till.paid(order)
    assert (paid.discount_minor, paid.paid_minor, paid.gross_minor) == (300, AMOUNT - 300, AMOUNT)
    assert (str(paid.reservation_id), service.released) == (service.held[str(order.order_id)], [])
    assert [part["reference"] for part in paid.breakdown] == [CAMPAIGN]
    assert await till.station() == AMOUNT
    assert await till.payments.sql("SELECT count(*) FROM reservation_claims") == 0


async def test_nothing_is_remembered_of_a_question_that_took_nothing_off(till: Till, service: LoyaltyService) -> None:
    paid = await till.paid(await till.order())
    assert (paid.reservation_id, paid.paid_minor, paid.breakdown) == (None, AMOUNT, ())
    assert len(service.held) == 1


async def test_who_wants_to_pay_in_full_is_not_asked_about(till: Till, service: LoyaltyService) -> None:
    service.campaign_minor = 300
    order = await till.order(coupon_ids=("c1",), points=5)
    assert (await till.pay(order, without_discounts=True)).status_code == 200
    now = await till.now(order)
    assert (now.discount_minor, now.reservation_id, service.held) == (0, None, {})


async def test_what_is_not_to_be_paid_is_not_asked_about(till: Till, service: LoyaltyService) -> None:
    service.campaign_minor = 300
    paid = await till.paid(await till.order(), "wechat")
    asked = dict(service.held)
    assert (await till.pay(paid)).status_code == 409
    before = await till.order(
        mode="prepaid", status="placed", requested_minor=AMOUNT, volume_ml=None, gross_minor=None, dispensed_at=None,
        confirmed_at=None,
    )  # fmt: skip
    assert (await till.pay(before)).status_code == 200
    assert service.held == asked


async def test_of_payments_at_once_none_gives_back_what_another_one_may_use(
    till: Till, service: LoyaltyService
) -> None:  # fmt: skip
    service.campaign_minor = 300
    order = await till.order()
    replies = await asyncio.gather(*(till.pay(order) for _ in range(5)))
    assert sorted(reply.status_code for reply in replies) == [200, 409, 409, 409, 409]
    assert service.released == []


async def test_the_same_payment_sent_twice_at_once_keeps_what_it_reserved(till: Till, service: LoyaltyService) -> None:
    service.campaign_minor = 300
    order, key = await till.order(), str(new_id())
    replies = await asyncio.gather(*(till.pay(order, key=key) for _ in range(5)))
    assert {(reply.status_code, reply.content) for reply in replies} == {(200, replies[0].content)}
    assert service.released == []


async def test_a_charge_that_is_refused_gives_coupons_back(till: Till, service: LoyaltyService) -> None:
    till.world.fault("wechat", limited=1, only=["create"])
    order = await till.order(coupon_ids=("c1",))
    assert (await till.pay(order)).status_code == 409
    assert service.released == [service.held[str(order.order_id)]]
    now = await till.now(order)
    assert (now.status, now.discount_minor, now.reservation_id, now.coupon_ids) == ("confirmed", 0, None, ("c1",))


async def test_of_payments_at_once_one_reserves_and_charges(till: Till, service: LoyaltyService) -> None:
    order = await till.order(coupon_ids=("c1",))
    replies = await asyncio.gather(*(till.pay(order) for _ in range(5)))
    assert sorted(reply.status_code for reply in replies) == [200, 409, 409, 409, 409]
    assert service.held[str(order.order_id)] == str((await till.now(order)).reservation_id)
    assert service.held[str(order.order_id)] not in service.released
    key = str(new_id())
    same = await till.order(coupon_ids=("c1",))
    replies = await asyncio.gather(*(till.pay(same, key=key) for _ in range(5)))
    assert {(reply.status_code, reply.content) for reply in replies} == {(200, replies[0].content)}


async def test_coupons_are_for_paying_after_fuelling(till: Till, service: LoyaltyService) -> None:
    order = await till.order(
        mode="prepaid", status="placed", requested_minor=AMOUNT, volume_ml=None, gross_minor=None, dispensed_at=None,
        confirmed_at=None, coupon_ids=("c1",),
    )  # fmt: skip
    reply = await till.pay(order)
    assert (reply.status_code, reply.json()["type"]) == (409, "urn:forecourt:problem:discounts-after-fuelling")
    assert service.held == {}
