"""A driver's price alerts."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response

from pricing.api.store import erasures_of, store_of
from pricing.domain.alerts import Wish
from pricing.http_models import alerts as models
from pricing.repository import alerts as repository
from pricing.use_cases import alerts as use_cases
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.erasures import require_present
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/me/price-alerts", tags=["pricing"])

Driver = Annotated[Principal, Requires(Permission.DRIVER)]


@router.get("", response_model=models.PriceAlerts, responses=problem_responses(401, 403, 503))
async def get_price_alerts(request: Request, driver: Driver) -> models.PriceAlerts:
    """Your price alerts."""
    async with store_of(request).connection() as connection:
        rows = await repository.alerts_of(connection, driver.subject)
    return models.PriceAlerts(price_alerts=[_price_alert(row) for row in rows])


@router.post(
    "", status_code=201, response_model=models.PriceAlert,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 503)
    | {200: {"model": models.PriceAlert, "description": "You had this alert already"}},
)  # fmt: skip
async def set_price_alert(
    request: Request, response: Response, wanted: models.PriceAlertRequest, driver: Driver
) -> models.PriceAlert:
    """Sets a price alert. Stations that meet it already are told in the reply and do not fire it."""
    wish = Wish(**wanted.model_dump())

    async def work(tx: Connection) -> tuple[Any, bool]:
        await require_present(erasures_of(request), tx, driver.subject)
        alert_id, is_new = await use_cases.set_alert(tx, driver.subject, wish)
        [row] = await repository.alerts_of(tx, driver.subject, alert_id)
        return row, is_new

    row, is_new = await store_of(request).transact(work)
    response.status_code = 201 if is_new else 200
    return _price_alert(row)


@router.delete("", status_code=204, responses=problem_responses(401, 403, 503))
async def delete_price_alerts(request: Request, driver: Driver) -> None:
    """Deletes all your price alerts, and with them all that is known of you here."""
    await store_of(request).transact(lambda tx: repository.delete_alerts(tx, driver.subject))


@router.delete("/{alert_id}", status_code=204, responses=problem_responses(401, 403, 404, 422, 503))
async def delete_price_alert(request: Request, alert_id: UUID, driver: Driver) -> None:
    """Deletes one of your price alerts."""
    await store_of(request).transact(lambda tx: use_cases.delete_alert(tx, driver.subject, alert_id))


def _price_alert(row: Any) -> models.PriceAlert:
    return models.PriceAlert(**{**row, "met_now": msgspec.json.decode(row["met_now"])})
