"""Quotes of fills."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response

from loyalty.api.context import loyalty_of
from loyalty.http_models import quotes as models
from loyalty.use_cases import quotes as use_cases
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/quotes", tags=["quotes"])

Driver = Annotated[Principal, Requires(Permission.PAY)]


@router.post(
    "", summary="Ask what a fill would cost", response_model=models.Quote,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def quote(request: Request, body: models.QuoteWish, driver: Driver) -> Response:
    """The pump price, each discount and why, what is paid and what is earned; of all that may be combined the best.

    It says of each coupon of yours, and of the station's campaigns, why it is not in the price. Nothing is set aside:
    ask as often as you like. What you then pay is worked out by the same rules.
    """
    shown = await use_cases.quote_fill(loyalty_of(request), driver.subject, use_cases.Wish(**body.fields()))
    return Response(msgspec.json.encode(shown), media_type="application/json")
