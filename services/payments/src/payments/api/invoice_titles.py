"""The buyers that a driver keeps for invoices."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from payments.api.context import payments_of
from payments.domain.titles import Title
from payments.http_models import invoices as models
from payments.use_cases import titles as use_cases
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/invoice-titles", tags=["invoices"])

Driver = Annotated[Principal, Requires(Permission.PAY)]


@router.get(
    "", summary="List your invoice titles", response_model=models.Titles, responses=problem_responses(401, 403, 503)
)  # fmt: skip
async def list_titles(request: Request, driver: Driver) -> models.Titles:
    """Whom your invoices may be for, the oldest first."""
    payments = payments_of(request)
    async with payments.store.connection() as connection, connection.transaction():
        titles = await use_cases.titles_of(payments, connection, driver.subject)
    return models.Titles(titles=[_shown(title_id, title) for title_id, title in titles.items()])


@router.post(
    "", status_code=201, summary="Keep an invoice title", response_model=models.Title,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 503)
    | {200: {"model": models.Title, "description": "You had just this title already"}},
)  # fmt: skip
async def add_title(request: Request, response: Response, body: models.NewTitle, driver: Driver) -> models.Title:
    """Keeps a buyer. An organisation has a taxpayer number, whose check sign must be right."""
    payments, title = payments_of(request), Title(**body.model_dump())
    title_id, is_new = await payments.store.transact(
        lambda tx: use_cases.add_title(payments, tx, driver.subject, title)
    )
    response.status_code = 201 if is_new else 200
    return _shown(title_id, title)


@router.patch(
    "/{title_id}", summary="Change an invoice title", response_model=models.Title,
    responses=problem_responses(400, 401, 403, 404, 413, 422, 503),
)  # fmt: skip
async def change_title(request: Request, title_id: UUID, body: models.TitleChange, driver: Driver) -> models.Title:
    """A JSON merge patch: what you leave out stays. Invoices keep the title as it was when you asked for them."""
    payments, change = payments_of(request), body.model_dump(exclude_unset=True)
    title = await payments.store.transact(
        lambda tx: use_cases.change_title(payments, tx, driver.subject, title_id, change)
    )
    return _shown(title_id, title)


@router.delete(
    "/{title_id}", status_code=204, summary="Remove an invoice title",
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def remove_title(request: Request, title_id: UUID, driver: Driver) -> None:
    """Removes it; invoices that it is on stay."""
    payments = payments_of(request)
    await payments.store.transact(lambda tx: use_cases.remove_title(payments, tx, driver.subject, title_id))


def _shown(title_id: UUID, title: Title) -> models.Title:
    return models.Title(title_id=title_id, **asdict(title))
