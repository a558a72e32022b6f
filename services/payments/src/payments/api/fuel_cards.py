"""A driver's fuel cards."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Body, Header, Request, Response

from payments.api.card_views import limits_of, shown, transaction_page
from payments.api.context import payments_of
from payments.api.pay import as_response
from payments.domain.cards import Card
from payments.domain.holders import Holder
from payments.http_models import fuel_cards as models
from payments.use_cases import card_binding, cards, unbinding
from payments.use_cases.context import Payments
from payments.use_cases.recharging import Wish, look, own_card, recharge
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor
from servicekit.http_models import Limit
from servicekit.idempotency import IdempotentRequest, Reply, once, patiently, require_key
from servicekit.postgres import Connection
from servicekit.problems import problem_body, problem_responses

router = APIRouter(prefix="/v1/fuel-cards", tags=["fuel cards"])

Driver = Annotated[Principal, Requires(Permission.PAY)]
FreshDriver = Annotated[Principal, Requires(Permission.CARDS_SECURE)]
Key = Annotated[
    str | None, Header(description="Required: the same key gives the same reply again", examples=["card-7"])
]
New = Annotated[models.NewCard, Body(openapi_examples={
    "virtual": {"summary": "Open a virtual card", "value": {"kind": "virtual", "currency": "CNY"}},
    "physical": {"summary": "Bind a physical card", "value": {
        "kind": "physical", "number": "9900 0000 0000 0002", "activation_code": "7FQ2-K9XM",
    }},
    "company": {"summary": "Take a company's card", "value": {
        "kind": "company", "invitation_code": "ABCDE-FGHJK-LMNPQ-RSTUV",
    }},
})]  # fmt: skip


@router.get(
    "", summary="List your fuel cards", response_model=models.Cards, responses=problem_responses(401, 403, 503)
)  # fmt: skip
async def list_fuel_cards(request: Request, driver: Driver) -> models.Cards:
    """Your cards, the oldest first, without those that you unbound."""
    found = await cards.cards_of(payments_of(request), driver.subject)
    return models.Cards(fuel_cards=[shown(one) for one in found])


@router.post(
    "", status_code=201, summary="Get a fuel card", response_model=models.MadeCard,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 429, 503),
)  # fmt: skip
async def add_fuel_card(
    request: Request, body: New, driver: FreshDriver, idempotency_key: Key = None
) -> Response:  # fmt: skip
    """Opens a virtual card, binds a physical one, or takes one that a company gives you.

    Whoever binds a physical card has it in the hand: the activation code that came with it says so, and is good once.
    """
    payments = payments_of(request)
    asked = IdempotentRequest(
        driver.subject, "POST /v1/fuel-cards", require_key(idempotency_key), await request.body()
    )  # fmt: skip

    async def effect(tx: Connection) -> Reply:
        try:
            card = await _add(payments, tx, driver.subject, body)
        except card_binding.CodeNotGood:
            await card_binding.count_wrong(tx, driver.subject)  # a reply, not a Problem: the count has to stay
            return Reply(422, problem_body(card_binding.refusal()))
        return Reply(201, models.MadeCard.model_validate(card).model_dump_json().encode())

    reply = await patiently(lambda: payments.store.transact(lambda tx: once(tx, asked, lambda: effect(tx))))
    return as_response(reply)


async def _add(payments: Payments, tx: Connection, driver_id: str, body: models.NewCard) -> Card:
    match body:
        case models.VirtualCard():
            return await card_binding.open_virtual(payments, tx, driver_id, body.currency, _holder(body.holder))
        case models.PhysicalCard():
            return await card_binding.bind_physical(
                payments, tx, driver_id, body.number, body.activation_code, _holder(body.holder)
            )
        case models.InvitedCard():
            return await card_binding.claim(payments, tx, driver_id, body.invitation_code)


@router.get(
    "/{card_id}", summary="Look at a fuel card", response_model=models.Card,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_fuel_card(request: Request, card_id: UUID, driver: Driver) -> models.Card:
    """One of your cards: its balance, its limits, and what was bought in the day, week and month that run now."""
    return shown(await cards.card_of(payments_of(request), driver.subject, card_id))


@router.get(
    "/{card_id}/transactions", summary="List a card's transactions", response_model=models.TransactionPage,
    responses=problem_responses(400, 401, 403, 404, 422, 503),
)  # fmt: skip
async def list_transactions(
    request: Request, card_id: UUID, driver: Driver, cursor: str | None = None, limit: Limit = 50
) -> models.TransactionPage:  # fmt: skip
    """What came onto the card and what left it, the newest first; of a company's card what you bought with it."""
    before = decode_cursor(cursor, int) if cursor is not None else None
    card, rows = await cards.transactions_of(payments_of(request), driver.subject, card_id, before, limit + 1)
    return transaction_page(card.currency, rows, limit)


@router.post(
    "/{card_id}/freeze", summary="Freeze a fuel card", response_model=models.Card,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def freeze_fuel_card(request: Request, card_id: UUID, driver: Driver) -> models.Card:
    """From this moment on nothing can be paid with it. What it holds for an order already stays held."""
    payments = payments_of(request)
    await cards.freeze(payments, driver.subject, card_id)
    return shown(await cards.card_of(payments, driver.subject, card_id))


@router.post(
    "/{card_id}/unfreeze", summary="Unfreeze a fuel card", response_model=models.Card,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def unfreeze_fuel_card(request: Request, card_id: UUID, driver: FreshDriver) -> models.Card:
    """Takes your own freeze back; what the card's company blocked stays blocked."""
    payments = payments_of(request)
    await cards.unfreeze(payments, driver.subject, card_id)
    return shown(await cards.card_of(payments, driver.subject, card_id))


@router.put(
    "/{card_id}/limits", summary="Set a card's limits", response_model=models.Card,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def set_limits(request: Request, card_id: UUID, body: models.Limits, driver: Driver) -> models.Card:
    """They take the place of all that were. To allow anything that was not allowed you sign in anew: 401 says so."""
    payments = payments_of(request)
    await cards.set_limits(payments, driver, card_id, limits_of(body), body.plate)
    return shown(await cards.card_of(payments, driver.subject, card_id))


@router.put(
    "/{card_id}/holder", summary="Say who a card's holder is", response_model=models.Card,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def name_holder(request: Request, card_id: UUID, body: models.HolderIn, driver: FreshDriver) -> models.Card:
    """With a real name a card may hold more, and does not expire. It cannot be changed any more."""
    payments = payments_of(request)
    await cards.name_holder(payments, driver.subject, card_id, Holder(body.name, body.document))
    return shown(await cards.card_of(payments, driver.subject, card_id))


@router.post(
    "/{card_id}/recharges", status_code=201, summary="Recharge a fuel card", response_model=models.Recharge,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503)
    | {202: {"model": models.Recharge, "description": "It is not known what became of it; look at the recharge"}},
)  # fmt: skip
async def recharge_fuel_card(
    request: Request, card_id: UUID, body: models.NewRecharge, driver: Driver, idempotency_key: Key = None
) -> Response:  # fmt: skip
    """The reply has what your phone needs to ask you to confirm. The money is on the card once the provider says so.

    The law caps what a card may hold: 409 `card-cap` names the rule and what may still be put on it.
    """
    payments = payments_of(request)
    route = f"POST /v1/fuel-cards/{card_id}/recharges"
    asked = IdempotentRequest(driver.subject, route, require_key(idempotency_key), await request.body())
    wish = Wish(driver.subject, body.amount_minor, body.method, asked)
    return as_response(await recharge(payments, wish, own_card(payments, driver.subject, card_id)))


@router.get(
    "/{card_id}/recharges/{recharge_id}", summary="Look at a recharge", response_model=models.Recharge,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_recharge(request: Request, card_id: UUID, recharge_id: UUID, driver: Driver) -> Response:
    """How far it is, and while it waits for you, what your phone needs."""
    payments = payments_of(request)
    async with payments.store.connection() as connection:
        await cards.find_own(connection, driver.subject, card_id)
        document = await look(connection, recharge_id, card_id)
    return Response(msgspec.json.encode(document), media_type="application/json")


@router.delete(
    "/{card_id}", summary="Unbind a fuel card", response_model=models.Unbound,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def unbind_fuel_card(request: Request, card_id: UUID, driver: FreshDriver) -> Response:
    """What is left on it goes back to where your recharges came from, the newest first. 409 while an order holds some.

    A company's card is given back; the balance is the company's.
    """
    payments = payments_of(request)

    async def work(tx: Connection) -> bytes:
        returned, currency = await unbinding.unbind(payments, tx, driver.subject, card_id)
        return msgspec.json.encode({
            "card_id": card_id, "currency": currency, "refunded_minor": returned.refunded_minor,
            "left_minor": returned.left_minor,
        })  # fmt: skip

    return Response(await payments.store.transact(work), media_type="application/json")


def _holder(body: models.HolderIn | None) -> Holder | None:
    return Holder(body.name, body.document) if body else None
