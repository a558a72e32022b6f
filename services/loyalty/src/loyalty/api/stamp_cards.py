"""A driver's stamp cards."""

from typing import Annotated

from fastapi import APIRouter, Request

from loyalty.api.context import loyalty_of
from loyalty.http_models import stamp_cards as models
from loyalty.repository import stamps as repository
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/me/stamp-cards", tags=["stamp cards"])


@router.get(
    "", summary="See your stamp cards", response_model=models.StampCards, responses=problem_responses(401, 403, 503)
)
async def list_stamp_cards(
    request: Request, driver: Annotated[Principal, Requires(Permission.PAY)]
) -> models.StampCards:
    """One for each campaign that gave you a stamp. A full card becomes a coupon by itself, and a new one begins; the
    stamp of an order that was refunded whole does not count, unless its card was full before."""
    async with loyalty_of(request).store.connection() as connection:
        cards = await repository.cards_of(connection, driver.subject)
    return models.StampCards(stamp_cards=[models.StampCard.model_validate(one) for one in cards])
