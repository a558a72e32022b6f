"""What payments and loyalty say to each other while a payer waits: payments' half, against the golden exchanges."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from payments.providers.loyalty import Loyalty, LoyaltyAway, LoyaltySettings, ReservationRefused
from schemas.export import FOLDER
from schemas.reservations import EXAMPLES, PATH, ReservationRequest

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
