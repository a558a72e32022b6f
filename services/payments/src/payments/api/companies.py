"""Companies whose account many fuel cards draw on: for the drivers who manage them."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response

from payments.api.card_views import limits_of, shown_limits, shown_usage, transaction_page
from payments.api.context import payments_of
from payments.api.fuel_cards import Key
from payments.api.pay import as_response
from payments.domain.companies import InvitationKind
from payments.domain.limits import Limits
from payments.http_models import companies as models
from payments.http_models.fuel_cards import Balance, NewRecharge, Recharge, TransactionPage
from payments.http_models.fuel_cards import Limits as LimitsIn
from payments.use_cases import card_binding
from payments.use_cases import companies as use_cases
from payments.use_cases.companies import CompanyCard, OpenedCompany
from payments.use_cases.context import Payments
from payments.use_cases.recharging import Wish, look, recharge
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.http_models import Limit
from servicekit.idempotency import IdempotentRequest, require_key
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/companies", tags=["fuel cards"])

Driver = Annotated[Principal, Requires(Permission.PAY)]
FreshDriver = Annotated[Principal, Requires(Permission.CARDS_SECURE)]


@router.post(
    "", status_code=201, summary="Found a company", response_model=models.MadeCompany,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 503),
)  # fmt: skip
async def add_company(request: Request, body: models.NewCompany, driver: FreshDriver) -> models.MadeCompany:
    """An account with many cards, which you manage."""
    payments = payments_of(request)
    company_id = await payments.store.transact(
        lambda tx: use_cases.found(payments, tx, driver.subject, body.name, body.currency)
    )
    return models.MadeCompany(company_id=company_id)


@router.post(
    "/claims", summary="Become a company's manager", response_model=models.MadeCompany,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 429, 503),
)  # fmt: skip
async def claim_company(request: Request, body: models.Claim, driver: FreshDriver) -> models.MadeCompany:
    """Takes the code that a manager gave you; it is good once."""
    payments = payments_of(request)

    async def work(tx: Connection) -> UUID | None:
        try:
            return await use_cases.become_manager(payments, tx, driver.subject, body.invitation_code)
        except card_binding.CodeNotGood:
            await card_binding.count_wrong(tx, driver.subject)
            return None

    company_id = await payments.store.transact(work)
    if company_id is None:
        raise card_binding.refusal()
    return models.MadeCompany(company_id=company_id)


@router.get(
    "", summary="List your companies", response_model=models.Companies, responses=problem_responses(401, 403, 503)
)  # fmt: skip
async def list_companies(request: Request, driver: Driver) -> models.Companies:
    """The companies that you manage, the oldest first."""
    payments = payments_of(request)
    found = await payments.store.transact(lambda tx: use_cases.companies_of(payments, tx, driver.subject))
    return models.Companies(companies=[_shown(one) for one in found])


@router.get(
    "/{company_id}", summary="Look at a company", response_model=models.Company,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_company(request: Request, company_id: UUID, driver: Driver) -> models.Company:
    """Its account's balance, its managers, and how many drivers have a card."""
    payments = payments_of(request)
    return _shown(await payments.store.transact(lambda tx: use_cases.look(payments, tx, driver.subject, company_id)))


@router.delete(
    "/{company_id}", summary="Close a company", response_model=models.Dissolved,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def close_company(request: Request, company_id: UUID, driver: FreshDriver) -> models.Dissolved:
    """Closes all of its cards, too; what is left goes back to where it came from. 409 while an order holds some."""
    payments = payments_of(request)
    returned, currency = await payments.store.transact(
        lambda tx: use_cases.dissolve(payments, tx, driver.subject, company_id)
    )
    return models.Dissolved(
        company_id=company_id, currency=currency, refunded_minor=returned.refunded_minor, left_minor=returned.left_minor
    )


@router.post(
    "/{company_id}/managers", status_code=201, summary="Invite a manager", response_model=models.Invitation,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def invite_manager(request: Request, company_id: UUID, driver: FreshDriver) -> models.Invitation:
    """A code by which another driver manages the company, too; it is shown this once."""
    return await _invited(payments_of(request), driver.subject, company_id, InvitationKind.MANAGER, Limits())


@router.delete(
    "/{company_id}/managers/{manager_id}", status_code=204, summary="Remove a manager", response_class=Response,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def remove_manager(request: Request, company_id: UUID, manager_id: UUID, driver: FreshDriver) -> None:
    """Takes the right from a manager, yourself too; the last one stays."""
    payments = payments_of(request)
    await payments.store.transact(
        lambda tx: use_cases.remove_manager(payments, tx, driver.subject, company_id, str(manager_id))
    )


@router.post(
    "/{company_id}/cards", status_code=201, summary="Issue a company's card", response_model=models.Invitation,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def issue_card(
    request: Request, company_id: UUID, body: models.NewInvitation, driver: FreshDriver
) -> models.Invitation:  # fmt: skip
    """A code by which one driver gets a card with these limits (POST /v1/fuel-cards); it is shown this once."""
    limits = limits_of(body.limits) if body.limits else Limits()
    return await _invited(payments_of(request), driver.subject, company_id, InvitationKind.CARD, limits)


@router.get(
    "/{company_id}/cards", summary="List a company's cards", response_model=models.CompanyCardPage,
    responses=problem_responses(400, 401, 403, 404, 422, 503),
)  # fmt: skip
async def list_company_cards(
    request: Request, company_id: UUID, driver: Driver, cursor: str | None = None, limit: Limit = 50
) -> models.CompanyCardPage:  # fmt: skip
    """Who has one, and what was bought with each in the day, week and month that run now."""
    payments, after = payments_of(request), decode_cursor(cursor, UUID) if cursor is not None else None
    found = await payments.store.transact(
        lambda tx: use_cases.cards_of(payments, tx, driver.subject, company_id, after, limit + 1)
    )
    return models.CompanyCardPage(
        fuel_cards=[_shown_card(one) for one in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda one: one.card.card_id),
    )


@router.post(
    "/{company_id}/cards/{card_id}/freeze", summary="Block a company's card", response_model=models.CompanyCard,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def block_company_card(request: Request, company_id: UUID, card_id: UUID, driver: Driver) -> models.CompanyCard:
    """From this moment on nothing can be paid with it, whatever its driver does."""
    return await _block(payments_of(request), driver.subject, company_id, card_id, blocked=True)


@router.post(
    "/{company_id}/cards/{card_id}/unfreeze", summary="Unblock a company's card", response_model=models.CompanyCard,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def unblock_company_card(
    request: Request, company_id: UUID, card_id: UUID, driver: FreshDriver
) -> models.CompanyCard:
    """Takes back what the company blocked; what the driver froze stays frozen."""
    return await _block(payments_of(request), driver.subject, company_id, card_id, blocked=False)


@router.put(
    "/{company_id}/cards/{card_id}/limits", summary="Set the limits of a company's card",
    response_model=models.CompanyCard, responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def limit_company_card(
    request: Request, company_id: UUID, card_id: UUID, body: LimitsIn, driver: Driver
) -> models.CompanyCard:
    """They take the place of all that were. To allow anything that was not allowed you sign in anew: 401 says so."""
    payments = payments_of(request)

    async def work(tx: Connection) -> CompanyCard:
        await use_cases.set_limits(payments, tx, driver, company_id, card_id, limits_of(body), body.plate)
        return await use_cases.card_of(payments, tx, driver.subject, company_id, card_id)

    return _shown_card(await payments.store.transact(work))


@router.delete(
    "/{company_id}/cards/{card_id}", status_code=204, summary="Take a company's card back", response_class=Response,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def take_company_card_back(request: Request, company_id: UUID, card_id: UUID, driver: Driver) -> None:
    """Its driver has it no more."""
    payments = payments_of(request)
    await payments.store.transact(
        lambda tx: use_cases.take_back(payments, tx, driver.subject, company_id, card_id)
    )  # fmt: skip


@router.post(
    "/{company_id}/recharges", status_code=201, summary="Recharge a company's account", response_model=Recharge,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503)
    | {202: {"model": Recharge, "description": "It is not known what became of it; look at the recharge"}},
)  # fmt: skip
async def recharge_company(
    request: Request, company_id: UUID, body: NewRecharge, driver: Driver, idempotency_key: Key = None
) -> Response:  # fmt: skip
    """You pay it, and the reply has what your phone needs. What the account may hold follows from its cards."""
    payments = payments_of(request)
    route = f"POST /v1/companies/{company_id}/recharges"
    asked = IdempotentRequest(driver.subject, route, require_key(idempotency_key), await request.body())
    wish = Wish(driver.subject, body.amount_minor, body.method, asked)
    return as_response(await recharge(payments, wish, use_cases.own_company(payments, driver.subject, company_id)))


@router.get(
    "/{company_id}/recharges/{recharge_id}", summary="Look at a company's recharge", response_model=Recharge,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_company_recharge(request: Request, company_id: UUID, recharge_id: UUID, driver: Driver) -> Response:
    """How far it is, and while it waits, what the payer's phone needs."""
    payments = payments_of(request)

    async def work(tx: Connection) -> bytes:
        await use_cases.look(payments, tx, driver.subject, company_id)
        return msgspec.json.encode(await look(tx, recharge_id, company_id))

    return Response(await payments.store.transact(work), media_type="application/json")


@router.get(
    "/{company_id}/transactions", summary="List a company's transactions", response_model=TransactionPage,
    responses=problem_responses(400, 401, 403, 404, 422, 503),
)  # fmt: skip
async def list_company_transactions(
    request: Request, company_id: UUID, driver: Driver, cursor: str | None = None, limit: Limit = 50
) -> TransactionPage:
    """What came onto the account and what left it by any of its cards, the newest first."""
    payments, before = payments_of(request), decode_cursor(cursor, int) if cursor is not None else None
    currency, rows = await payments.store.transact(
        lambda tx: use_cases.transactions_of(payments, tx, driver.subject, company_id, before, limit + 1)
    )
    return transaction_page(currency, rows, limit)


async def _invited(
    payments: Payments, driver_id: str, company_id: UUID, kind: InvitationKind, limits: Limits
) -> models.Invitation:  # fmt: skip
    code, expires_at = await payments.store.transact(
        lambda tx: use_cases.invite(payments, tx, driver_id, company_id, kind, limits)
    )
    return models.Invitation(invitation_code=code, expires_at=expires_at)


async def _block(
    payments: Payments, driver_id: str, company_id: UUID, card_id: UUID, *, blocked: bool
) -> models.CompanyCard:  # fmt: skip
    async def work(tx: Connection) -> CompanyCard:
        await use_cases.set_blocked(payments, tx, driver_id, company_id, card_id, blocked=blocked)
        return await use_cases.card_of(payments, tx, driver_id, company_id, card_id)

    return _shown_card(await payments.store.transact(work))


def _shown(opened: OpenedCompany) -> models.Company:
    return models.Company(
        company_id=opened.company.company_id, name=opened.name, currency=opened.company.currency,
        managers=list(opened.managers), cards=opened.cards, balance=Balance.model_validate(opened.balance),
        opened_at=opened.company.opened_at,
    )  # fmt: skip


def _shown_card(one: CompanyCard) -> models.CompanyCard:
    card = one.card
    return models.CompanyCard(
        card_id=card.card_id, version=card.version, driver_id=card.driver_id, number=one.number,
        status=card.status_at(one.at), limits=shown_limits(card.limits, one.plate), used=shown_usage(one.usage),
        time_zone=card.time_zone, opened_at=card.opened_at,
    )  # fmt: skip
