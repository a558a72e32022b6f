"""What fuel earns at an operator's stations, as its staff say it."""

from typing import Annotated

from fastapi import APIRouter, Request

from loyalty.api.context import loyalty_of
from loyalty.domain.earning import ScopedRule
from loyalty.http_models import earning_rules as models
from loyalty.repository.earning import RuleSet
from loyalty.use_cases import earning_rules
from loyalty.use_cases.context import Loyalty
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.http_models import Operator
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/earning-rules", tags=["earning rules"])

Staff = Annotated[Principal, Requires(Permission.CAMPAIGNS_WRITE)]


@router.get(
    "/{operator}", summary="See what fuel earns", response_model=models.Rules,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_earning_rules(request: Request, operator: Operator, staff: Staff) -> models.Rules:
    """The list as it was set last, and the platform's rules, which hold where none of it does."""
    loyalty = loyalty_of(request)
    async with loyalty.store.connection() as connection:
        return _shown(loyalty, operator, await earning_rules.newest(connection, staff, operator))


@router.put(
    "/{operator}", summary="Set what fuel earns", response_model=models.Rules,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def put_earning_rules(
    request: Request, operator: Operator, body: models.NewRules, staff: Staff
) -> models.Rules:  # fmt: skip
    """The whole list, for orders that are paid from `valid_from` on, some seconds from now: orders that were paid
    before earn as they did, however late they are counted. What was set before is kept, with who set it."""
    loyalty, rules = loyalty_of(request), [one.scoped for one in body.rules]
    added = await loyalty.store.transact(
        lambda tx: earning_rules.replace(loyalty, tx, staff, operator, body.version, rules)
    )
    return _shown(loyalty, operator, added)


def _shown(loyalty: Loyalty, operator: str, found: RuleSet | None) -> models.Rules:
    defaults = [ScopedRule(rule, currency=currency) for currency, rule in loyalty.earning.defaults.items()]
    return models.Rules(
        operator=operator, version=found.version if found else 0,
        rules=[models.Rule.of(one) for one in found.rules] if found else [],
        valid_from=found.valid_from if found else None, set_by=found.set_by if found else None,
        set_at=found.set_at if found else None, defaults=[models.Rule.of(one) for one in defaults],
    )  # fmt: skip
