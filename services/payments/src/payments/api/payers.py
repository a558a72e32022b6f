"""How a driver pays by WeChat and Alipay: who they are there, told once."""

from typing import Annotated

from fastapi import APIRouter, Request

from payments.api.context import payments_of
from payments.http_models import payers as models
from payments.use_cases import payers as use_cases
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/me/payers", tags=["payments"])

Driver = Annotated[Principal, Requires(Permission.PAY)]


@router.get(
    "", summary="List how you can pay", response_model=models.Payers, responses=problem_responses(401, 403, 503)
)  # fmt: skip
async def list_payers(request: Request, driver: Driver) -> models.Payers:
    """The providers that you have bound."""
    found = await use_cases.payers_of(payments_of(request), driver.subject)
    return models.Payers(payers=[models.Payer(provider=one["provider"], bound_at=one["bound_at"]) for one in found])


@router.put(
    "/{provider}", summary="Bind WeChat Pay or Alipay", response_model=models.Payer,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 503),
)  # fmt: skip
async def bind_payer(
    request: Request, provider: models.ProviderName, body: models.NewPayer, driver: Driver
) -> models.Payer:
    """Lets you pay by the provider, as whom its app knows on this phone; it takes the place of who it was before."""
    bound_at = await use_cases.bind(payments_of(request), driver.subject, provider, body.code)
    return models.Payer(provider=provider, bound_at=bound_at)


@router.delete(
    "/{provider}", status_code=204, summary="Unbind WeChat Pay or Alipay",
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def unbind_payer(request: Request, provider: models.ProviderName, driver: Driver) -> None:
    """Forgets who you are at the provider; payments under way go on."""
    await use_cases.unbind(payments_of(request), driver.subject, provider)
