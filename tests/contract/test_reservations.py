"""What payments and loyalty say to each other while a payer waits: each half against the golden exchanges."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from aiohttp import web

from local_stack.config import Config
from local_stack.environment import service_environment
from loyalty.domain.terms import PerFill, Scope, Stacking, stored
from loyalty.main import create_app
from loyalty.settings import Settings
from loyalty.use_cases import points
from payments.providers.loyalty import Loyalty, LoyaltyAway, LoyaltySettings, ReservationRefused
from schemas.export import FOLDER
from schemas.reservations import EXAMPLES, PATH, ReservationRequest
from servicekit.migrations import migrate
from servicekit.postgres import Connection
from servicekit.testkit import Issuer, running, settings_from
from servicekit.testkit_services import empty_tables

GOLDEN: list[dict[str, Any]] = json.loads((FOLDER / "http" / "loyalty.reservations.json").read_text())
TOKEN = "the.drivers.token"
Answer = Callable[[web.Request], Awaitable[web.Response]]


class Standing:
    """Something that listens where loyalty would, and says what it is told to say."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answers: list[tuple[int, Any]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        text = await request.text()
        self.asked.append((request.path, request.headers["Authorization"], json.loads(text) if text else None))
        status, document = self.answers.pop(0)
        return web.Response(status=status, text="" if document is None else json.dumps(document))


@pytest.fixture
async def standing() -> AsyncIterator[Standing]:
    standing, app = Standing(), web.Application()
    app.router.add_post("/{path:.*}", standing.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    standing.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield standing
    await runner.cleanup()


def test_the_golden_exchanges_are_what_the_models_say() -> None:
    assert json.loads(json.dumps(EXAMPLES)) == GOLDEN
    for exchange in GOLDEN:
        request = ReservationRequest.model_validate(exchange["request"])
        assert request.model_dump(mode="json") == exchange["request"]


@pytest.mark.parametrize("exchange", GOLDEN, ids=lambda one: one["name"])
async def test_payments_asks_and_understands_as_agreed(exchange: dict[str, Any], standing: Standing) -> None:
    standing.answers.append((exchange["status"], exchange["answer"]))
    request = ReservationRequest.model_validate(exchange["request"])
    async with Loyalty(LoyaltySettings(url=standing.url)) as loyalty:
        if exchange["status"] == 200:
            answer = await loyalty.reserve(request, TOKEN)
            assert answer.model_dump(mode="json") == exchange["answer"]
        else:
            with pytest.raises(ReservationRefused) as refused:
                await loyalty.reserve(request, TOKEN)
            assert [one.model_dump() for one in refused.value.refusals] == exchange["answer"]["refusals"]
    assert standing.asked == [(PATH, f"Bearer {TOKEN}", exchange["request"])]


async def test_a_release_names_the_reservation(standing: Standing) -> None:
    reservation_id = UUID(GOLDEN[0]["request"]["reservation_id"])
    standing.answers.append((204, None))
    async with Loyalty(LoyaltySettings(url=standing.url)) as loyalty:
        await loyalty.release(reservation_id, TOKEN)
    assert standing.asked == [(f"{PATH}/{reservation_id}/release", f"Bearer {TOKEN}", None)]


GOOD = GOLDEN[0]["answer"]
WRONG = {
    "500": (500, {}),
    "409 of another kind": (409, {"type": "urn:forecourt:problem:something-else", "refusals": []}),
    "409 that is no problem": (409, []),
    "no answer's shape": (200, {"reservation_id": "x"}),
    "another reservation": (200, GOOD | {"reservation_id": "0199a000-0000-7000-8000-0000000000ff"}),
    "more than there is to pay": (200, GOOD | {"breakdown": [GOOD["breakdown"][0] | {"amount_minor": 31_401}]}),
    "more points than were offered": (200, GOOD | {"breakdown": [GOOD["breakdown"][1] | {"points": 501}]}),
    "a redirect": (307, {}),
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG.keys())
async def test_what_is_no_answer_means_that_loyalty_is_away(answer: tuple[int, Any], standing: Standing) -> None:
    standing.answers.append(answer)
    async with Loyalty(LoyaltySettings(url=standing.url)) as loyalty:
        with pytest.raises(LoyaltyAway):
            await loyalty.reserve(ReservationRequest.model_validate(GOLDEN[0]["request"]), TOKEN)


async def test_nobody_at_the_address_means_that_loyalty_is_away(standing: Standing) -> None:
    async with Loyalty(LoyaltySettings(url="http://127.0.0.1:9")) as loyalty:
        with pytest.raises(LoyaltyAway):
            await loyalty.reserve(ReservationRequest.model_validate(GOLDEN[0]["request"]), TOKEN)


@asynccontextmanager
async def loyalty_with(
    infrastructure: Config, issuer: Issuer, plant: Callable[[Any, Connection], Awaitable[None]]
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a loyalty that knows what is planted, and nothing else."""
    environment = service_environment(infrastructure, "loyalty")
    await migrate("loyalty", environment)
    app = create_app(settings_from(Settings, environment, issuer=issuer.url, jwks_url=issuer.jwks_url))
    async with running(app) as client:
        process = app.state.loyalty
        async with process.store.connection() as connection:
            await empty_tables(connection, ["schema_migrations"], ["transfers", "postings"])
        await process.store.transact(lambda tx: plant(process, tx))
        yield client


PLANTED = {
    "coupon-and-points": (datetime(2099, 1, 1, tzinfo=UTC), 1_000),
    "expired-coupon": (datetime(2026, 4, 29, 16, tzinfo=UTC), 0),
    "too-few-points": (datetime(2099, 1, 1, tzinfo=UTC), 120),
}
"""By exchange: when the coupon ends, and how many points there are."""


@pytest.mark.parametrize("exchange", GOLDEN, ids=lambda one: one["name"])
async def test_loyalty_answers_as_agreed(exchange: dict[str, Any], infrastructure: Config, issuer: Issuer) -> None:
    asked = exchange["request"]
    ends_at, balance = PLANTED[exchange["name"]]

    async def plant(process: Any, tx: Connection) -> None:
        await tx.execute(
            """INSERT INTO stations (station_id, operator, name, country, time_zone, currency, closed, version)
               VALUES ($1, $2, 'Golden', 'CN', 'Asia/Shanghai', 'CNY', false, 1)
               ON CONFLICT (station_id) DO UPDATE SET (operator, country, time_zone, currency, closed)
                   = (excluded.operator, excluded.country, excluded.time_zone, excluded.currency, false)""",
            UUID(asked["station_id"]), asked["operator"],
        )  # fmt: skip
        await tx.execute(
            """INSERT INTO coupon_templates (template_id, operator, name, benefit, scope, stacking, currency,
                                             valid_days, created_by)
               VALUES ($1, $2, '20 off 200', $3, $4, $5, 'CNY', 30, 'canary-staff')""",
            UUID(asked["order_id"]), asked["operator"], stored(PerFill(2_000)), stored(Scope(minimum_minor=20_000)),
            stored(Stacking("coupon")),
        )  # fmt: skip
        await tx.execute(
            """INSERT INTO coupons (coupon_id, template_id, driver_id, issued_to, key, reason, issued_at, expires_at)
               VALUES ($1, $2, $3, $3, 'golden', 'claim', $4, $5)""",
            UUID(GOLDEN[0]["request"]["coupon_ids"][0]), UUID(asked["order_id"]), asked["driver_id"],
            datetime(2026, 1, 1, tzinfo=UTC), ends_at,
        )  # fmt: skip
        if balance:
            await points.award(
                process, tx, asked["driver_id"], balance, reason="reward", key="golden", at=datetime.now(UTC)
            )  # fmt: skip

    async with loyalty_with(infrastructure, issuer, plant) as client:
        reply = await client.post(PATH, json=asked, headers=issuer.bearer("pay", sub=asked["driver_id"]))
        released = await client.post(
            f"{PATH}/{asked['reservation_id']}/release", headers=issuer.bearer("pay", sub=asked["driver_id"])
        )
    answer = reply.json()
    answer.pop("trace_id", None)
    if "expires_at" in answer:
        assert datetime.fromisoformat(answer["expires_at"]) > datetime.now(UTC)
        answer["expires_at"] = exchange["answer"]["expires_at"]
    assert (reply.status_code, answer) == (exchange["status"], exchange["answer"])
    assert (released.status_code, released.content) == (204, b"")
