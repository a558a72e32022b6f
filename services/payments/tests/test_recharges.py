"""Recharges and the end of a card: money that a provider took comes onto the card, and goes back where it came from."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from payments.domain.cards import account_of
from payments.domain.ledger import Account, AccountKind, Hold, HoldStatus, Posting, Transfer, TransferKind
from payments.domain.provider_words import Provider
from payments.repository import ledger
from payments.use_cases import payers, unbinding
from schemas.orders import CardBoundV1, CardRechargedV1, CardUnboundV1
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .card_kit import HOLDER, look, open_card
from .conftest import Payments
from .provider_kit import QUICK_SECONDS, Played, played


@pytest.fixture(scope="module")
async def running_platforms() -> AsyncIterator[Played]:
    async with played() as world:
        yield world


@pytest.fixture
def world(running_platforms: Played, payments: Payments) -> Played:
    """The platforms in a good mood, and the service on them."""
    running_platforms.fault("wechat")
    payments.process.channels = {Provider.WECHAT: running_platforms.channel("wechat")}
    return running_platforms


async def new_driver(payments: Payments) -> dict[str, str]:
    """A driver who can pay by WeChat."""
    driver_id, at = str(new_id()), datetime.now(UTC)
    await payments.store.transact(
        lambda tx: payers._save(payments.process, tx, driver_id, Provider.WECHAT, f"o-canary-{driver_id}", at)  # pyright: ignore[reportPrivateUsage]
    )
    return payments.driver(driver_id)


async def ask(payments: Payments, driver: dict[str, str], card_id: UUID, amount_minor: int, key: str | None = None
              ) -> httpx.Response:  # fmt: skip
    headers = driver | {"Idempotency-Key": key or str(new_id())}
    body = {"amount_minor": amount_minor, "method": "wechat"}
    return await payments.client.post(f"/v1/fuel-cards/{card_id}/recharges", json=body, headers=headers)


async def number_of(payments: Payments, recharge_id: str) -> str:
    """The number that the provider knows its charge by."""
    attempt_id: UUID = await payments.sql("SELECT attempt_id FROM attempts WHERE purpose_id = $1", UUID(recharge_id))
    return attempt_id.hex


async def status_of(payments: Payments, driver: dict[str, str], card_id: UUID, recharge_id: str) -> str:
    reply = await payments.client.get(f"/v1/fuel-cards/{card_id}/recharges/{recharge_id}", headers=driver)
    return reply.json()["status"]


async def pay(payments: Payments, world: Played, recharge_id: str, *, late: bool = False) -> None:
    """The payer confirms, and the service looks."""
    await world.pay("wechat", await number_of(payments, recharge_id), late=late)
    await payments.sql("UPDATE attempts SET next_look_at = now() WHERE purpose_id = $1 RETURNING 1", UUID(recharge_id))


async def recharge(
    payments: Payments, world: Played, driver: dict[str, str], card_id: UUID, amount_minor: int
) -> str:  # fmt: skip
    """Money on a card, all the way; the recharge's id."""
    reply = await ask(payments, driver, card_id, amount_minor)
    assert reply.status_code == 201, reply.text
    recharge_id = reply.json()["recharge_id"]
    await pay(payments, world, recharge_id)
    await settled(payments, driver, card_id, recharge_id)
    return recharge_id


async def settled(payments: Payments, driver: dict[str, str], card_id: UUID, recharge_id: str) -> str:
    async def probe() -> str | None:
        status = await status_of(payments, driver, card_id, recharge_id)
        return status if status not in {"waiting", "unknown"} else None

    return await eventually(probe) or ""


def slug(reply: httpx.Response) -> str:
    return reply.json()["type"].rpartition(":")[2]


async def refunds_done(payments: Payments, count: int) -> list[dict[str, Any]]:
    """The refunds, once so many have reached the payer; those that wait for a look are due."""

    async def probe() -> list[dict[str, Any]]:
        await payments.sql("UPDATE refunds SET next_look_at = now() WHERE status = 'pending' AND next_look_at > now()")
        rows = await payments.rows("SELECT * FROM refunds WHERE status = 'succeeded' ORDER BY amount_minor DESC")
        return rows if len(rows) == count else []

    return await eventually(probe)


async def balance(payments: Payments, account: Account) -> int:
    async with payments.store.connection() as connection:
        return (await ledger.balance(connection, account)).posted_minor


async def total(payments: Payments) -> int:
    return await payments.sql("SELECT coalesce(sum(amount_minor), 0)::bigint FROM postings")


async def test_a_recharge_is_on_the_card_once_the_provider_says_that_it_is_paid(payments: Payments, world: Played):
    driver = await new_driver(payments)
    card_id = await open_card(payments, driver)
    reply = await ask(payments, driver, card_id, 20_000)
    assert reply.status_code == 201, reply.text
    assert reply.json()["client"]["package"].startswith("prepay_id=")
    assert (await look(payments, driver, card_id))["balance"]["posted_minor"] == 0
    await pay(payments, world, reply.json()["recharge_id"])
    assert await settled(payments, driver, card_id, reply.json()["recharge_id"]) == "paid"
    card = await look(payments, driver, card_id)
    assert (card["balance"]["available_minor"], card["version"]) == (20_000, 2)
    lines = (await payments.client.get(f"/v1/fuel-cards/{card_id}/transactions", headers=driver)).json()["transactions"]
    assert [(one["kind"], one["amount_minor"], one["recharge_id"]) for one in lines] == [
        ("recharge", 20_000, reply.json()["recharge_id"])
    ]


async def test_fifty_who_ask_the_same_at_once_begin_one_recharge(payments: Payments, world: Played):
    driver = await new_driver(payments)
    card_id = await open_card(payments, driver)
    replies = await asyncio.gather(*(ask(payments, driver, card_id, 10_000, "same") for _ in range(50)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.content for reply in replies}) == 1
    assert await payments.sql("SELECT count(*) FROM attempts") == 1
    other = await ask(payments, driver, card_id, 10_001, "same")
    assert (other.status_code, slug(other)) == (422, "idempotency-key-reused")


async def test_the_law_caps_a_card_and_what_is_on_its_way_counts(payments: Payments, world: Played):
    driver = await new_driver(payments)
    card_id = await open_card(payments, driver)
    too_much = await ask(payments, driver, card_id, 100_001)
    assert (too_much.status_code, slug(too_much)) == (409, "card-cap")
    assert {name: too_much.json()[name] for name in ("rule", "limit", "remaining")} == {
        "rule": "anonymous_max", "limit": 100_000, "remaining": 100_000
    }  # fmt: skip
    replies = await asyncio.gather(*(ask(payments, driver, card_id, 60_000) for _ in range(4)))
    assert sorted(reply.status_code for reply in replies) == [201, 409, 409, 409]
    await payments.client.put(f"/v1/fuel-cards/{card_id}/holder", json=HOLDER, headers=driver)
    assert (await ask(payments, driver, card_id, 440_000)).status_code == 201
    full = await ask(payments, driver, card_id, 1)
    assert (full.status_code, full.json()["rule"], full.json()["remaining"]) == (409, "named_max", 0)


async def test_what_no_longer_fits_when_it_is_paid_goes_back_by_itself(payments: Payments, world: Played):
    driver = await new_driver(payments)
    card_id = await open_card(payments, driver)
    recharge_id = (await ask(payments, driver, card_id, 60_000)).json()["recharge_id"]
    other = Transfer(
        new_id(), TransferKind.CORRECTION, "k", (
            Posting(Account(AccountKind.PROVIDER, "wechat", "CNY"), -50_000),
            Posting(account_of(card_id, "CNY"), 50_000),
        ),
    )  # fmt: skip
    await payments.store.transact(lambda tx: ledger.post(tx, [other]))
    await pay(payments, world, recharge_id)
    assert await settled(payments, driver, card_id, recharge_id) == "sent_back"
    await refunds_done(payments, 1)
    assert world.wechat.trade(await number_of(payments, recharge_id)).refunded == 60_000
    assert await balance(payments, account_of(card_id, "CNY")) == 50_000
    assert await balance(payments, Account(AccountKind.SUSPENSE, "wechat", "CNY")) == 0


async def test_a_recharge_whose_answer_is_lost_is_unknown_until_the_provider_says_what_is_true(
    payments: Payments, world: Played
):
    driver = await new_driver(payments)
    card_id = await open_card(payments, driver)
    payments.process.channels = {Provider.WECHAT: world.channel("wechat", timeout_seconds=QUICK_SECONDS)}
    world.fault("wechat", silent=1.0)
    lost = await ask(payments, driver, card_id, 10_000, "k")
    assert (lost.status_code, lost.json()["status"], lost.json()["client"]) == (201, "unknown", None)
    world.fault("wechat")
    recharge_id = lost.json()["recharge_id"]
    await pay(payments, world, recharge_id, late=True)
    assert await settled(payments, driver, card_id, recharge_id) == "paid"
    assert (await ask(payments, driver, card_id, 10_000, "k")).content == lost.content
    assert await balance(payments, account_of(card_id, "CNY")) == 10_000


async def test_a_recharge_that_never_reached_the_provider_failed(payments: Payments, world: Played):
    driver = await new_driver(payments)
    card_id = await open_card(payments, driver)
    payments.process.channels = {Provider.WECHAT: world.channel("wechat", base_url="http://127.0.0.1:9")}
    refused = await ask(payments, driver, card_id, 10_000)
    assert (refused.status_code, slug(refused)) == (409, "payment-refused")
    assert await payments.sql("SELECT status FROM recharges") == "failed"
    assert (await look(payments, driver, card_id))["balance"]["posted_minor"] == 0


async def test_unbinding_sends_the_balance_back_the_newest_recharge_first(payments: Payments, world: Played):
    driver = await new_driver(payments)
    card_id = await open_card(payments, driver)
    first = await recharge(payments, world, driver, card_id, 10_000)
    second = await recharge(payments, world, driver, card_id, 20_000)
    spent = Transfer(
        new_id(), TransferKind.PAYMENT, "spent", (
            Posting(account_of(card_id, "CNY"), -5_000), Posting(Account(AccountKind.STATION, "s", "CNY"), 5_000)
        ),
    )  # fmt: skip
    await payments.store.transact(lambda tx: ledger.post(tx, [spent]))
    reply = await payments.client.delete(f"/v1/fuel-cards/{card_id}", headers=driver)
    assert reply.json() == {"card_id": str(card_id), "currency": "CNY", "refunded_minor": 25_000, "left_minor": 0}
    done = await refunds_done(payments, 2)
    assert [(str(one["purpose_id"]), one["amount_minor"]) for one in done] == [(second, 20_000), (first, 5_000)]
    truth = [world.wechat.trade(await number_of(payments, one)).refunded for one in (first, second)]
    assert truth == [5_000, 20_000]
    assert await balance(payments, account_of(card_id, "CNY")) == 0
    assert await balance(payments, Account(AccountKind.SUSPENSE, "wechat", "CNY")) == 0
    assert await balance(payments, Account(AccountKind.PROVIDER, "wechat", "CNY")) == -5_000
    card = await look(payments, driver, card_id)
    assert card["status"] == "closed"
    again = await payments.client.delete(f"/v1/fuel-cards/{card_id}", headers=driver)
    assert (again.status_code, slug(again)) == (409, "card-closed")
    assert (await ask(payments, driver, card_id, 1)).status_code == 409
    assert await total(payments) == 0


async def test_a_card_that_holds_money_for_an_order_is_not_unbound(payments: Payments, world: Played):
    driver = await new_driver(payments)
    card_id = await open_card(payments, driver)
    await recharge(payments, world, driver, card_id, 10_000)
    held = Hold(new_id(), account_of(card_id, "CNY"), 4_000, "held", datetime.now(UTC).replace(year=2100))
    await payments.store.transact(lambda tx: ledger.hold(tx, held))
    reply = await payments.client.delete(f"/v1/fuel-cards/{card_id}", headers=driver)
    assert (reply.status_code, slug(reply), reply.json()["held_minor"]) == (409, "card-in-use", 4_000)
    assert (await look(payments, driver, card_id))["status"] == "active"


async def test_what_comes_to_a_card_after_it_was_closed_is_sent_on(payments: Payments, world: Played):
    """A hold that ends later, or an order that is refunded."""
    driver = await new_driver(payments)
    card_id = await open_card(payments, driver)
    account = account_of(card_id, "CNY")
    await recharge(payments, world, driver, card_id, 10_000)
    held = Hold(new_id(), account, 4_000, "held", datetime.now(UTC).replace(year=2100))
    await payments.store.transact(lambda tx: ledger.hold(tx, held))
    async with payments.store.connection() as connection, connection.transaction():
        card = await unbinding.repository.lock(connection, card_id)
        assert card is not None
        assert (await unbinding.close(connection, card, datetime.now(UTC))).refunded_minor == 6_000
    assert await unbinding.sweep(payments.process) == 0
    await payments.store.transact(lambda tx: ledger.settle_hold(tx, "held", HoldStatus.VOIDED))
    sent = await asyncio.gather(*(unbinding.sweep(payments.process) for _ in range(4)))
    assert sum(sent) == 4_000
    assert [one["amount_minor"] for one in await refunds_done(payments, 2)] == [6_000, 4_000]
    assert await balance(payments, account) == 0


async def test_what_came_by_no_charge_is_for_people_and_is_raised_once(payments: Payments, world: Played):
    driver = await new_driver(payments)
    card_id = await open_card(payments, driver)
    gift = Transfer(
        new_id(), TransferKind.CORRECTION, "gift", (
            Posting(Account(AccountKind.PROMOTION, "loyalty", "CNY"), -700), Posting(account_of(card_id, "CNY"), 700)
        ),
    )  # fmt: skip
    await payments.store.transact(lambda tx: ledger.post(tx, [gift]))
    reply = await payments.client.delete(f"/v1/fuel-cards/{card_id}", headers=driver)
    assert (reply.json()["refunded_minor"], reply.json()["left_minor"]) == (0, 700)
    await unbinding.sweep(payments.process)
    (raised,) = await payments.rows("SELECT kind, details FROM exceptions")
    assert raised["kind"] == "refund_failed"
    assert '"left_minor": 700' in raised["details"]


async def test_a_payment_that_comes_after_the_card_was_closed_goes_back(payments: Payments, world: Played):
    driver = await new_driver(payments)
    card_id = await open_card(payments, driver)
    recharge_id = (await ask(payments, driver, card_id, 10_000)).json()["recharge_id"]
    assert (await payments.client.delete(f"/v1/fuel-cards/{card_id}", headers=driver)).status_code == 200
    await pay(payments, world, recharge_id)
    assert await settled(payments, driver, card_id, recharge_id) == "sent_back"
    await refunds_done(payments, 1)
    assert world.wechat.trade(await number_of(payments, recharge_id)).refunded == 10_000
    assert await total(payments) == 0


async def test_nobody_recharges_or_sees_the_recharges_of_somebody_elses_card(payments: Payments, world: Played):
    driver, stranger = await new_driver(payments), await new_driver(payments)
    card_id, theirs = await open_card(payments, driver), await open_card(payments, stranger)
    recharge_id = (await ask(payments, driver, card_id, 100)).json()["recharge_id"]
    assert slug(await ask(payments, stranger, card_id, 100)) == "no-such-card"
    for path in (f"{card_id}/recharges/{recharge_id}", f"{theirs}/recharges/{recharge_id}"):
        reply = await payments.client.get(f"/v1/fuel-cards/{path}", headers=stranger)
        assert reply.status_code == 404, path


@pytest.mark.parametrize("amount", [0, -1, 1.5, "1", 10**13, None])
async def test_amounts_that_make_no_sense_are_refused(payments: Payments, world: Played, amount: Any):
    driver = await new_driver(payments)
    card_id = await open_card(payments, driver)
    reply = await ask(payments, driver, card_id, amount)
    assert (reply.status_code, slug(reply)) == (422, "invalid-input")


async def test_whoever_has_not_bound_a_payer_is_told_how(payments: Payments, world: Played):
    driver = payments.driver()
    card_id = await open_card(payments, driver)
    reply = await ask(payments, driver, card_id, 100)
    assert (reply.status_code, slug(reply)) == (409, "payer-missing")
    assert await payments.sql("SELECT count(*) FROM recharges") == 0


async def test_events_tell_of_a_card_with_its_versions_and_nothing_personal(payments: Payments, world: Played):
    driver = await new_driver(payments)
    card_id = await open_card(payments, driver)
    await recharge(payments, world, driver, card_id, 10_000)
    await payments.client.delete(f"/v1/fuel-cards/{card_id}", headers=driver)
    await eventually(payments.outbox_is_empty)
    found = [one for one in await payments.kafka.read("payments.cards") if one.key == str(card_id).encode()]
    events = [kind.model_validate_json(one.value or b"") for kind, one in zip(
        (CardBoundV1, CardRechargedV1, CardUnboundV1), found, strict=True
    )]  # fmt: skip
    assert [event.version for event in events] == [1, 2, 3]
    assert isinstance(events[1], CardRechargedV1)
    assert isinstance(events[2], CardUnboundV1)
    assert (events[1].balance_minor, events[2].refunded_minor) == (10_000, 10_000)
