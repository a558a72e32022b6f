"""The catalogue of gifts, as an operator's staff keep it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from loyalty.domain.gifts import BadGift, Gift, require_good
from loyalty.repository import gifts as repository
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem


def keeps(principal: Principal, operator: str, station_ids: tuple[UUID, ...] | None = None) -> bool:
    """Whether the principal keeps this operator's gifts, or those that are picked up at these stations only."""
    operators, stations = principal.bindings(Permission.CAMPAIGNS_WRITE)
    return operator in operators or (bool(station_ids) and {str(one) for one in station_ids or ()} <= stations)


def require_operator(
    principal: Principal, operator: str, station_ids: tuple[UUID, ...] | None = None
) -> None:  # fmt: skip
    """Raises Problem 404 where the principal does not keep such gifts: what is foreign is not to be seen."""
    if not keeps(principal, operator, station_ids):
        raise Problem(
            404, "no-such-operator", "There is no such operator among those that your access token is bound to; where "
            "it is bound to stations, say by station_ids that it is about these alone.",
        )  # fmt: skip


async def add_gift(tx: Connection, principal: Principal, terms: Mapping[str, Any], at: datetime) -> Gift:
    """A new gift of an operator; `terms` are the fields of Gift that staff say. Raises Problem 404, 422."""
    require_operator(principal, terms["operator"], terms["station_ids"])
    starts_at = terms["starts_at"] or at
    gift = Gift(**{
        **terms, "gift_id": new_id(), "version": 1, "ordered": 0, "starts_at": starts_at, "stopped_at": None,
    })  # fmt: skip
    await _require_good(tx, gift)
    await repository.insert(tx, gift, principal.subject)
    return gift


async def change_gift(
    tx: Connection, principal: Principal, gift_id: UUID, version: int, change: Mapping[str, Any], at: datetime
) -> Gift:
    """The gift with some of its terms changed; `stock_change` is a difference, `stopped` ends or resumes the offer.

    What is ordered keeps the terms that it was ordered at. Raises Problem 404, 409 `version-conflict`, 422.
    """
    gift = await repository.lock(tx, gift_id)
    if gift is None or not keeps(principal, gift.operator, gift.station_ids):
        raise no_such_gift()
    if gift.version != version:
        raise Problem(
            409, "version-conflict", f"The gift has version {gift.version} by now: look at it, then change it again.",
            version=gift.version,
        )  # fmt: skip
    changed = _changed(gift, dict(change), at)
    require_operator(principal, changed.operator, changed.station_ids)
    await _require_good(tx, changed)
    await repository.update(tx, changed)
    return changed


def no_such_gift() -> Problem:
    """That there is none, or none that the caller may see."""
    return Problem(404, "no-such-gift", "There is no gift with this id; GET /v1/gifts lists those that are offered.")


def _changed(gift: Gift, change: dict[str, Any], at: datetime) -> Gift:
    stock = gift.stock + change.pop("stock_change", 0)
    stopped = change.pop("stopped", gift.stopped_at is not None)
    stopped_at = (gift.stopped_at or at) if stopped else None
    return replace(gift, version=gift.version + 1, stock=stock, stopped_at=stopped_at, **change)


async def _require_good(tx: Connection, gift: Gift) -> None:
    try:
        require_good(gift)
        foreign = await repository.foreign_stations(tx, gift.operator, list(gift.station_ids or ()))
        if foreign:
            raise BadGift("station_ids", f"{min(foreign)} is no station of {gift.operator}.")
    except BadGift as error:
        errors = [{"pointer": f"/{error.field}", "in": "body", "detail": str(error)}]
        raise Problem(422, "bad-gift", str(error), errors=errors) from error
