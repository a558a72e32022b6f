"""What a card does not pay, over HTTP: every refusal names its rule, and of a cap what remains."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from servicekit.ids import new_id

from .card_kit import add, open_card, put_money
from .conftest import Payments
from .station_kit import dispensed_order

GROSS, VOLUME = 23_550, 30_000
"""What a dispensed order of the kit costs and holds."""
PLATE = "京CANARY1"


class Payer:
    """A driver with a card that holds money, at a station."""

    def __init__(self, payments: Payments, driver_id: UUID, card_id: UUID, station_id: UUID) -> None:
        self.payments = payments
        self.driver_id = driver_id
        self.headers = payments.driver(driver_id)
        self.card_id = card_id
        self.station_id = station_id

    async def pay(self, card_id: UUID | None = None, **body: Any) -> httpx.Response:
        """Pays a new order with the card, or with another one."""
        fields: dict[str, Any] = {"driver_id": str(self.driver_id), "pump_id": new_id().hex[-12:]}
        order = await dispensed_order(self.payments, self.station_id, **fields)
        return await self.payments.client.post(
            f"/v1/orders/{order.order_id}/pay",
            json={"method": "fuel_card", "card_id": str(card_id or self.card_id)} | body,
            headers=self.headers | {"Idempotency-Key": str(new_id())},
        )

    async def limit(self, **limits: Any) -> None:
        """Limits the card."""
        path = f"/v1/fuel-cards/{self.card_id}/limits"
        assert (await self.payments.client.put(path, json=limits, headers=self.headers)).is_success


@pytest.fixture
async def payer(payments: Payments) -> Payer:
    driver_id = new_id()
    card_id = await open_card(payments, payments.driver(driver_id))
    await put_money(payments, card_id, 100_000)
    return Payer(payments, driver_id, card_id, await payments.station())


def refusal(reply: httpx.Response) -> tuple[int, str, str | None, int | None]:
    """Status, slug, rule, what remains."""
    problem = reply.json()
    return reply.status_code, problem["type"].rpartition(":")[2], problem.get("rule"), problem.get("remaining")


@pytest.mark.parametrize(
    ("limits", "rule", "remaining"),
    [
        ({"per_fill": {"amount_minor": GROSS - 1}}, "per_fill.amount_minor", GROSS - 1),
        ({"per_fill": {"volume_ml": VOLUME - 1}}, "per_fill.volume_ml", VOLUME - 1),
        ({"day": {"count": 0}}, "day.count", 0), ({"week": {"volume_ml": 7}}, "week.volume_ml", 7),
        ({"month": {"amount_minor": 5}}, "month.amount_minor", 5), ({"fuels": ["e10"]}, "fuels", None),
        ({"fuels": []}, "fuels", None), ({"stations": [str(new_id())]}, "stations", None),
        ({"windows": []}, "windows", None), ({"plate": PLATE}, "plate", None),
    ],
)  # fmt: skip
async def test_a_purchase_beyond_a_limit_is_refused_by_its_name(
    payer: Payer, limits: dict[str, Any], rule: str, remaining: int | None
):
    await payer.limit(**limits)
    assert refusal(await payer.pay()) == (409, "card-limit", rule, remaining)


async def test_what_is_within_all_limits_is_paid(payer: Payer):
    everything = {"amount_minor": GROSS, "volume_ml": VOLUME}
    week = [{"weekdays": [1, 2, 3, 4, 5, 6, 7], "from_minute": 0, "until_minute": 1_440}]
    await payer.limit(
        per_fill=everything, day=everything | {"count": 1}, week=everything, month=everything, fuels=["petrol_95"],
        stations=[str(payer.station_id)], windows=week, plate=PLATE,
    )  # fmt: skip
    wrong = await payer.pay(plate="京CANARY2")
    assert refusal(wrong) == (409, "card-limit", "plate", None)
    assert "CANARY" not in wrong.text
    paid = await payer.pay(plate="京 canary1")
    assert paid.status_code == 200, paid.text
    second = await payer.pay(plate=PLATE)
    assert refusal(second)[:3] == (409, "card-limit", "day.amount_minor")
    assert (second.json()["used"], second.json()["remaining"], second.json()["asked"]) == (GROSS, 0, GROSS)


async def test_yesterdays_purchase_counts_for_the_month_only(payer: Payer):
    await payer.limit(day={"count": 1})
    assert (await payer.pay()).status_code == 200
    assert refusal(await payer.pay()) == (409, "card-limit", "day.count", 0)
    await payer.payments.sql("UPDATE card_uses SET used_at = used_at - interval '1 day' RETURNING 1")
    assert (await payer.pay()).status_code == 200


async def test_of_two_who_use_up_the_last_purchase_of_the_day_at_once_one_pays(payer: Payer):
    await payer.limit(day={"count": 1})
    replies = await asyncio.gather(*(payer.pay() for _ in range(6)))
    assert sorted(reply.status_code for reply in replies) == [200, *[409] * 5]


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ("frozen = true", "card-frozen"), ("blocked = true", "card-blocked"), ("expires_at = now()", "card-expired"),
        ("closed_at = now(), number_hash = NULL", "card-closed"), ("currency = 'EUR'", "wrong-currency"),
    ],
)  # fmt: skip
async def test_a_card_that_is_not_usable_says_why(payer: Payer, change: str, slug: str):
    await payer.payments.sql(f"UPDATE cards SET {change}, version = version + 1 RETURNING 1")  # noqa: S608 - our own words
    assert refusal(await payer.pay())[:2] == (409, slug)


async def test_another_drivers_card_pays_nothing(payer: Payer):
    theirs = await open_card(payer.payments, payer.payments.driver())
    await put_money(payer.payments, theirs, 100_000)
    assert refusal(await payer.pay(theirs))[:2] == (404, "no-such-card")


async def test_cards_of_a_company_draw_on_one_account_each_within_its_own_limits(payments: Payments, payer: Payer):
    manager, ask = payments.driver(), payments.client.post
    company_id = (await ask("/v1/companies", json={"name": "canary-co"}, headers=manager)).json()["company_id"]
    path, limited = f"/v1/companies/{company_id}/cards", {"limits": {"day": {"count": 1}}}
    card_ids: list[UUID] = []
    for body in ({}, limited):
        code = (await ask(path, json=body, headers=manager)).json()["invitation_code"]
        made = await add(payments, payer.headers, kind="company", invitation_code=code)
        card_ids.append(UUID(made.json()["card_id"]))
    await put_money(payments, card_ids[0], 2 * GROSS)
    assert (await payer.pay(card_ids[1])).status_code == 200
    assert refusal(await payer.pay(card_ids[1]))[2] == "day.count"
    assert (await payer.pay(card_ids[0])).status_code == 200
    empty = await payer.pay(card_ids[0])
    assert (empty.status_code, refusal(empty)[1]) == (402, "insufficient-funds")
    assert "available_minor" not in empty.json(), "what is on the company's account is not its drivers' to see"
    listed = (await payments.client.get(path, headers=manager)).json()["fuel_cards"]
    assert [one["used"]["day"]["amount_minor"] for one in listed] == [GROSS, GROSS]
    assert (await ask(f"{path}/{card_ids[0]}/freeze", headers=manager)).status_code == 200
    assert refusal(await payer.pay(card_ids[0]))[1] == "card-blocked"
